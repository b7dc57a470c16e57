{{ config(materialized="view") }}

-- What records of a person say, or said before, that did not survive: other names, phones, mail
-- addresses, days of birth and addresses. Only the publisher's role reads it.
-- Grain: one row per person, group, value and record. No placeholders, and nothing that the
-- survivor says as well.
-- Made when it is read, a person at a time: the night has no use for it.
with told as (
    {{ alternates("name", "person_name", former="former_names") }}
    union all
    {{ alternates("phone", "phone", former="former_phones") }}
    union all
    {{ alternates("email", "email", former="former_emails") }}
    union all
    {{ alternates("birth_date", "birth_date") }}
    union all
    {{ alternates("address", "address", former="former_addresses") }}
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
