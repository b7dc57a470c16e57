{{ config(materialized="ephemeral") }}

-- How a person took our contacts so far, as known on a business day: what followed those that
-- carried an offer, what was opened, clicked and redeemed, and consents taken back upon one.
-- Grain: one row per person_id and as_of_date of those who bought or took one back. Only models of
-- what contact changes may use it: whom we wrote to says nothing of who would have come anyway.
{%- set rules = var("policy")["contact"] %}

with feature_dates as (
    {{ feature_dates() }}
),

contacts as (
    select
        contact_id,
        person_id,
        campaign_id,
        channel,
        contact_date,
        known_from_date
    from {{ ref("fct_contacts") }}
    where person_id is not null
),

reactions as (
    select
        contact_id,
        reaction_type,
        known_from_date
    from {{ ref("fct_reactions") }}
    where reaction_type in ('open', 'click')
),

campaigns as (
    select
        campaign_id,
        has_offer
    from {{ ref("dim_campaigns") }}
),

coupons as (
    select
        person_id,
        known_from_date
    from {{ ref("fct_interactions") }}
    where person_id is not null and interaction_type = 'coupon_redemption'
),

withdrawals as (
    select
        person_id,
        withdrawn_date,
        known_from_date
    from {{ ref("fct_withdrawals") }}
    where person_id is not null
),

orders as (
    select
        person_id,
        as_of_date,
        days_ago
    from {{ ref("int_features__orders") }}
    where order_kind = 'purchase'
),

purchases as (
    select
        person_id,
        as_of_date,
        order_count,
        greatest(tenure_days + 1, 84) as tenure_days
    from {{ ref("int_features__purchases") }}
),

-- How long a contact works is the company's estimate: policy.yml, contact.effect_days.
offers as (
    select distinct
        feature_dates.as_of_date,
        contacts.person_id,
        {{ days_between("contacts.contact_date", "feature_dates.as_of_date") }} as days_ago
    from contacts
    inner join campaigns on contacts.campaign_id = campaigns.campaign_id
    inner join feature_dates on contacts.known_from_date <= feature_dates.as_of_date
    where campaigns.has_offer
),

offer_sums as (
    select
        as_of_date,
        person_id,
        sum(least({{ rules["effect_days"] }}, days_ago + 1)) as days_after_offers
    from offers
    group by as_of_date, person_id
),

orders_after_offers as (
    select
        orders.as_of_date,
        orders.person_id,
        count(*) as order_count
    from orders
    where
        exists (
            select 1
            from offers
            where
                offers.as_of_date = orders.as_of_date
                and offers.person_id = orders.person_id
                and offers.days_ago >= orders.days_ago
                and offers.days_ago - orders.days_ago < {{ rules["effect_days"] }}
        )
    group by orders.as_of_date, orders.person_id
),

contacts_taken as (
    select
        contacts.contact_id,
        contacts.person_id,
        contacts.channel,
        contacts.known_from_date,
        campaigns.has_offer,
        min(case when reactions.reaction_type = 'open' then reactions.known_from_date end)
            as opened_from_date,
        min(case when reactions.reaction_type = 'click' then reactions.known_from_date end)
            as clicked_from_date
    from contacts
    left join campaigns on contacts.campaign_id = campaigns.campaign_id
    left join reactions on contacts.contact_id = reactions.contact_id
    group by
        contacts.contact_id,
        contacts.person_id,
        contacts.channel,
        contacts.known_from_date,
        campaigns.has_offer
),

contact_sums as (
    select
        feature_dates.as_of_date,
        contacts_taken.person_id,
        count(*) as contact_count,
        count(case when contacts_taken.channel = 'email' then 1 end) as mail_count,
        count(case when contacts_taken.has_offer then 1 end) as offer_count,
        count(case when contacts_taken.opened_from_date <= feature_dates.as_of_date then 1 end)
            as opened_count,
        count(case when contacts_taken.clicked_from_date <= feature_dates.as_of_date then 1 end)
            as clicked_count
    from contacts_taken
    inner join feature_dates on contacts_taken.known_from_date <= feature_dates.as_of_date
    group by feature_dates.as_of_date, contacts_taken.person_id
),

coupon_sums as (
    select
        feature_dates.as_of_date,
        coupons.person_id,
        count(*) as coupon_count
    from coupons
    inner join feature_dates on coupons.known_from_date <= feature_dates.as_of_date
    group by feature_dates.as_of_date, coupons.person_id
),

taken as (
    select
        contact_sums.as_of_date,
        contact_sums.person_id,
        contact_sums.contact_count,
        contact_sums.mail_count,
        contact_sums.offer_count,
        contact_sums.opened_count,
        contact_sums.clicked_count,
        coalesce(coupon_sums.coupon_count, 0) as coupon_count
    from contact_sums
    left join coupon_sums
        on contact_sums.as_of_date = coupon_sums.as_of_date
        and contact_sums.person_id = coupon_sums.person_id
),

-- Who takes a consent back soon after a contact was driven to it; others change their minds.
withdrawal_sums as (
    select
        feature_dates.as_of_date,
        withdrawals.person_id,
        count(*) as contact_withdrawal_count
    from withdrawals
    inner join feature_dates on withdrawals.known_from_date <= feature_dates.as_of_date
    where
        exists (
            select 1
            from contacts
            where
                contacts.person_id = withdrawals.person_id
                and {{ days_between("contacts.contact_date", "withdrawals.withdrawn_date") }}
                between 0 and {{ rules["withdrawal_days"] }}
        )
    group by feature_dates.as_of_date, withdrawals.person_id
),

-- Purchases in as many days as a contact works: as they come on average, and while offers worked
-- over that. Two are added to both: a single purchase more or less says little.
paces as (
    select
        purchases.as_of_date,
        purchases.person_id,
        1.0 * {{ rules["effect_days"] }} * purchases.order_count / purchases.tenure_days
            as usual_purchases,
        (coalesce(orders_after_offers.order_count, 0) + 2.0)
        / (
            1.0 * purchases.order_count / purchases.tenure_days
            * coalesce(offer_sums.days_after_offers, 0) + 2.0
        ) as offer_response
    from purchases
    left join offer_sums
        on purchases.as_of_date = offer_sums.as_of_date
        and purchases.person_id = offer_sums.person_id
    left join orders_after_offers
        on purchases.as_of_date = orders_after_offers.as_of_date
        and purchases.person_id = orders_after_offers.person_id
),

known as (
    select
        coalesce(paces.person_id, withdrawal_sums.person_id) as person_id,
        coalesce(paces.as_of_date, withdrawal_sums.as_of_date) as as_of_date,
        paces.usual_purchases,
        paces.offer_response,
        paces.usual_purchases * paces.offer_response as offer_purchases,
        withdrawal_sums.contact_withdrawal_count
    from paces
    full join withdrawal_sums
        on paces.as_of_date = withdrawal_sums.as_of_date
        and paces.person_id = withdrawal_sums.person_id
),

-- One opened of four mails, one click on sixteen contacts and half a coupon on four offers are
-- added, about what is common: a single one says little.
final as (
    select
        known.person_id,
        known.as_of_date,
        known.usual_purchases,
        known.offer_response,
        known.offer_purchases,
        (coalesce(taken.opened_count, 0) + 1.0) / (coalesce(taken.mail_count, 0) + 4)
            as opened_share,
        (coalesce(taken.clicked_count, 0) + 1.0) / (coalesce(taken.contact_count, 0) + 16)
            as clicked_share,
        (coalesce(taken.coupon_count, 0) + 0.5) / (coalesce(taken.offer_count, 0) + 4)
            as coupons_per_offer,
        known.contact_withdrawal_count
    from known
    left join taken
        on known.as_of_date = taken.as_of_date
        and known.person_id = taken.person_id
)

select
    person_id,
    as_of_date,
    cast(usual_purchases as double precision) as usual_purchases,
    cast(offer_response as double precision) as offer_response,
    cast(offer_purchases as double precision) as offer_purchases,
    cast(opened_share as double precision) as opened_share,
    cast(clicked_share as double precision) as clicked_share,
    cast(coupons_per_offer as double precision) as coupons_per_offer,
    cast(contact_withdrawal_count as double precision) as contact_withdrawal_count
from final
