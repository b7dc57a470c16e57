{{ config(indexes=[{"columns": ["person_id"], "unique": true}]) }}

-- Persons with what is known of them now, each group of attributes with its source and date.
-- Grain: one row per person. No names and no contact details: those stand in pii.
with links as (
    select
        source,
        source_customer_id,
        person_id,
        strength,
        match_probability
    from {{ source("identity", "person_links") }}
),

records as (
    select
        source,
        source_customer_id,
        first_seen_at
    from {{ ref("int_persons__unioned") }}
),

identities as (
    select
        person_id,
        name_source,
        name_reported_date,
        phone,
        phone_source,
        phone_reported_date,
        email,
        email_source,
        email_reported_date,
        birth_date,
        birth_date_source,
        birth_date_reported_date,
        postcode,
        address_source,
        address_reported_date
    from {{ ref("customer_identities") }}
),

households as (
    select
        person_id,
        household_id,
        basis
    from {{ source("identity", "households") }}
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
        string_agg(distinct links.source, ', ' order by links.source) as sources,
        -- A person is as sure as the weakest of its links.
        {{ first_value_of(
            "links.strength",
            where="links.strength is not null",
            order="links.match_probability, links.strength",
        ) }} as evidence_strength,
        min(links.match_probability) as weakest_link_probability
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
        persons.evidence_strength,
        persons.weakest_link_probability,
        households.household_id,
        households.basis as household_basis,
        identities.name_source,
        identities.name_reported_date,
        identities.phone is not null as has_phone,
        identities.phone_source,
        identities.phone_reported_date,
        identities.email is not null as has_email,
        identities.email_source,
        identities.email_reported_date,
        cast(extract(year from identities.birth_date) as integer) as birth_year,
        identities.birth_date_source,
        identities.birth_date_reported_date,
        left(identities.postcode, 2) as postcode_area,
        identities.address_source,
        identities.address_reported_date,
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
    left join identities on persons.person_id = identities.person_id
    left join households on persons.person_id = households.person_id
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
    evidence_strength,
    weakest_link_probability,
    household_id,
    household_basis,
    name_source,
    name_reported_date,
    has_phone,
    phone_source,
    phone_reported_date,
    has_email,
    email_source,
    email_reported_date,
    birth_year,
    birth_date_source,
    birth_date_reported_date,
    postcode_area,
    address_source,
    address_reported_date,
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
