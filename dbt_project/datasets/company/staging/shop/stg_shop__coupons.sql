-- Coupons issued to members: interactions, once they are redeemed.
-- Grain: one row per version of a coupon. Without an interaction_date it has not been redeemed.
with coupons as (
    select
        coupon_id,
        member_id,
        campaign_id,
        discount_percent,
        issued_at,
        expires_on,
        redeemed_at,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "coupons") }}
    where {{ is_accepted("shop", "coupons") }}
),

final as (
    select
        'shop:coupon:' || coupon_id as interaction_id,
        cast(member_id as text) as source_customer_id,
        'mailer:' || campaign_id as campaign_id,
        'coupon_redemption' as interaction_type,
        cast(coupon_id as text) as subject,
        discount_percent,
        issued_at,
        expires_on as expires_date,
        {{ business_date("redeemed_at") }} as interaction_date,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from coupons
)

select
    interaction_id,
    source_customer_id,
    campaign_id,
    interaction_type,
    subject,
    discount_percent,
    issued_at,
    expires_date,
    interaction_date,
    reported_date,
    updated_at,
    load_id
from final
