{# Lets the planner see what a model just wrote. Where rows are added to many others, it need not
   look again until a twentieth of them has changed. A day it has never seen it takes for a handful
   of rows, and joins them one by one: of a table that grows by days it looks at each day, and only
   at the `columns` that rows are found by. #}
{% macro refresh_statistics(columns=none) -%}
    {{ return(adapter.dispatch("refresh_statistics")(columns)) }}
{%- endmacro %}

{% macro default__refresh_statistics(columns) -%}
    {%- if columns -%}
    analyze {{ this }} ({{ columns | join(", ") }})
    {%- else -%}
    do $$
    begin
        if (
            select
                reltuples < 0
                or 20 * (
                    pg_stat_get_mod_since_analyze(oid)
                    + pg_stat_get_xact_tuples_inserted(oid)
                    + pg_stat_get_xact_tuples_updated(oid)
                    + pg_stat_get_xact_tuples_deleted(oid)
                ) > reltuples
            from pg_catalog.pg_class
            where oid = '{{ this }}'::regclass
        )
        then
            analyze {{ this }};
        end if;
    end
    $$
    {%- endif -%}
{%- endmacro %}
