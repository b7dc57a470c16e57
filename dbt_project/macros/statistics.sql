{# Lets the planner see what a model just wrote. A day it has never seen it takes for a handful of
   rows, and joins them one by one. #}
{% macro refresh_statistics() -%}
    {{ return(adapter.dispatch("refresh_statistics")()) }}
{%- endmacro %}

{% macro default__refresh_statistics() -%}
    analyze {{ this }}
{%- endmacro %}
