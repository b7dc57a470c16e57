{{ config(materialized="ephemeral") }}

-- How a person took our contacts so far, as known on a business day: what followed those that
-- carried an offer, and consents that were taken back upon one.
-- Grain: one row per person_id and as_of_date of those who bought or took one back. Only models of
-- what contact changes may use it: whom we wrote to says nothing of who would have come anyway.
{%- set rules = var("policy")["contact"] %}

with feature_dates as (
    {{ feature_dates() }}
),

contacts as (
    select
        person_id,
        campaign_id,
        contact_date,
        known_from_date
    from {{ ref("fct_contacts") }}
    where person_id is not null
),

campaigns as (
    select
        campaign_id,
        has_offer
    from {{ ref("dim_campaigns") }}
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
        order_id,
        days_ago
    from {{ ref("int_features__orders") }}
    where order_kind = 'purchase'
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

order_sums as (
    select
        as_of_date,
        person_id,
        count(*) as order_count,
        greatest(max(days_ago) + 1, 84) as tenure_days
    from orders
    group by as_of_date, person_id
),

orders_after_offers as (
    select
        offers.as_of_date,
        offers.person_id,
        count(distinct orders.order_id) as order_count
    from offers
    inner join orders
        on offers.as_of_date = orders.as_of_date
        and offers.person_id = orders.person_id
        and offers.days_ago >= orders.days_ago
        and offers.days_ago - orders.days_ago < {{ rules["effect_days"] }}
    group by offers.as_of_date, offers.person_id
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
        order_sums.as_of_date,
        order_sums.person_id,
        1.0 * {{ rules["effect_days"] }} * order_sums.order_count / order_sums.tenure_days
            as usual_purchases,
        (coalesce(orders_after_offers.order_count, 0) + 2.0)
        / (
            1.0 * order_sums.order_count / order_sums.tenure_days
            * coalesce(offer_sums.days_after_offers, 0) + 2.0
        ) as offer_response
    from order_sums
    left join offer_sums
        on order_sums.as_of_date = offer_sums.as_of_date
        and order_sums.person_id = offer_sums.person_id
    left join orders_after_offers
        on order_sums.as_of_date = orders_after_offers.as_of_date
        and order_sums.person_id = orders_after_offers.person_id
),

final as (
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
)

select
    person_id,
    as_of_date,
    cast(usual_purchases as double precision) as usual_purchases,
    cast(offer_response as double precision) as offer_response,
    cast(offer_purchases as double precision) as offer_purchases,
    cast(contact_withdrawal_count as double precision) as contact_withdrawal_count
from final
