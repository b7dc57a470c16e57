-- Coupons that households redeemed.
-- Grain: one row per household, coupon, campaign, day and drop it came in.
with coupon_redemptions as (
    select
        household_id,
        coupon_upc,
        campaign_id,
        redemption_date,
        _file_date,
        _dlt_load_id
    from {{ source("campaigns", "coupon_redemptions") }}
    where {{ is_accepted("campaigns", "coupon_redemptions") }}
),

final as (
    select
        'campaigns:' || campaign_id || ':' || household_id || ':' || coupon_upc || ':'
        || redemption_date as interaction_id,
        cast(household_id as text) as source_customer_id,
        'campaigns:' || campaign_id as campaign_id,
        'coupon_redemption' as interaction_type,
        cast(coupon_upc as text) as subject,
        redemption_date as interaction_date,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from coupon_redemptions
)

select
    interaction_id,
    source_customer_id,
    campaign_id,
    interaction_type,
    subject,
    interaction_date,
    reported_date,
    load_id
from final
