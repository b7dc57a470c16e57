{{
    config(
        unique_key="as_of_date",
        indexes=[{"columns": ["as_of_date", "person_id"], "unique": true}],
    )
}}

-- What models know of a person on a business day: one definition for training and for scoring.
-- Grain: one row per person_id and as_of_date. Nothing that became known after as_of_date is here.
-- A window of N days ends with as_of_date and counts it. Unknown is null, never zero.
with feature_dates as (
    {{ feature_dates() }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

records as (
    select
        source,
        source_customer_id,
        {{ business_date("first_seen_at") }} as first_seen_date
    from {{ ref("int_persons__unioned") }}
),

order_versions as (
    select
        order_id,
        known_from_date,
        known_to_date,
        source,
        source_customer_id,
        store_id,
        order_date,
        line_count,
        order_amount,
        retail_discount_amount,
        coupon_discount_amount,
        coupon_match_amount,
        private_brand_amount,
        departments
    from {{ ref("int_orders__versioned") }}
    -- What was cancelled is no purchase, nor is a refund: what was bought counts as it was bought,
    -- also where some of it came back.
    where order_kind = 'purchase'
),

contacts as (
    select
        person_id,
        contact_date,
        known_from_date
    from {{ ref("fct_contacts") }}
),

interactions as (
    select
        person_id,
        interaction_type,
        interaction_date,
        known_from_date
    from {{ ref("fct_interactions") }}
),

demographics as (
    select
        person_id,
        source,
        source_customer_id,
        reported_date,
        household_size,
        income_level,
        age_level,
        has_children
    from {{ ref("int_demographics__reported") }}
),

persons as (
    select
        feature_dates.as_of_date,
        links.person_id
    from records
    inner join links
        on records.source = links.source
        and records.source_customer_id = links.source_customer_id
    inner join feature_dates on records.first_seen_date <= feature_dates.as_of_date
    group by feature_dates.as_of_date, links.person_id
),

orders as (
    select
        feature_dates.as_of_date,
        links.person_id,
        order_versions.order_id,
        order_versions.store_id,
        order_versions.order_date,
        {{ days_between("order_versions.order_date", "feature_dates.as_of_date") }} as days_ago,
        order_versions.line_count,
        order_versions.order_amount,
        order_versions.retail_discount_amount,
        order_versions.coupon_discount_amount + order_versions.coupon_match_amount
            as coupon_amount,
        -- At shelf prices: what the shop received and what it gave away itself.
        order_versions.order_amount + order_versions.retail_discount_amount
        + order_versions.coupon_match_amount as gross_amount,
        order_versions.private_brand_amount,
        order_versions.departments
    from order_versions
    inner join feature_dates
        on order_versions.known_from_date <= feature_dates.as_of_date
        and (
            order_versions.known_to_date > feature_dates.as_of_date
            or order_versions.known_to_date is null
        )
    inner join links
        on order_versions.source = links.source
        and order_versions.source_customer_id = links.source_customer_id
),

order_sums as (
    select
        as_of_date,
        person_id,
        count(*) as order_count,
        sum(order_amount) as order_amount,
        min(days_ago) as recency_days,
        max(days_ago) as tenure_days,
        count(*) filter (where days_ago < 28) as order_count_28d,
        count(*) filter (where days_ago < 84) as order_count_84d,
        count(*) filter (where days_ago < 168) as order_count_168d,
        coalesce(sum(order_amount) filter (where days_ago < 28), 0) as spend_28d,
        coalesce(sum(order_amount) filter (where days_ago < 84), 0) as spend_84d,
        coalesce(sum(order_amount) filter (where days_ago < 168), 0) as spend_168d,
        sum(line_count) filter (where days_ago < 84) as line_count_84d,
        sum(gross_amount) filter (where days_ago < 84) as gross_amount_84d,
        sum(retail_discount_amount) filter (where days_ago < 84) as retail_discount_amount_84d,
        sum(coupon_amount) filter (where days_ago < 84) as coupon_amount_84d,
        sum(private_brand_amount) filter (where days_ago < 84) as private_brand_amount_84d,
        count(*) filter (
            where days_ago < 84 and extract(isodow from order_date) in (6, 7)
        ) as weekend_order_count_84d
    from orders
    group by as_of_date, person_id
),

order_days as (
    select
        as_of_date,
        person_id,
        order_date,
        {{ days_between(
            "lag(order_date) over (partition by as_of_date, person_id order by order_date)",
            "order_date",
        ) }} as gap_days
    from orders
    group by as_of_date, person_id, order_date
),

rhythms as (
    select
        as_of_date,
        person_id,
        avg(gap_days) as average_gap_days,
        stddev_samp(gap_days) as gap_deviation_days
    from order_days
    group by as_of_date, person_id
),

varieties as (
    select
        as_of_date,
        person_id,
        count(distinct days_ago / 7) as active_weeks_84d,
        count(distinct store_id) as store_count_84d
    from orders
    where days_ago < 84
    group by as_of_date, person_id
),

departments as (
    select
        orders.as_of_date,
        orders.person_id,
        count(distinct department.value) as department_count_84d
    from orders
    {{ split_values("orders.departments", "department") }}
    where orders.days_ago < 84
    group by orders.as_of_date, orders.person_id
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

redemption_sums as (
    select
        feature_dates.as_of_date,
        interactions.person_id,
        count(*) as redemption_count_168d
    from interactions
    inner join feature_dates
        on interactions.known_from_date <= feature_dates.as_of_date
        and {{ days_between("interactions.interaction_date", "feature_dates.as_of_date") }} < 168
    where interactions.interaction_type = 'coupon_redemption'
    group by feature_dates.as_of_date, interactions.person_id
),

-- The newest report known on the day wins with all its attributes, as in dim_customers.
known_demographics as (
    select
        feature_dates.as_of_date,
        demographics.person_id,
        demographics.household_size,
        demographics.income_level,
        demographics.age_level,
        demographics.has_children,
        {{ days_between("demographics.reported_date", "feature_dates.as_of_date") }}
            as demographics_age_days,
        row_number() over (
            partition by feature_dates.as_of_date, demographics.person_id
            order by
                demographics.reported_date desc, demographics.source asc,
                demographics.source_customer_id asc
        ) as place
    from demographics
    inner join feature_dates on demographics.reported_date <= feature_dates.as_of_date
),

measured as (
    select
        persons.person_id,
        persons.as_of_date,
        -- The company's rule of who is a customer of which kind: policy.yml, populations.
        case
            when order_sums.order_count is null then 'prospect'
            when order_sums.order_count < {{ var("policy")["populations"]["min_orders"] }}
                then 'new'
            when
                order_sums.recency_days
                <= {{ var("policy")["populations"]["live_within_days"] }}
                then 'live'
            else 'lapsed'
        end as population,
        order_sums.order_amount,
        -- Days of buying a rate is taken over: at least a horizon, so that two purchases on one
        -- day do not make a great customer.
        least(84, greatest(order_sums.tenure_days + 1, {{ var("policy")["horizon_days"] }}))
            as recent_days,
        greatest(84, order_sums.tenure_days - order_sums.recency_days + 1) as active_days,
        order_sums.recency_days,
        order_sums.tenure_days,
        order_sums.order_count_28d,
        order_sums.order_count_84d,
        order_sums.order_count_168d,
        order_sums.spend_28d,
        order_sums.spend_84d,
        order_sums.spend_168d,
        rhythms.average_gap_days,
        rhythms.gap_deviation_days,
        order_sums.recency_days / nullif(rhythms.average_gap_days, 0) as recency_over_gap,
        3.0 * order_sums.order_count_28d / nullif(order_sums.order_count_84d, 0) as order_trend,
        3.0 * order_sums.spend_28d / nullif(order_sums.spend_84d, 0) as spend_trend,
        case when order_sums.order_count > 0 then coalesce(varieties.active_weeks_84d, 0) end
            as active_weeks_84d,
        order_sums.spend_84d / nullif(order_sums.order_count_84d, 0) as average_order_amount_84d,
        order_sums.line_count_84d / nullif(order_sums.order_count_84d, 0) as lines_per_order_84d,
        case when order_sums.order_count > 0 then coalesce(departments.department_count_84d, 0) end
            as department_count_84d,
        case when order_sums.order_count > 0 then coalesce(varieties.store_count_84d, 0) end
            as store_count_84d,
        order_sums.retail_discount_amount_84d / nullif(order_sums.gross_amount_84d, 0)
            as discount_share_84d,
        order_sums.coupon_amount_84d / nullif(order_sums.gross_amount_84d, 0) as coupon_share_84d,
        order_sums.private_brand_amount_84d / nullif(order_sums.spend_84d, 0)
            as private_brand_share_84d,
        1.0 * order_sums.weekend_order_count_84d / nullif(order_sums.order_count_84d, 0)
            as weekend_share_84d,
        -- Contacts and redemptions are counted by their source: none reported is none.
        coalesce(contact_sums.campaign_contact_count_84d, 0) as campaign_contact_count_84d,
        contact_sums.days_since_campaign_contact,
        coalesce(redemption_sums.redemption_count_168d, 0) as redemption_count_168d,
        extract(month from persons.as_of_date) as calendar_month,
        known_demographics.household_size,
        known_demographics.income_level,
        known_demographics.age_level,
        cast(known_demographics.has_children as integer) as has_children,
        known_demographics.demographics_age_days
    from persons
    left join order_sums
        on persons.as_of_date = order_sums.as_of_date
        and persons.person_id = order_sums.person_id
    left join rhythms
        on persons.as_of_date = rhythms.as_of_date
        and persons.person_id = rhythms.person_id
    left join varieties
        on persons.as_of_date = varieties.as_of_date
        and persons.person_id = varieties.person_id
    left join departments
        on persons.as_of_date = departments.as_of_date
        and persons.person_id = departments.person_id
    left join contact_sums
        on persons.as_of_date = contact_sums.as_of_date
        and persons.person_id = contact_sums.person_id
    left join redemption_sums
        on persons.as_of_date = redemption_sums.as_of_date
        and persons.person_id = redemption_sums.person_id
    left join known_demographics
        on persons.as_of_date = known_demographics.as_of_date
        and persons.person_id = known_demographics.person_id
        and known_demographics.place = 1
),

final as (
    select
        person_id,
        as_of_date,
        population,
        -- Expected spend over the next horizon if the person went on as before: as in the last 84
        -- days; for the lapsed, who bought little or nothing in them, as in the time they bought.
        {{ var("policy")["horizon_days"] }} * case
            when population = 'lapsed' then 1.0 * order_amount / active_days
            else 1.0 * spend_84d / recent_days
        end as value_amount,
        recency_days,
        tenure_days,
        order_count_28d,
        order_count_84d,
        order_count_168d,
        spend_28d,
        spend_84d,
        spend_168d,
        average_gap_days,
        gap_deviation_days,
        recency_over_gap,
        order_trend,
        spend_trend,
        active_weeks_84d,
        average_order_amount_84d,
        lines_per_order_84d,
        department_count_84d,
        store_count_84d,
        discount_share_84d,
        coupon_share_84d,
        private_brand_share_84d,
        weekend_share_84d,
        campaign_contact_count_84d,
        days_since_campaign_contact,
        redemption_count_168d,
        calendar_month,
        household_size,
        income_level,
        age_level,
        has_children,
        demographics_age_days
    from measured
)

select
    person_id,
    as_of_date,
    population,
    cast(value_amount as double precision) as value_amount,
    cast(recency_days as double precision) as recency_days,
    cast(tenure_days as double precision) as tenure_days,
    cast(order_count_28d as double precision) as order_count_28d,
    cast(order_count_84d as double precision) as order_count_84d,
    cast(order_count_168d as double precision) as order_count_168d,
    cast(spend_28d as double precision) as spend_28d,
    cast(spend_84d as double precision) as spend_84d,
    cast(spend_168d as double precision) as spend_168d,
    cast(average_gap_days as double precision) as average_gap_days,
    cast(gap_deviation_days as double precision) as gap_deviation_days,
    cast(recency_over_gap as double precision) as recency_over_gap,
    cast(order_trend as double precision) as order_trend,
    cast(spend_trend as double precision) as spend_trend,
    cast(active_weeks_84d as double precision) as active_weeks_84d,
    cast(average_order_amount_84d as double precision) as average_order_amount_84d,
    cast(lines_per_order_84d as double precision) as lines_per_order_84d,
    cast(department_count_84d as double precision) as department_count_84d,
    cast(store_count_84d as double precision) as store_count_84d,
    cast(discount_share_84d as double precision) as discount_share_84d,
    cast(coupon_share_84d as double precision) as coupon_share_84d,
    cast(private_brand_share_84d as double precision) as private_brand_share_84d,
    cast(weekend_share_84d as double precision) as weekend_share_84d,
    cast(campaign_contact_count_84d as double precision) as campaign_contact_count_84d,
    cast(days_since_campaign_contact as double precision) as days_since_campaign_contact,
    cast(redemption_count_168d as double precision) as redemption_count_168d,
    cast(calendar_month as double precision) as calendar_month,
    cast(household_size as double precision) as household_size,
    cast(income_level as double precision) as income_level,
    cast(age_level as double precision) as age_level,
    cast(has_children as double precision) as has_children,
    cast(demographics_age_days as double precision) as demographics_age_days
from final
