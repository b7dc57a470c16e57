{{ config(materialized="ephemeral") }}

-- Demographics of persons as sources reported them, whole rows: attributes of two reports are never
-- mixed. A person with two records in a source has one row per record.
-- Grain: one row per source, source_customer_id and reported_date.
with demographics as (
    {{ union_feed("demographics") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

newest_of_day as (
    select
        source,
        source_customer_id,
        reported_date,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_composition,
        household_size,
        age_level,
        income_level,
        has_children,
        row_number() over (
            partition by source, source_customer_id, reported_date
            order by load_id desc, age_band asc, income_band asc, household_composition asc
        ) as place
    from demographics
),

final as (
    select
        links.person_id,
        newest_of_day.source,
        newest_of_day.source_customer_id,
        newest_of_day.reported_date,
        newest_of_day.age_band,
        newest_of_day.income_band,
        newest_of_day.home_ownership,
        newest_of_day.marital_status,
        newest_of_day.household_composition,
        newest_of_day.household_size,
        newest_of_day.age_level,
        newest_of_day.income_level,
        newest_of_day.has_children
    from newest_of_day
    inner join links
        on newest_of_day.source = links.source
        and newest_of_day.source_customer_id = links.source_customer_id
    where newest_of_day.place = 1
)

select
    person_id,
    source,
    source_customer_id,
    reported_date,
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_composition,
    household_size,
    age_level,
    income_level,
    has_children
from final
