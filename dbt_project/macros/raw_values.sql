{# What a raw value must be, and what becomes of a row where it is not. The rules stand once, beside
   the column in the source's .yml: `meta: {required: true}` and `meta: {must_be: <type>}`. Staging
   keeps the rows without a reason, quarantine the others, so good + rejected = read. #}

{% macro trimmed(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{# A text as a type, null where it is not one. Never fails, wherever the planner evaluates it. #}
{% macro safe_cast_text(column, type) -%}
    case when {{ is_valid_text(column, type) }} then cast(trim({{ column }}) as {{ type }}) end
{%- endmacro %}

{% macro is_valid_text(column, type) -%}
    {{ return(adapter.dispatch("is_valid_text")(column, type)) }}
{%- endmacro %}

{% macro default__is_valid_text(column, type) -%}
    pg_input_is_valid(trim({{ column }}), '{{ type }}')
{%- endmacro %}

{# The rules of a raw table as pairs: what must hold of a row, and the reason it is rejected for. #}
{% macro row_rules(source_name, table_name) %}
    {%- set rules = [] -%}
    {%- if execute -%}
        {%- set table = graph.sources["source.living_crm." ~ source_name ~ "." ~ table_name] -%}
        {%- for column in table.columns.values() -%}
            {%- set rule = column.config.meta -%}
            {%- set value = trimmed(column.name) if column.data_type == "text" else column.name -%}
            {%- if rule.get("required") -%}
                {%- do rules.append((value ~ " is not null", column.name ~ " is empty")) -%}
            {%- endif -%}
            {%- if rule.get("must_be") -%}
                {%- do rules.append((
                    "(" ~ value ~ " is null or " ~ is_valid_text(column.name, rule.must_be) ~ ")",
                    column.name ~ " is not a " ~ rule.must_be,
                )) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(rules) }}
{% endmacro %}

{# Whether a row of a raw table keeps all rules. Written as plain conditions, whose share of rows the
   planner can tell; of an expression it assumes one row in two hundred, and plans for that. #}
{% macro is_accepted(source_name, table_name) -%}
    {%- for condition, reason in row_rules(source_name, table_name) -%}
    {{ "and " if not loop.first }}{{ condition }}
    {% else -%}
    true
    {%- endfor -%}
{%- endmacro %}

{# The reason of the first rule that a row of a raw table breaks, null if it keeps all. #}
{% macro reject_reason(source_name, table_name) -%}
    case
        when {{ is_accepted(source_name, table_name) }} then null
        {%- for condition, reason in row_rules(source_name, table_name) %}
        when not {{ condition }} then '{{ reason }}'
        {%- endfor %}
    end
{%- endmacro %}

{# A whole number made of a text, the same for ever: the first 60 bits of its MD5. #}
{% macro hash_number(text) -%}
    {{ return(adapter.dispatch("hash_number")(text)) }}
{%- endmacro %}

{% macro default__hash_number(text) -%}
    cast(cast('x' || substring(md5({{ text }}), 1, 15) as bit(60)) as bigint)
{%- endmacro %}

{# A whole row as JSON. #}
{% macro row_as_json(relation) -%}
    {{ return(adapter.dispatch("row_as_json")(relation)) }}
{%- endmacro %}

{% macro default__row_as_json(relation) -%}
    to_jsonb({{ relation }})
{%- endmacro %}

{# The declared tables of all sources, those under raw_*; none while dbt parses. #}
{% macro raw_tables() %}
    {%- set tables = [] -%}
    {%- if execute -%}
        {%- for table in graph.sources.values() | sort(attribute="unique_id") -%}
            {%- if table.schema.startswith("raw_") -%}
                {%- do tables.append(table) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(tables) }}
{% endmacro %}

{# All rules of a source's tables, as a hash. #}
{% macro rules_hash(source_name) %}
    {%- set rules = [] -%}
    {%- for table in raw_tables() if table.source_name == source_name -%}
        {%- for column in table.columns.values() -%}
            {%- set rule = column.config.meta -%}
            {%- do rules.append([
                table.name, column.name, column.data_type, rule.get("required"), rule.get("must_be")
            ]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(local_md5(tojson(rules))) }}
{% endmacro %}

{# The newest load of a source whose rows were judged by the rules as they are; '' if none was. #}
{% macro newest_load_judged(source_name) -%}
    coalesce(
        (
            select judged.load_id
            from {{ source("ops", "judged_loads") }} as judged
            where
                judged.source = '{{ source_name }}'
                and judged.rules_hash = '{{ rules_hash(source_name) }}'
        ),
        ''
    )
{%- endmacro %}

{# From this row number on, a rejected row was rejected by staging: 2 to the 60th. #}
{% macro first_judged_number() -%}
    1152921504606846976
{%- endmacro %}

{# A source's rows that were rejected by other rules than today's: they are judged again. #}
{% macro forget_older_judgements() %}
    {%- for source_name in raw_tables() | map(attribute="source_name") | unique %}
    delete from {{ this }}
    where
        source = '{{ source_name }}'
        and row_number >= {{ first_judged_number() }}
        and {{ newest_load_judged(source_name) }} = '';
    {%- endfor %}
{% endmacro %}

{# Keeps which loads have been judged, and by which rules. #}
{% macro note_judged_loads() %}
    delete from {{ source("ops", "judged_loads") }};
    {%- for source_name in raw_tables() | map(attribute="source_name") | unique %}
    insert into {{ source("ops", "judged_loads") }} (source, load_id, rules_hash)
    select
        '{{ source_name }}',
        max(loads.load_id),
        '{{ rules_hash(source_name) }}'
    from {{ source("ops", "loads") }} as loads
    where loads.source = '{{ source_name }}'
    having count(*) > 0;
    {%- endfor %}
{% endmacro %}
