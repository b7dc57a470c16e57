{{
    config(
        materialized="incremental",
        schema="quarantine",
        unique_key=["source", "table_name", "load_id", "row_number"],
        full_refresh=false,
        pre_hook="{{ forget_older_judgements() }}",
        post_hook="{{ note_judged_loads() }}",
    )
}}

-- Rows that staging rejected, with the reason, for every table that has rules in a source's .yml.
-- Grain: one row per rejected raw row. The load puts rows it could not even read into the same
-- table (warehouse/schema.sql); its row numbers count up, ours are made of the raw row's id. A load
-- is judged once, and all of a source's again when its rules change.
with rejected as (
    {%- for table in raw_tables() %}
    select
        '{{ table.source_name }}' as source,
        '{{ table.name }}' as table_name,
        raw._dlt_load_id as load_id,
        {{ first_judged_number() }} + {{ hash_number("raw._dlt_id") }} as row_number,
        {{ reject_reason(table.source_name, table.name) }} as reason,
        {{ row_as_json("raw") }} as raw_row
    from {{ table.relation_name }} as raw
    where
        raw._dlt_load_id > {{ newest_load_judged(table.source_name) }}
        and not ({{ is_accepted(table.source_name, table.name) }})
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        cast(null as text) as source,
        cast(null as text) as table_name,
        cast(null as text) as load_id,
        cast(null as bigint) as row_number,
        cast(null as text) as reason,
        cast(null as jsonb) as raw_row
    where false
    {%- endfor %}
),

loads as (
    select
        source,
        table_name,
        load_id,
        as_of_date
    from {{ source("ops", "loads") }}
),

final as (
    select
        coalesce(loads.as_of_date, {{ as_of_date() }}) as as_of_date,
        rejected.source,
        rejected.table_name,
        rejected.load_id,
        rejected.row_number,
        rejected.reason,
        rejected.raw_row
    from rejected
    left join loads
        on rejected.source = loads.source
        and rejected.table_name = loads.table_name
        and rejected.load_id = loads.load_id
)

select
    as_of_date,
    source,
    table_name,
    load_id,
    row_number,
    reason,
    raw_row
from final
