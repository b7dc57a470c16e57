{{ config(materialized="view") }}

-- What records of a person say, or said before, that did not survive: other names, phones, mail
-- addresses, days of birth and addresses. Only the publisher's role reads it.
-- Grain: one row per person, group, value and record. No placeholders, and nothing that the
-- survivor says as well.
-- Made when it is read, for a person at a time: PostgreSQL computes a common table that is used
-- twice for everybody, so the tables are named where they are joined.
with told as (
    {%- for group in ["name", "phone", "email", "birth_date", "address"] %}
    select
        survivors.person_id,
        '{{ group }}' as attribute_group,
        {{ written_value(group, "records") }} as value,
        survivors.source,
        survivors.source_customer_id,
        records.{{ group }}_reported_at as reported_at,
        false as is_former
    {{ records_beside_survivor(group) }}
    where
        survivors.{{ group }}_place > 1
        and {{ written_value(group, "records") }} != {{ written_value(group, "surviving") }}
    union all
    {%- endfor %}
    {%- for group in ["name", "phone", "email", "address"] %}
    select
        survivors.person_id,
        '{{ group }}' as attribute_group,
        former.value,
        survivors.source,
        survivors.source_customer_id,
        cast(null as timestamptz) as reported_at,
        true as is_former
    {{ records_beside_survivor(group) }}
    {{ elements("records.former_" ~ {"address": "addresses"}.get(group, group ~ "s"), "former") }}
    where
        former.value is distinct from surviving.{{ {"name": "person_name"}.get(group, group) }}
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
