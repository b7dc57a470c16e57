-- Why: a row that is neither staged nor in quarantine is lost without a trace.
-- Compares, for the loads of the business day, what the load says it read with what staging made of
-- it, for every table that provides a feed.
with loads as (
    select
        source,
        table_name,
        load_id,
        rows_read
    from {{ source("ops", "loads") }}
    where as_of_date = {{ as_of_date() }}
),

staged as (
    {%- for model in staging_models() %}
    {%- set source_name, table_name = model[4:].split("__") %}
    select
        loads.source,
        loads.table_name,
        loads.load_id,
        count(staged_rows.load_id) as row_count
    from loads
    left join {{ ref(model) }} as staged_rows
        on loads.load_id = staged_rows.load_id
        and staged_rows.load_id >= (select min(first_load.load_id) from loads as first_load)
    where loads.source = '{{ source_name }}' and loads.table_name = '{{ table_name }}'
    group by loads.source, loads.table_name, loads.load_id
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

rejected as (
    select
        source,
        table_name,
        load_id,
        count(*) as row_count
    from {{ ref("rejected_rows") }}
    group by source, table_name, load_id
)

select
    loads.source,
    loads.table_name,
    loads.load_id,
    loads.rows_read,
    staged.row_count as rows_staged,
    coalesce(rejected.row_count, 0) as rows_in_quarantine
from loads
inner join staged
    on loads.source = staged.source
    and loads.table_name = staged.table_name
    and loads.load_id = staged.load_id
left join rejected
    on loads.source = rejected.source
    and loads.table_name = rejected.table_name
    and loads.load_id = rejected.load_id
where loads.rows_read != staged.row_count + coalesce(rejected.row_count, 0)
