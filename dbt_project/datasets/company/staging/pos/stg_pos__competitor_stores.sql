-- Stores that competitors opened, as store operations notes them.
-- Grain: one row per version of a store.
with competitor_stores as (
    select
        competitor_store_id,
        region,
        opened_on,
        updated_at,
        _dlt_load_id
    from {{ source("pos", "competitor_stores") }}
    where {{ is_accepted("pos", "competitor_stores") }}
),

final as (
    select
        'pos:' || competitor_store_id as competitor_id,
        {{ trimmed("region") }} as region,
        opened_on as opened_date,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from competitor_stores
)

select
    competitor_id,
    region,
    opened_date,
    reported_date,
    updated_at,
    load_id
from final
