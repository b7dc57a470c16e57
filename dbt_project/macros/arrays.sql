{# The distinct values of a group as an array, sorted: the same rows give the same bytes. #}
{% macro distinct_values(expression) -%}
    {{ return(adapter.dispatch("distinct_values")(expression)) }}
{%- endmacro %}

{% macro default__distinct_values(expression) -%}
    array_agg(distinct {{ expression }} order by {{ expression }})
    filter (where {{ expression }} is not null)
{%- endmacro %}

{# Joins each row with the elements of its array column, as <alias>.value. #}
{% macro exploded(array_column, alias) -%}
    {{ return(adapter.dispatch("exploded")(array_column, alias)) }}
{%- endmacro %}

{% macro default__exploded(array_column, alias) -%}
    cross join lateral unnest({{ array_column }}) as {{ alias }} (value)
{%- endmacro %}
