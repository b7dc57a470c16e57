-- Baskets of the shop: the orders.
-- Grain: one row per version of a basket. No amounts: they stand in the lines.
with baskets as (
    select
        basket_id,
        customer_id,
        store_id,
        purchased_at,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "baskets") }}
    where {{ is_accepted("shop", "baskets") }}
),

final as (
    select
        'shop:' || basket_id as order_id,
        cast(customer_id as text) as source_customer_id,
        'shop:' || store_id as store_id,
        'purchase' as order_kind,
        purchased_at,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from baskets
)

select
    order_id,
    source_customer_id,
    store_id,
    order_kind,
    purchased_at,
    reported_date,
    updated_at,
    load_id
from final
