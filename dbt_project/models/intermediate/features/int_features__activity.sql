{{ config(materialized="ephemeral") }}

-- What a person did on the web and in the app, what we sent and which coupons were redeemed, as
-- known on a business day.
-- Grain: one row per person_id and as_of_date of those with any of it. Visits are read for a year:
-- of whom the log has not seen since, it knows nothing.
with feature_dates as (
    {{ feature_dates() }}
),

interactions as (
    select
        person_id,
        interaction_type,
        interaction_date,
        known_from_date
    from {{ ref("fct_interactions") }}
    where person_id is not null
),

contacts as (
    select
        person_id,
        contact_date,
        known_from_date
    from {{ ref("fct_contacts") }}
    where person_id is not null
),

-- A day at a time: a visit is a day with any of it, however many pages were seen.
interaction_days as (
    select
        feature_dates.as_of_date,
        interactions.person_id,
        {{ days_between("interactions.interaction_date", "feature_dates.as_of_date") }} as days_ago,
        count(*) filter (where interactions.interaction_type = 'coupon_redemption')
            as redemption_count,
        count(*) filter (where interactions.interaction_type <> 'coupon_redemption') as event_count,
        count(*) filter (where interactions.interaction_type = 'login') as login_count,
        count(*) filter (where interactions.interaction_type = 'product_view') as view_count,
        count(*) filter (where interactions.interaction_type = 'cart_add') as cart_count,
        count(*) filter (where interactions.interaction_type = 'app_open') as app_open_count
    from interactions
    inner join feature_dates
        on interactions.known_from_date <= feature_dates.as_of_date
        and {{ days_between("interactions.interaction_date", "feature_dates.as_of_date") }} < 365
    group by
        feature_dates.as_of_date, interactions.person_id, interactions.interaction_date
),

visit_sums as (
    select
        as_of_date,
        person_id,
        min(days_ago) as days_since_visit,
        count(*) filter (where days_ago < 28) as visit_day_count_28d,
        count(*) filter (where days_ago < 84) as visit_day_count_84d,
        count(*) filter (where days_ago between 84 and 167) as visit_day_count_before,
        coalesce(sum(login_count) filter (where days_ago < 28), 0) as login_count_28d,
        coalesce(sum(login_count) filter (where days_ago < 84), 0) as login_count_84d,
        coalesce(sum(view_count) filter (where days_ago < 28), 0) as view_count_28d,
        coalesce(sum(cart_count) filter (where days_ago < 28), 0) as cart_count_28d,
        coalesce(sum(app_open_count) filter (where days_ago < 28), 0) as app_open_count_28d,
        count(*) as visit_day_count_365d,
        1.0 * (max(days_ago) - min(days_ago)) / nullif(count(*) - 1, 0) as visit_gap_days,
        min(days_ago) filter (where login_count > 0) as days_since_login,
        min(days_ago) filter (where cart_count > 0) as days_since_cart
    from interaction_days
    where event_count > 0
    group by as_of_date, person_id
),

redemption_sums as (
    select
        as_of_date,
        person_id,
        sum(redemption_count) as redemption_count_168d
    from interaction_days
    where redemption_count > 0 and days_ago < 168
    group by as_of_date, person_id
),

contact_sums as (
    select
        feature_dates.as_of_date,
        contacts.person_id,
        min({{ days_between("contacts.contact_date", "feature_dates.as_of_date") }})
            as days_since_campaign_contact,
        count(*) filter (
            where
            {{ days_between("contacts.contact_date", "feature_dates.as_of_date") }} < 84
        ) as campaign_contact_count_84d
    from contacts
    inner join feature_dates on contacts.known_from_date <= feature_dates.as_of_date
    group by feature_dates.as_of_date, contacts.person_id
),

anybody as (
    select
        as_of_date,
        person_id
    from visit_sums
    union
    select
        as_of_date,
        person_id
    from redemption_sums
    union
    select
        as_of_date,
        person_id
    from contact_sums
),

final as (
    select
        anybody.person_id,
        anybody.as_of_date,
        visit_sums.days_since_visit,
        visit_sums.visit_day_count_28d,
        visit_sums.visit_day_count_84d,
        3.0 * visit_sums.visit_day_count_28d / nullif(visit_sums.visit_day_count_84d, 0)
            as visit_trend,
        1.0 * visit_sums.visit_day_count_84d / nullif(visit_sums.visit_day_count_before, 0)
            as visit_change_84d,
        visit_sums.visit_day_count_365d,
        visit_sums.visit_gap_days,
        visit_sums.days_since_visit / nullif(visit_sums.visit_gap_days, 0)
            as visit_recency_over_gap,
        visit_sums.login_count_28d,
        visit_sums.login_count_84d,
        visit_sums.view_count_28d,
        visit_sums.cart_count_28d,
        visit_sums.app_open_count_28d,
        visit_sums.days_since_login,
        visit_sums.days_since_cart,
        redemption_sums.redemption_count_168d,
        contact_sums.campaign_contact_count_84d,
        contact_sums.days_since_campaign_contact
    from anybody
    left join visit_sums
        on anybody.as_of_date = visit_sums.as_of_date
        and anybody.person_id = visit_sums.person_id
    left join redemption_sums
        on anybody.as_of_date = redemption_sums.as_of_date
        and anybody.person_id = redemption_sums.person_id
    left join contact_sums
        on anybody.as_of_date = contact_sums.as_of_date
        and anybody.person_id = contact_sums.person_id
)

select
    person_id,
    as_of_date,
    cast(days_since_visit as double precision) as days_since_visit,
    cast(visit_day_count_28d as double precision) as visit_day_count_28d,
    cast(visit_day_count_84d as double precision) as visit_day_count_84d,
    cast(visit_trend as double precision) as visit_trend,
    cast(visit_change_84d as double precision) as visit_change_84d,
    cast(visit_day_count_365d as double precision) as visit_day_count_365d,
    cast(visit_gap_days as double precision) as visit_gap_days,
    cast(visit_recency_over_gap as double precision) as visit_recency_over_gap,
    cast(login_count_28d as double precision) as login_count_28d,
    cast(login_count_84d as double precision) as login_count_84d,
    cast(view_count_28d as double precision) as view_count_28d,
    cast(cart_count_28d as double precision) as cart_count_28d,
    cast(app_open_count_28d as double precision) as app_open_count_28d,
    cast(days_since_login as double precision) as days_since_login,
    cast(days_since_cart as double precision) as days_since_cart,
    cast(redemption_count_168d as double precision) as redemption_count_168d,
    cast(campaign_contact_count_84d as double precision) as campaign_contact_count_84d,
    cast(days_since_campaign_contact as double precision) as days_since_campaign_contact
from final
