{{ config(indexes=[{"columns": ["person_id"], "unique": true}]) }}

-- Who a person is: the surviving name, phone, mail address, day of birth and address, each group
-- whole from one record, with its source and day. Only the publisher's role reads it.
-- Grain: one row per person. No consent: whether and where somebody may be contacted stands in
-- customer_contacts, and these are not to be contacted without it.
with survivors as (
    select
        source,
        source_customer_id,
        person_id,
        name_place,
        phone_place,
        email_place,
        birth_date_place,
        address_place
    from {{ ref("int_customers__survivors") }}
),

records as (
    select
        source,
        source_customer_id,
        person_name,
        {{ business_date("name_reported_at") }} as name_reported_date,
        phone,
        {{ business_date("phone_reported_at") }} as phone_reported_date,
        email,
        {{ business_date("email_reported_at") }} as email_reported_date,
        birth_date,
        {{ business_date("birth_date_reported_at") }} as birth_date_reported_date,
        postcode,
        address,
        {{ business_date("address_reported_at") }} as address_reported_date
    from {{ ref("int_persons__unioned") }}
),

placed as (
    select
        survivors.person_id,
        survivors.name_place,
        survivors.phone_place,
        survivors.email_place,
        survivors.birth_date_place,
        survivors.address_place,
        records.source,
        records.person_name,
        records.name_reported_date,
        records.phone,
        records.phone_reported_date,
        records.email,
        records.email_reported_date,
        records.birth_date,
        records.birth_date_reported_date,
        records.postcode,
        records.address,
        records.address_reported_date
    from survivors
    inner join records
        on survivors.source = records.source
        and survivors.source_customer_id = records.source_customer_id
),

final as (
    select
        person_id,
        {{ surviving("person_name", "name") }} as person_name,
        {{ surviving("source", "name") }} as name_source,
        {{ surviving("name_reported_date", "name") }} as name_reported_date,
        {{ surviving("phone", "phone") }} as phone,
        {{ surviving("source", "phone") }} as phone_source,
        {{ surviving("phone_reported_date", "phone") }} as phone_reported_date,
        {{ surviving("email", "email") }} as email,
        {{ surviving("source", "email") }} as email_source,
        {{ surviving("email_reported_date", "email") }} as email_reported_date,
        {{ surviving("birth_date", "birth_date") }} as birth_date,
        {{ surviving("source", "birth_date") }} as birth_date_source,
        {{ surviving("birth_date_reported_date", "birth_date") }} as birth_date_reported_date,
        {{ surviving("postcode", "address") }} as postcode,
        {{ surviving("address", "address") }} as address,
        {{ surviving("source", "address") }} as address_source,
        {{ surviving("address_reported_date", "address") }} as address_reported_date
    from placed
    group by person_id
)

select
    person_id,
    person_name,
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
    address,
    address_source,
    address_reported_date
from final
