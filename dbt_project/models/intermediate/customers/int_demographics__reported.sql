{{ config(materialized="ephemeral") }}

-- Demographics of persons as sources reported them. A person with two records in a source has one
-- row per record.
-- Grain: one row per source, source_customer_id and reported_date.
with reports as (
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
        has_children
    from {{ ref("int_demographics__versioned") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

final as (
    select
        links.person_id,
        reports.source,
        reports.source_customer_id,
        reports.reported_date,
        reports.age_band,
        reports.income_band,
        reports.home_ownership,
        reports.marital_status,
        reports.household_composition,
        reports.household_size,
        reports.age_level,
        reports.income_level,
        reports.has_children
    from reports
    inner join links
        on reports.source = links.source
        and reports.source_customer_id = links.source_customer_id
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
