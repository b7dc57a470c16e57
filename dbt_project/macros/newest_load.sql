{# The rows that a test looks at, by its `where`. "newest load" stands for those of the newest load;
   earlier ones were tested when they came. Its number is asked for first: a planner that does not
   know it expects most of the table and reads all of it. #}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get("where") -%}
    {%- if not where -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- if where == "newest load" and execute -%}
        {%- set where = "load_id = '" ~ newest_load(relation) ~ "'" -%}
    {%- endif -%}
    {{ return("(select * from " ~ relation ~ " where " ~ where ~ ") as tested") }}
{%- endmacro %}

{# The newest load of a table's rows; an empty text where there are none. #}
{% macro newest_load(relation) -%}
    {%- set found = namespace(load_id="") -%}
    {%- if execute and load_relation(relation) -%}
        {%- set newest = run_query("select coalesce(max(load_id), '') from " ~ relation) -%}
        {%- set found.load_id = newest.columns[0].values()[0] -%}
    {%- endif -%}
    {{ return(found.load_id) }}
{%- endmacro %}
