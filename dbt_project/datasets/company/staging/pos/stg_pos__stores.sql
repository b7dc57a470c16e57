-- Stores of the company.
-- Grain: one row per version of a store.
with stores as (
    select
        store_id,
        name,
        region,
        opened_on,
        updated_at,
        _dlt_load_id
    from {{ source("pos", "stores") }}
    where {{ is_accepted("pos", "stores") }}
),

final as (
    select
        'pos:' || store_id as store_id,
        {{ trimmed("name") }} as store_name,
        {{ trimmed("region") }} as region,
        opened_on as opened_date,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from stores
)

select
    store_id,
    store_name,
    region,
    opened_date,
    reported_date,
    updated_at,
    load_id
from final
