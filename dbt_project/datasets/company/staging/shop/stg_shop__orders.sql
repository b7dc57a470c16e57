-- Orders on the web and in the app.
-- Grain: one row per version of an order. No amounts: they stand in the lines.
with orders as (
    select
        order_id,
        member_id,
        channel,
        device_id,
        ordered_at,
        status,
        delivery_fee,
        coupon_id,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "orders") }}
    where {{ is_accepted("shop", "orders") }}
),

final as (
    select
        'shop:' || order_id as order_id,
        cast(member_id as text) as source_customer_id,
        'shop:' || {{ trimmed("channel") }} as store_id,
        case when {{ trimmed("status") }} = 'cancelled' then 'cancelled' else 'purchase' end
            as order_kind,
        {{ trimmed("status") }} as order_status,
        {{ trimmed("device_id") }} as device_id,
        'shop:' || coupon_id as coupon_id,
        delivery_fee,
        ordered_at as purchased_at,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from orders
)

select
    order_id,
    source_customer_id,
    store_id,
    order_kind,
    order_status,
    device_id,
    coupon_id,
    delivery_fee,
    purchased_at,
    reported_date,
    updated_at,
    load_id
from final
