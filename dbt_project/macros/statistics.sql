{# Lets the planner know a table that was just made; later changes are seen by autovacuum. #}
{% macro refresh_statistics() -%}
    {%- if not is_incremental() -%}
    {{ return(adapter.dispatch("refresh_statistics")()) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__refresh_statistics() -%}
    analyze {{ this }}
{%- endmacro %}
