{{ config(indexes=[{"columns": ["campaign_id"], "unique": true}]) }}

-- Campaigns with how many products their coupons were good for. Whom they reached: fct_contacts.
-- Grain: one row per campaign.
with versions as (
    {{ union_feed("campaigns") }}
),

offers as (
    {{ union_feed("campaign_offers") }}
),

campaigns as (
    select
        campaign_id,
        campaign_type,
        start_date,
        end_date,
        has_offer,
        source,
        row_number() over (
            partition by campaign_id
            order by reported_date desc, load_id desc
        ) as place
    from versions
),

coupons as (
    select distinct
        campaign_id,
        coupon_code
    from offers
),

products as (
    select distinct
        campaign_id,
        product_id
    from offers
),

coupon_counts as (
    select
        campaign_id,
        count(coupon_code) as coupon_count
    from coupons
    group by campaign_id
),

product_counts as (
    select
        campaign_id,
        count(product_id) as product_count
    from products
    group by campaign_id
),

final as (
    select
        campaigns.campaign_id,
        campaigns.campaign_type,
        campaigns.start_date,
        campaigns.end_date,
        campaigns.has_offer,
        coalesce(coupon_counts.coupon_count, 0) as coupon_count,
        coalesce(product_counts.product_count, 0) as product_count,
        campaigns.source
    from campaigns
    left join coupon_counts on campaigns.campaign_id = coupon_counts.campaign_id
    left join product_counts on campaigns.campaign_id = product_counts.campaign_id
    where campaigns.place = 1
)

select
    campaign_id,
    campaign_type,
    start_date,
    end_date,
    has_offer,
    coupon_count,
    product_count,
    source
from final
