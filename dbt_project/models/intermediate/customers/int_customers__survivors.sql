{{
    config(
        materialized="incremental",
        unique_key=["source", "source_customer_id"],
        indexes=[
            {"columns": ["source", "source_customer_id"], "unique": true},
            {"columns": ["person_id"]},
        ],
    )
}}

-- Which record of a person gives each group of attributes, by the rules of policy.yml.
-- Grain: one row per source and source_customer_id, with the record's place among its person's for
-- each group. Only persons are ranked again of whom a load tells, whose records came or went, or
-- who were ranked by other rules.
with records as (
    select
        source,
        source_customer_id,
        person_name,
        name_reported_at,
        phone,
        phone_reported_at,
        email,
        email_reported_at,
        birth_date,
        birth_date_reported_at,
        postcode,
        address,
        address_reported_at,
        load_id
    from {{ ref("int_persons__unioned") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

so_far as (
    {{ rows_so_far({
        "source": "text", "source_customer_id": "text", "person_id": "text", "rules": "text",
    }) }}
),

loads_read as (
    {{ loads_read("persons") }}
),

moved as (
    select
        links.person_id,
        so_far.person_id as former_person_id
    from links
    left join so_far
        on links.source = so_far.source
        and links.source_customer_id = so_far.source_customer_id
    where
        so_far.person_id is distinct from links.person_id
        or so_far.rules is distinct from {{ survivorship_rules() }}
),

told as (
    select links.person_id
    from records
    inner join loads_read
        on records.source = loads_read.source
        and records.load_id > loads_read.load_id
    inner join links
        on records.source = links.source
        and records.source_customer_id = links.source_customer_id
),

touched as (
    select person_id from moved
    union
    select former_person_id as person_id from moved
    union
    select person_id from told
),

persons_records as (
    select
        links.person_id,
        records.source,
        records.source_customer_id,
        records.person_name,
        records.name_reported_at,
        records.phone,
        records.phone_reported_at,
        records.email,
        records.email_reported_at,
        records.birth_date,
        records.birth_date_reported_at,
        records.postcode,
        records.address,
        records.address_reported_at,
        records.load_id
    from touched
    inner join links on touched.person_id = links.person_id
    inner join records
        on links.source = records.source
        and links.source_customer_id = records.source_customer_id
),

final as (
    select
        source,
        source_customer_id,
        person_id,
        {{ survivor_place("name") }} as name_place,
        {{ survivor_place("phone") }} as phone_place,
        {{ survivor_place("email") }} as email_place,
        {{ survivor_place("birth_date") }} as birth_date_place,
        {{ survivor_place("address") }} as address_place,
        {{ survivorship_rules() }} as rules,
        load_id
    from persons_records
)

select
    source,
    source_customer_id,
    person_id,
    name_place,
    phone_place,
    email_place,
    birth_date_place,
    address_place,
    rules,
    load_id
from final
