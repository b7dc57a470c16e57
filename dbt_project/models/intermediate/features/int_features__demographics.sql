{{ config(materialized="ephemeral") }}

-- What was known of a person's household on a business day: the newest report wins with all its
-- attributes, as in dim_customers.
-- Grain: one row per person_id and as_of_date of those with a report by then.
with feature_dates as (
    {{ feature_dates() }}
),

reports as (
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

ranked as (
    select
        feature_dates.as_of_date,
        reports.person_id,
        reports.household_size,
        reports.income_level,
        reports.age_level,
        reports.has_children,
        {{ days_between("reports.reported_date", "feature_dates.as_of_date") }}
            as demographics_age_days,
        row_number() over (
            partition by feature_dates.as_of_date, reports.person_id
            order by
                reports.reported_date desc, reports.source asc,
                reports.source_customer_id asc
        ) as place
    from reports
    inner join feature_dates on reports.reported_date <= feature_dates.as_of_date
),

final as (
    select
        person_id,
        as_of_date,
        household_size,
        income_level,
        age_level,
        cast(has_children as integer) as has_children,
        demographics_age_days
    from ranked
    where place = 1
)

select
    person_id,
    as_of_date,
    cast(household_size as double precision) as household_size,
    cast(income_level as double precision) as income_level,
    cast(age_level as double precision) as age_level,
    cast(has_children as double precision) as has_children,
    cast(demographics_age_days as double precision) as demographics_age_days
from final
