{{ config(indexes=[{"columns": ["person_id"], "unique": true}]) }}

-- Persons with what is known of them now, each group of attributes with its source and date.
-- Grain: one row per person. No names and no contact details: those stand in pii.
with links as (
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
        first_seen_at
    from {{ ref("int_persons__unioned") }}
),

demographics as (
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
    from {{ ref("int_demographics__reported") }}
),

persons as (
    select
        links.person_id,
        min(records.first_seen_at) as first_seen_at,
        count(*) as record_count,
        count(distinct links.source) as source_count,
        string_agg(distinct links.source, ', ' order by links.source) as sources
    from links
    inner join records
        on links.source = records.source
        and links.source_customer_id = records.source_customer_id
    group by links.person_id
),

-- Survivorship of the demographics: the newest report wins with all its attributes.
surviving_demographics as (
    select
        person_id,
        source,
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
            partition by person_id
            order by reported_date desc, source asc, source_customer_id asc
        ) as place
    from demographics
),

final as (
    select
        persons.person_id,
        persons.first_seen_at,
        persons.record_count,
        persons.source_count,
        persons.sources,
        surviving_demographics.age_band,
        surviving_demographics.age_level,
        surviving_demographics.income_band,
        surviving_demographics.income_level,
        surviving_demographics.home_ownership,
        surviving_demographics.marital_status,
        surviving_demographics.household_composition,
        surviving_demographics.household_size,
        surviving_demographics.has_children,
        surviving_demographics.source as demographics_source,
        surviving_demographics.reported_date as demographics_reported_date
    from persons
    left join surviving_demographics
        on persons.person_id = surviving_demographics.person_id
        and surviving_demographics.place = 1
)

select
    person_id,
    first_seen_at,
    record_count,
    source_count,
    sources,
    age_band,
    age_level,
    income_band,
    income_level,
    home_ownership,
    marital_status,
    household_composition,
    household_size,
    has_children,
    demographics_source,
    demographics_reported_date
from final
