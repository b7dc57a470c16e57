{{ config(materialized="ephemeral") }}

-- Who was a customer of which kind on a business day, and what the person would spend if all went
-- on as before.
-- Grain: one row per person_id and as_of_date, of everybody known by then.
{%- set rules = var("policy")["populations"] %}

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

purchases as (
    select
        person_id,
        as_of_date,
        order_count,
        recency_days,
        average_gap_days,
        value_at_recent_pace,
        value_at_former_pace
    from {{ ref("int_features__purchases") }}
),

contracts as (
    select
        person_id,
        as_of_date,
        contract_days_left
    from {{ ref("int_features__contracts") }}
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

measured as (
    select
        persons.person_id,
        persons.as_of_date,
        -- The company's rule of who is a customer of which kind: policy.yml, populations.
        case
            when contracts.contract_days_left <= {{ rules["contract_ends_within_days"] or "null" }}
                then 'contract'
            when purchases.order_count is null then 'prospect'
            when purchases.order_count < {{ rules["min_orders"] }} then 'new'
            when purchases.recency_days <= {{ live_window("purchases.average_gap_days") }}
                then 'live'
            else 'lapsed'
        end as population,
        purchases.value_at_recent_pace,
        purchases.value_at_former_pace
    from persons
    left join purchases
        on persons.as_of_date = purchases.as_of_date
        and persons.person_id = purchases.person_id
    left join contracts
        on persons.as_of_date = contracts.as_of_date
        and persons.person_id = contracts.person_id
),

final as (
    select
        person_id,
        as_of_date,
        population,
        -- As in the last 84 days; for the lapsed, who bought little or nothing in them, as in the
        -- time they bought.
        case when population = 'lapsed' then value_at_former_pace else value_at_recent_pace end
            as value_amount
    from measured
)

select
    person_id,
    as_of_date,
    population,
    value_amount
from final
