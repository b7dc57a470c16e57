{# What tells one person from another, and what only looks as if it did. #}

{# A mail address or a mobile number as an identifier that shows neither: `mail:` or `phone:` and the
   MD5 of its normal form; null where it is none, or one of the placeholders that many people give.
   The digest hides it from a reader, not from someone who tries all numbers. #}
{% macro contact_hash(kind, column) -%}
    {%- set normal = {"mail": normal_mail, "phone": normal_phone}[kind](column) -%}
    '{{ kind }}:' || md5({{ normal }})
{%- endmacro %}

{% macro normal_mail(column) -%}
    {{ without_placeholders(
        "case when " ~ column ~ " like '%_@_%' then lower(trim(" ~ column ~ ")) end", "emails"
    ) }}
{%- endmacro %}

{# A mobile number as 010 and eight digits, however it is typed: +82 10-1234-5678, 10.1234.5678. #}
{% macro normal_phone(column) -%}
    {{ return(adapter.dispatch("normal_phone")(column)) }}
{%- endmacro %}

{% macro default__normal_phone(column) -%}
    {{ without_placeholders(
        "'0' || substring(regexp_replace(" ~ column ~ ", '[^0-9]', '', 'g') "
        ~ "from '^(?:82)?0?(10[0-9]{8})$')", "phones"
    ) }}
{%- endmacro %}

{# A name without spaces and capitals. #}
{% macro normal_name(column) -%}
    {{ without_placeholders("lower(replace(trim(" ~ column ~ "), ' ', ''))", "names") }}
{%- endmacro %}

{# An expression in normal form, null where it is empty or a placeholder: policy.yml. #}
{% macro without_placeholders(expression, kind) -%}
    {%- for value in var("policy")["placeholders"][kind] -%}nullif({%- endfor -%}
    nullif({{ expression }}, '')
    {%- for value in var("policy")["placeholders"][kind] -%}, {{ quoted_normal(value) }}){%- endfor -%}
{%- endmacro %}

{% macro quoted_normal(value) -%}
    '{{ value | lower | replace(" ", "") | replace("'", "''") }}'
{%- endmacro %}

{# Whether a value as written is one that people type where they know none: policy.yml,
   placeholders. Null for null.

   Args: names, phones, emails or birth_dates; the column. #}
{% macro is_placeholder(kind, column) -%}
    {%- set values = var("policy")["placeholders"][kind] -%}
    {%- if kind == "phones" -%}
    {{ adapter.dispatch("ends_with_digits")(column, values) }}
    {%- elif kind == "birth_dates" -%}
    {{ is_one_of(column, values) }}
    {%- else -%}
    {{ is_one_of("lower(replace(trim(" ~ column ~ "), ' ', ''))", values) }}
    {%- endif -%}
{%- endmacro %}

{% macro is_one_of(expression, values) -%}
    {%- if values -%}
    {{ expression }} in (
        {%- for value in values -%}
        {{ quoted_normal(value) }}{{ ", " if not loop.last }}
        {%- endfor -%}
    )
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{# Whether a phone is one of some numbers, with or without its country's number and the first 0. #}
{% macro default__ends_with_digits(column, numbers) -%}
    {%- if numbers -%}
    regexp_replace({{ column }}, '[^0-9]', '', 'g') ~ '^[0-9]{0,4}(
        {%- for number in numbers -%}
        {{ number.lstrip("0") or "0+" }}{{ "|" if not loop.last }}
        {%- endfor -%}
    )$'
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{# Of the versions of a record, one column of the newest that knows a group of attributes; one with a
   placeholder only where no other is known. On a tie the newer load, then the lesser value wins.

   Args: the column; the group: name, phone, email, birth_date or address. The versions carry the
   moment the group was reported as <group>_reported_at. #}
{% macro newest_known(column, group) -%}
    {%- set value = {"name": "person_name"}.get(group, group) -%}
    {%- set kind = {
        "name": "names", "phone": "phones", "email": "emails", "birth_date": "birth_dates",
    }.get(group) -%}
    {{ first_value_of(
        column,
        where=value ~ " is not null" ~ (" or postcode is not null" if group == "address" else ""),
        order=(is_placeholder(kind, value) ~ ", " if kind else "")
            ~ group ~ "_reported_at desc nulls last, load_id desc, " ~ value
            ~ (", postcode" if group == "address" else ""),
    ) }}
{%- endmacro %}

{# The first value of a group's rows in an order: an aggregate. #}
{% macro first_value_of(column, where, order) -%}
    {{ return(adapter.dispatch("first_value_of")(column, where, order)) }}
{%- endmacro %}

{% macro default__first_value_of(column, where, order) -%}
    (array_agg({{ column }} order by {{ order }}) filter (where {{ where }}))[1]
{%- endmacro %}

{# All values of a group's rows but placeholders and nulls, each once: an aggregate. #}
{% macro ever_known(column, kind=none) -%}
    {{ return(adapter.dispatch("ever_known")(column, kind)) }}
{%- endmacro %}

{% macro default__ever_known(column, kind) -%}
    array_agg(distinct {{ column }}) filter (
        where {{ column }} is not null
        {%- if kind %} and not {{ is_placeholder(kind, column) }}{% endif %}
    )
{%- endmacro %}

{# The elements of two arrays, each once and sorted, without one value; arrays may be null. #}
{% macro united(one, other, without="null") -%}
    {{ return(adapter.dispatch("united")(one, other, without)) }}
{%- endmacro %}

{% macro default__united(one, other, without) -%}
    array(
        select distinct element.value
        from unnest({{ one }} || {{ other }}) as element (value)
        where element.value is distinct from {{ without }}
        order by element.value
    )
{%- endmacro %}
