{# Several values in one text column: an order's departments. #}

{# The distinct values of a group, sorted: the same rows give the same bytes. #}
{% macro joined_values(expression) -%}
    {{ return(adapter.dispatch("joined_values")(expression)) }}
{%- endmacro %}

{% macro default__joined_values(expression) -%}
    string_agg(distinct {{ expression }}, '|' order by {{ expression }})
{%- endmacro %}

{# Joins each row with its joined values, as <alias>.value. #}
{% macro split_values(column, alias) -%}
    {{ return(adapter.dispatch("split_values")(column, alias)) }}
{%- endmacro %}

{% macro default__split_values(column, alias) -%}
    cross join lateral string_to_table({{ column }}, '|') as {{ alias }} (value)
{%- endmacro %}

{# Joins each row with the elements of an array, as <alias>.value. #}
{% macro elements(column, alias) -%}
    {{ return(adapter.dispatch("elements")(column, alias)) }}
{%- endmacro %}

{% macro default__elements(column, alias) -%}
    cross join lateral unnest({{ column }}) as {{ alias }} (value)
{%- endmacro %}
