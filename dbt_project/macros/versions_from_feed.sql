{# What was known of each record of a feed, from one business day to another: a version for every
   change of what a source says, so that a day built again sees what was known on that day. New
   versions are merged into what stands here; earlier loads are not read again, and a source that
   repeats itself adds nothing. A record without its day has not happened, and is none.

   The earliest version that the source's first load tells of a record is its history: it counts from
   the record's day. Its other dates still lie where they are, so a reader must not take for closed
   what closes after the reader's day.

   Args: the feed, the column that names a record and the one with its day. #}
{% macro versions_from_feed(feed, key, day) %}
{%- set columns = feed_columns(feed) -%}
{%- set told = columns.keys() | reject("in", [key, "reported_date"]) | list -%}
{%- set kept = columns.keys() | list + ["source", "load_id"] -%}
with new_versions as (
    {{ union_feed(feed, loads="new") }}
),

so_far as (
    {{ rows_so_far(dict(columns, source="text", load_id="text", known_from_date="date")) }}
),

ordered as (
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        is_history,
        row_number() over (partition by {{ key }} order by reported_date, load_id) as place
    from new_versions
    where {{ day }} is not null
),

all_versions as (
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        case
            when is_history and place = 1 then {{ day }}
            else greatest({{ day }}, reported_date)
        end as known_from_date
    from ordered
    union all
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        known_from_date
    from so_far
    where {{ key }} in (select new_versions.{{ key }} from new_versions)
),

compared as (
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        known_from_date,
        row_number() over versions_in_order = 1
        {%- for column in told %}
        or {{ column }} is distinct from lag({{ column }}) over versions_in_order
        {%- endfor %} as is_change
    from all_versions
    window versions_in_order as (
        partition by {{ key }} order by known_from_date, reported_date, load_id
    )
),

spans as (
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        known_from_date,
        lead(known_from_date) over (
            partition by {{ key }} order by known_from_date, reported_date, load_id
        ) as known_to_date
    from compared
    where is_change
),

-- A version that was replaced on its own day holds for no day.
final as (
    select
        {%- for column in kept %}
        {{ column }},
        {%- endfor %}
        known_from_date,
        known_to_date
    from spans
    where known_to_date > known_from_date or known_to_date is null
)

select
    {%- for column in kept %}
    {{ column }},
    {%- endfor %}
    known_from_date,
    known_to_date
from final
{% endmacro %}
