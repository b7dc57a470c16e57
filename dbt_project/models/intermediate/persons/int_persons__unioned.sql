{{
    config(
        materialized="incremental",
        unique_key=["source", "source_customer_id"],
        indexes=[{"columns": ["source", "source_customer_id"], "unique": true}],
    )
}}

-- Every record of a person in any source: what it says, and what it said before. Names and contact
-- details are needed here to identify persons, and no reader's role sees this table.
-- Grain: one row per source and source_customer_id. A row without a customer, such as an anonymous
-- receipt, is nobody's record. New versions are merged into what stands here; earlier loads are not
-- read again.
with new_versions as (
    {{ union_feed("persons", loads="new") }}
),

so_far as (
    {{ rows_so_far({
        "source": "text", "source_customer_id": "text", "exact_keys": "text[]",
        "first_seen_at": "timestamptz", "person_name": "text", "name_reported_at": "timestamptz",
        "phone": "text", "phone_reported_at": "timestamptz", "email": "text",
        "email_reported_at": "timestamptz", "birth_date": "date",
        "birth_date_reported_at": "timestamptz", "postcode": "text", "address": "text",
        "address_reported_at": "timestamptz", "former_names": "text[]", "former_phones": "text[]",
        "former_emails": "text[]", "former_addresses": "text[]", "reported_at": "timestamptz",
    }) }}
),

-- Most rows of a feed repeat one another: of each load, every statement once.
statements as (
    select
        source,
        source_customer_id,
        exact_keys,
        person_name,
        phone,
        email,
        birth_date,
        postcode,
        address,
        load_id,
        min(first_seen_at) as first_seen_at,
        max(reported_at) as reported_at
    from new_versions
    where source_customer_id is not null
    group by
        source,
        source_customer_id,
        exact_keys,
        person_name,
        phone,
        email,
        birth_date,
        postcode,
        address,
        load_id
),

touched as (
    select distinct
        source,
        source_customer_id
    from statements
),

held as (
    select
        so_far.source,
        so_far.source_customer_id,
        so_far.exact_keys,
        so_far.first_seen_at,
        so_far.person_name,
        so_far.name_reported_at,
        so_far.phone,
        so_far.phone_reported_at,
        so_far.email,
        so_far.email_reported_at,
        so_far.birth_date,
        so_far.birth_date_reported_at,
        so_far.postcode,
        so_far.address,
        so_far.address_reported_at,
        so_far.former_names,
        so_far.former_phones,
        so_far.former_emails,
        so_far.former_addresses,
        so_far.reported_at
    from so_far
    inner join touched
        on so_far.source = touched.source
        and so_far.source_customer_id = touched.source_customer_id
),

-- What stands here is older than any new load.
versions as (
    select
        source,
        source_customer_id,
        exact_keys,
        first_seen_at,
        person_name,
        reported_at as name_reported_at,
        phone,
        reported_at as phone_reported_at,
        email,
        reported_at as email_reported_at,
        birth_date,
        reported_at as birth_date_reported_at,
        postcode,
        address,
        reported_at as address_reported_at,
        reported_at,
        load_id
    from statements
    union all
    select
        source,
        source_customer_id,
        exact_keys,
        first_seen_at,
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
        reported_at,
        '' as load_id
    from held
),

keys as (
    select
        versions.source,
        versions.source_customer_id,
        array_agg(distinct exact_key.value order by exact_key.value) as exact_keys
    from versions
    {{ elements("versions.exact_keys", "exact_key") }}
    group by versions.source, versions.source_customer_id
),

merged as (
    select
        source,
        source_customer_id,
        min(first_seen_at) as first_seen_at,
        {{ newest_known("person_name", "name") }} as person_name,
        {{ newest_known("name_reported_at", "name") }} as name_reported_at,
        {{ newest_known("phone", "phone") }} as phone,
        {{ newest_known("phone_reported_at", "phone") }} as phone_reported_at,
        {{ newest_known("email", "email") }} as email,
        {{ newest_known("email_reported_at", "email") }} as email_reported_at,
        {{ newest_known("birth_date", "birth_date") }} as birth_date,
        {{ newest_known("birth_date_reported_at", "birth_date") }} as birth_date_reported_at,
        {{ newest_known("postcode", "address") }} as postcode,
        {{ newest_known("address", "address") }} as address,
        {{ newest_known("address_reported_at", "address") }} as address_reported_at,
        {{ ever_known("person_name", "names") }} as known_names,
        {{ ever_known("phone", "phones") }} as known_phones,
        {{ ever_known("email", "emails") }} as known_emails,
        {{ ever_known("address") }} as known_addresses,
        max(reported_at) as reported_at,
        max(load_id) as load_id
    from versions
    group by source, source_customer_id
),

final as (
    select
        merged.source,
        merged.source_customer_id,
        coalesce(keys.exact_keys, cast('{}' as text[])) as exact_keys,
        merged.first_seen_at,
        merged.person_name,
        merged.name_reported_at,
        merged.phone,
        merged.phone_reported_at,
        merged.email,
        merged.email_reported_at,
        merged.birth_date,
        merged.birth_date_reported_at,
        merged.postcode,
        merged.address,
        merged.address_reported_at,
        {{ united("merged.known_names", "held.former_names", without="merged.person_name") }}
            as former_names,
        {{ united("merged.known_phones", "held.former_phones", without="merged.phone") }}
            as former_phones,
        {{ united("merged.known_emails", "held.former_emails", without="merged.email") }}
            as former_emails,
        {{ united("merged.known_addresses", "held.former_addresses", without="merged.address") }}
            as former_addresses,
        merged.reported_at,
        merged.load_id
    from merged
    left join keys
        on merged.source = keys.source
        and merged.source_customer_id = keys.source_customer_id
    left join held
        on merged.source = held.source
        and merged.source_customer_id = held.source_customer_id
)

select
    source,
    source_customer_id,
    exact_keys,
    first_seen_at,
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
    former_names,
    former_phones,
    former_emails,
    former_addresses,
    reported_at,
    load_id
from final
