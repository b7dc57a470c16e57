-- Lines of the orders on the web and in the app.
-- Grain: one row per version of an order's line.
with order_lines as (
    select
        order_id,
        line_number,
        product_id,
        quantity,
        unit_price,
        discount_amount,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "order_lines") }}
    where {{ is_accepted("shop", "order_lines") }}
),

final as (
    select
        'shop:' || order_id as order_id,
        cast(line_number as text) as line_id,
        'shop:' || product_id as product_id,
        quantity as unit_count,
        quantity * unit_price - discount_amount as sales_amount,
        -- A coupon's discount is in it: the shop does not keep the two apart.
        discount_amount as retail_discount_amount,
        0 as coupon_discount_amount,
        0 as coupon_match_amount,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from order_lines
)

select
    order_id,
    line_id,
    product_id,
    unit_count,
    sales_amount,
    retail_discount_amount,
    coupon_discount_amount,
    coupon_match_amount,
    reported_date,
    updated_at,
    load_id
from final
