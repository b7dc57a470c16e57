{{ config(materialized="view") }}

-- What records of a person say, or said before, that did not survive: other names, phones, mail
-- addresses, days of birth and addresses. Only the publisher's role reads it. It is made when it is
-- read: the night has no use for it.
-- Grain: one row per person, group, value and record. No placeholders, and nothing that the
-- survivor says as well.
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
        person_name as name,
        name_reported_at,
        phone,
        phone_reported_at,
        email,
        email_reported_at,
        cast(birth_date as text) as birth_date,
        birth_date_reported_at,
        {{ written_address("postcode", "address") }} as address,
        address_reported_at,
        former_names,
        former_phones,
        former_emails,
        former_addresses
    from {{ ref("int_persons__unioned") }}
),

identities as (
    select
        person_id,
        person_name as name,
        phone,
        email,
        cast(birth_date as text) as birth_date,
        {{ written_address("postcode", "address") }} as address
    from {{ ref("customer_identities") }}
),

told as (
    {%- for group in ["name", "phone", "email", "birth_date", "address"] %}
    select
        survivors.person_id,
        '{{ group }}' as attribute_group,
        records.{{ group }} as value,
        survivors.source,
        survivors.source_customer_id,
        records.{{ group }}_reported_at as reported_at,
        false as is_former
    from survivors
    inner join records
        on survivors.source = records.source
        and survivors.source_customer_id = records.source_customer_id
    inner join identities on survivors.person_id = identities.person_id
    where survivors.{{ group }}_place > 1 and records.{{ group }} != identities.{{ group }}
    union all
    {%- endfor %}
    {%- for group, column in [
        ("name", "former_names"), ("phone", "former_phones"), ("email", "former_emails"),
        ("address", "former_addresses"),
    ] %}
    select
        survivors.person_id,
        '{{ group }}' as attribute_group,
        former.value,
        survivors.source,
        survivors.source_customer_id,
        cast(null as timestamptz) as reported_at,
        true as is_former
    from survivors
    inner join records
        on survivors.source = records.source
        and survivors.source_customer_id = records.source_customer_id
    {{ elements("records." ~ column, "former") }}
    inner join identities on survivors.person_id = identities.person_id
    where former.value is distinct from identities.{{ group }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        person_id,
        attribute_group,
        value,
        source,
        source_customer_id,
        {{ business_date("reported_at") }} as reported_date,
        is_former
    from told
)

select
    person_id,
    attribute_group,
    value,
    source,
    source_customer_id,
    reported_date,
    is_former
from final
