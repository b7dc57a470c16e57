{{
    config(
        meta={"room": "choose"},
        indexes=[{"columns": ["person_id"], "unique": true}],
    )
}}

-- The integrated view of a person, as of the newest business day that was scored or measured.
-- Grain: one row per person. No names and no contact details: those stand in pii.
with customers as (
    select
        person_id,
        first_seen_at,
        record_count,
        source_count,
        sources,
        evidence_strength,
        household_id,
        has_phone,
        has_email,
        birth_year,
        postcode_area,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_composition,
        household_size,
        has_children,
        demographics_source,
        demographics_reported_date
    from {{ ref("dim_customers") }}
),

features as (
    select
        person_id,
        as_of_date,
        population,
        value_amount,
        recency_days,
        order_count_84d,
        spend_84d,
        average_gap_days,
        recency_over_gap,
        department_count_84d,
        store_count_84d,
        discount_share_84d
    from {{ ref("ftr_customers") }}
    where as_of_date = (select max(newest.as_of_date) from {{ ref("ftr_customers") }} as newest)
),

orders as (
    select
        person_id,
        order_date,
        order_amount,
        order_kind
    from {{ ref("fct_orders") }}
    where order_kind != 'cancelled'
),

contacts as (
    select
        person_id,
        contact_date
    from {{ ref("fct_contacts") }}
),

scores as (
    select
        as_of_date,
        person_id,
        score_name,
        model_version,
        probability,
        is_calibrated,
        percentile,
        reason_1,
        reason_2,
        reason_3,
        row_number() over (
            partition by as_of_date, person_id
            order by percentile desc, score_name asc
        ) as place
    from {{ source("ml", "customer_scores") }}
),

effects as (
    select
        as_of_date,
        person_id,
        effect,
        is_do_not_wake
    from {{ source("ml", "contact_effects") }}
),

entries as (
    select
        as_of_date,
        person_id,
        list_name,
        treatment_group
    from {{ ref("target_list_entries") }}
),

source_ages as (
    select
        {{ as_of_date() }} as as_of_date,
        person_id,
        source_age_hours,
        trust
    from {{ ref("int_contact__source_ages") }}
),

order_sums as (
    select
        person_id,
        -- A refund takes its amount back, and is no purchase.
        min(order_date) filter (where order_kind = 'purchase') as first_order_date,
        max(order_date) filter (where order_kind = 'purchase') as last_order_date,
        count(*) filter (where order_kind = 'purchase') as order_count,
        sum(order_amount) as order_amount
    from orders
    group by person_id
),

last_contacts as (
    select
        person_id,
        max(contact_date) as last_contact_date
    from contacts
    group by person_id
),

final as (
    select
        customers.person_id,
        features.as_of_date,
        customers.first_seen_at,
        customers.record_count,
        customers.source_count,
        customers.sources,
        customers.evidence_strength,
        customers.household_id,
        customers.has_phone,
        customers.has_email,
        customers.birth_year,
        customers.postcode_area,
        customers.age_band,
        customers.income_band,
        customers.home_ownership,
        customers.marital_status,
        customers.household_composition,
        customers.household_size,
        customers.has_children,
        customers.demographics_source,
        customers.demographics_reported_date,
        features.population,
        order_sums.first_order_date,
        order_sums.last_order_date,
        coalesce(order_sums.order_count, 0) as order_count,
        cast(coalesce(order_sums.order_amount, 0) as numeric(18, 2)) as order_amount,
        features.recency_days,
        features.order_count_84d,
        features.spend_84d,
        features.average_gap_days,
        features.recency_over_gap,
        features.department_count_84d,
        features.store_count_84d,
        features.discount_share_84d,
        features.value_amount,
        last_contacts.last_contact_date,
        scores.score_name,
        scores.model_version,
        scores.probability as score,
        scores.is_calibrated,
        scores.percentile as score_percentile,
        scores.reason_1,
        scores.reason_2,
        scores.reason_3,
        effects.effect as contact_effect,
        effects.is_do_not_wake,
        entries.list_name,
        entries.treatment_group,
        cast(source_ages.source_age_hours as numeric(18, 2)) as source_age_hours,
        source_ages.trust
    from customers
    inner join features on customers.person_id = features.person_id
    left join order_sums on customers.person_id = order_sums.person_id
    left join last_contacts on customers.person_id = last_contacts.person_id
    left join scores
        on features.person_id = scores.person_id
        and features.as_of_date = scores.as_of_date
        and scores.place = 1
    left join effects
        on features.person_id = effects.person_id
        and features.as_of_date = effects.as_of_date
    left join entries
        on features.person_id = entries.person_id
        and features.as_of_date = entries.as_of_date
    left join source_ages
        on features.person_id = source_ages.person_id
        and features.as_of_date = source_ages.as_of_date
)

select
    person_id,
    as_of_date,
    first_seen_at,
    record_count,
    source_count,
    sources,
    evidence_strength,
    household_id,
    has_phone,
    has_email,
    birth_year,
    postcode_area,
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_composition,
    household_size,
    has_children,
    demographics_source,
    demographics_reported_date,
    population,
    first_order_date,
    last_order_date,
    order_count,
    order_amount,
    recency_days,
    order_count_84d,
    spend_84d,
    average_gap_days,
    recency_over_gap,
    department_count_84d,
    store_count_84d,
    discount_share_84d,
    value_amount,
    last_contact_date,
    score_name,
    model_version,
    score,
    is_calibrated,
    score_percentile,
    reason_1,
    reason_2,
    reason_3,
    contact_effect,
    is_do_not_wake,
    list_name,
    treatment_group,
    source_age_hours,
    trust
from final
