-- Lines of the shop's baskets.
-- Grain: one row per version of a basket's product.
with basket_lines as (
    select
        basket_id,
        product_id,
        quantity,
        sales_value,
        retail_discount,
        coupon_discount,
        coupon_match_discount,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "basket_lines") }}
    where {{ is_accepted("shop", "basket_lines") }}
),

final as (
    select
        'shop:' || basket_id as order_id,
        -- A basket has one line per product.
        cast(product_id as text) as line_id,
        'shop:' || product_id as product_id,
        quantity as unit_count,
        sales_value as sales_amount,
        retail_discount as retail_discount_amount,
        coupon_discount as coupon_discount_amount,
        coupon_match_discount as coupon_match_amount,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from basket_lines
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
