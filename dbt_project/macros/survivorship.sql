{# Survivorship: which record of a person gives a group of attributes, always the whole group. The
   rules stand in policy.yml; ties end with the record's own number. #}

{# The place of a record among its person's by the rule of a group, 1 for the one that gives it; null
   where the record does not know the group.

   Args: the group: name, phone, email, address or birth_date. #}
{% macro survivor_place(group) -%}
    {%- set survivor = var("policy")["survivorship"][group] -%}
    {%- set newest = group ~ "_reported_at desc nulls last" -%}
    {%- set orders = {
        "source_priority": source_rank(survivor["sources"]) ~ ", " ~ newest,
        "most_recent": newest,
        "most_complete": completeness(group) ~ ", " ~ newest,
    } -%}
    case
        when {{ is_known(group) }} then row_number() over (
            partition by person_id
            order by
                case when {{ is_known(group) }} then 0 else 1 end,
                {{ orders[survivor["rule"]] }},
                source,
                source_customer_id
        )
    end
{%- endmacro %}

{# Whether a record knows a group: its value is there and no placeholder. #}
{% macro is_known(group) -%}
    {%- if group == "address" -%}
    (address is not null or postcode is not null)
    {%- else -%}
    {%- set column = {"name": "person_name"}.get(group, group) -%}
    {%- set kind = {
        "name": "names", "phone": "phones", "email": "emails", "birth_date": "birth_dates",
    }[group] -%}
    ({{ column }} is not null and not {{ is_placeholder(kind, column) }})
    {%- endif -%}
{%- endmacro %}

{# Sources in the order of a list, those it does not name after it. #}
{% macro source_rank(sources) -%}
    case source
        {%- for name in sources %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
        else {{ sources | length + 1 }}
    end
{%- endmacro %}

{# The records that say most of a group first: of an address all parts, then the longest value. #}
{% macro completeness(group) -%}
    {%- if group == "address" -%}
    case when address is not null and postcode is not null then 0 else 1 end,
    length(coalesce(address, '')) desc
    {%- else -%}
    length(cast({{ {"name": "person_name"}.get(group, group) }} as text)) desc
    {%- endif -%}
{%- endmacro %}

{# The rules in force, as a digest: where it changes, every person's survivors are chosen again. #}
{% macro survivorship_rules() -%}
    {%- set policy = var("policy") -%}
    '{{ local_md5(tojson([policy["survivorship"], policy["placeholders"]], sort_keys=true)) }}'
{%- endmacro %}

{# The value of a column in the record that gives a group: an aggregate. #}
{% macro surviving(column, group) -%}
    max({{ column }}) filter (where {{ group }}_place = 1)
{%- endmacro %}

{# What records of a person say of a group beside the one that gives it: a query. The tables stand
   where they are joined, not in common tables before: PostgreSQL computes those for everybody.

   Args: the group, its column, and the column of what a record said before. #}
{% macro alternates(group, column, former=none) -%}
    select
        survivors.person_id,
        '{{ group }}' as attribute_group,
        {{ written_value(group, "records." ~ column) }} as value,
        survivors.source,
        survivors.source_customer_id,
        records.{{ group }}_reported_at as reported_at,
        false as is_former
    {{ records_beside_survivor(group) }}
    where
        survivors.{{ group }}_place > 1
        and {{ written_value(group, "records." ~ column) }}
        != {{ written_value(group, "surviving." ~ column) }}
    {%- if former %}
    union all
    select
        survivors.person_id,
        '{{ group }}' as attribute_group,
        former.value,
        survivors.source,
        survivors.source_customer_id,
        cast(null as timestamptz) as reported_at,
        true as is_former
    {{ records_beside_survivor(group) }}
    {{ elements("records." ~ former, "former") }}
    where former.value is distinct from surviving.{{ column }}
    {%- endif %}
{%- endmacro %}

{# Every record of a person (`survivors`, `records`) beside the one that gives a group (`surviving`). #}
{% macro records_beside_survivor(group) -%}
    from {{ ref("int_customers__survivors") }} as survivors
    inner join {{ ref("int_persons__unioned") }} as records
        on survivors.source = records.source
        and survivors.source_customer_id = records.source_customer_id
    inner join {{ ref("int_customers__survivors") }} as first_places
        on survivors.person_id = first_places.person_id
        and first_places.{{ group }}_place = 1
    inner join {{ ref("int_persons__unioned") }} as surviving
        on first_places.source = surviving.source
        and first_places.source_customer_id = surviving.source_customer_id
{%- endmacro %}

{# A value as text: an address with its postcode first. #}
{% macro written_value(group, column) -%}
    {%- if group == "address" -%}
    trim(coalesce({{ column.split(".")[0] }}.postcode, '') || ' ' || coalesce({{ column }}, ''))
    {%- else -%}
    cast({{ column }} as text)
    {%- endif -%}
{%- endmacro %}
