{{
    config(
        materialized="incremental",
        unique_key=["order_id", "line_id"],
        indexes=[
            {"columns": ["order_id", "line_id"], "unique": true},
            {"columns": ["load_id"]},
        ],
    )
}}

-- Order lines as they are known now.
-- Grain: one row per order and line. Who bought and when stands in fct_orders.
with new_versions as (
    {{ union_feed("order_lines", loads="new") }}
),

final as (
    select
        order_id,
        line_id,
        product_id,
        source,
        unit_count,
        sales_amount,
        retail_discount_amount,
        coupon_discount_amount,
        coupon_match_amount,
        load_id,
        row_number() over (
            partition by order_id, line_id
            order by updated_at desc, load_id desc
        ) as place
    from new_versions
)

select
    order_id,
    line_id,
    product_id,
    source,
    unit_count,
    sales_amount,
    retail_discount_amount,
    coupon_discount_amount,
    coupon_match_amount,
    load_id
from final
where place = 1
