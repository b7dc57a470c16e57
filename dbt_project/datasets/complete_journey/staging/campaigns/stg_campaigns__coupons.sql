-- Coupons and the products they are good for.
-- Grain: one row per campaign, coupon, product and drop it came in.
with coupons as (
    select
        campaign_id,
        coupon_upc,
        product_id,
        _dlt_load_id
    from {{ source("campaigns", "coupons") }}
    where {{ is_accepted("campaigns", "coupons") }}
),

final as (
    select
        'campaigns:' || campaign_id as campaign_id,
        cast(coupon_upc as text) as coupon_code,
        'shop:' || product_id as product_id,
        _dlt_load_id as load_id
    from coupons
)

select
    campaign_id,
    coupon_code,
    product_id,
    load_id
from final
