-- Stores of the shop.
-- Grain: one row per version of a store.
with stores as (
    select
        store_id,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "stores") }}
    where {{ is_accepted("shop", "stores") }}
),

final as (
    select
        'shop:' || store_id as store_id,
        updated_at,
        _dlt_load_id as load_id
    from stores
)

select
    store_id,
    updated_at,
    load_id
from final
