-- Lines of the stores' receipts.
-- Grain: one row per version of a receipt's line. Lines of a refund are negative.
with receipt_lines as (
    select
        receipt_id,
        line_number,
        product_id,
        quantity,
        unit_price,
        discount_amount,
        updated_at,
        _dlt_load_id
    from {{ source("pos", "receipt_lines") }}
    where {{ is_accepted("pos", "receipt_lines") }}
),

final as (
    select
        'pos:' || receipt_id as order_id,
        cast(line_number as text) as line_id,
        -- The tills sell the products that the shop describes, under the same numbers.
        'shop:' || product_id as product_id,
        quantity as unit_count,
        quantity * unit_price - discount_amount as sales_amount,
        discount_amount as retail_discount_amount,
        0 as coupon_discount_amount,
        0 as coupon_match_amount,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from receipt_lines
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
