{# Business days. A day has no clock here: it comes with the run. #}

{# The business day of the run. Read at execution only: a day read while parsing would make dbt
   parse the whole project anew every night. #}
{% macro as_of_date() -%}
    cast('{{ env_var("LIVING_CRM_AS_OF") if execute else "2000-01-01" }}' as date)
{%- endmacro %}

{# A query of the days that features are built for: one column, as_of_date. #}
{% macro feature_dates() -%}
    {%- set days = (env_var("LIVING_CRM_FEATURE_DATES") if execute else "2000-01-01").split(",") -%}
    {%- for day in days %}
    select cast('{{ day | trim }}' as date) as as_of_date
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# The business day an instant belongs to. #}
{% macro business_date(instant) -%}
    {{ return(adapter.dispatch("business_date")(instant)) }}
{%- endmacro %}

{% macro default__business_date(instant) -%}
    cast({{ instant }} at time zone '{{ var("policy")["time_zone"] }}' as date)
{%- endmacro %}

{# The first instant of a business day. #}
{% macro day_start(day) -%}
    {{ return(adapter.dispatch("day_start")(day)) }}
{%- endmacro %}

{% macro default__day_start(day) -%}
    (cast({{ day }} as timestamp) at time zone '{{ var("policy")["time_zone"] }}')
{%- endmacro %}

{# The first instant that no longer belongs to a business day. #}
{% macro day_end(day) -%}
    {{ day_start(add_days(day, 1)) }}
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch("add_days")(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    ({{ day }} + {{ days }})
{%- endmacro %}

{# Whole days from one day to a later one. #}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch("days_between")(earlier, later)) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    ({{ later }} - {{ earlier }})
{%- endmacro %}

{# The day in a file's name, such as 2017-11-27 in demographics_2017-11-27.csv. #}
{% macro date_in_name(column) -%}
    {{ return(adapter.dispatch("date_in_name")(column)) }}
{%- endmacro %}

{% macro default__date_in_name(column) -%}
    cast(substring({{ column }} from '\d{4}-\d{2}-\d{2}') as date)
{%- endmacro %}

{# A day as people type it, such as 85.3.2 or 1985년 3월 2일, as 85-3-2 or 1985-3-2; other texts as
   they are. #}
{% macro typed_day(column) -%}
    {{ return(adapter.dispatch("typed_day")(column)) }}
{%- endmacro %}

{% macro default__typed_day(column) -%}
    regexp_replace(rtrim(trim({{ column }}), '일.'), '[년월.] *', '-', 'g')
{%- endmacro %}
