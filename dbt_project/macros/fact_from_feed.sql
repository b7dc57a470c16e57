{# A fact of a feed whose records happen on a day: the newest version of each record, the person it
   belongs to and the first business day on which it was known. Only records that a new load or
   another link touches are built again. The source's first load is its history and counts from the
   day it happened (see `union_feed`). A record without a day has not happened, such as a contact with
   somebody in a control group, and is none.

   Args: the feed, the column that names a record and the one with its day. #}
{% macro fact_from_feed(feed, key, day) %}
{%- set others = feed_columns(feed).keys() | reject("in", [key, day, "source_customer_id", "reported_date"]) | list -%}
with new_versions as (
    {{ union_feed(feed, loads="new") }}
),

versions as (
    {{ union_feed(feed) }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

relinked as (
    {{ relinked(key) }}
),

touched as (
    select {{ key }} from new_versions
    union
    select {{ key }} from relinked
),

dated as (
    select
        versions.{{ key }},
        versions.source,
        versions.source_customer_id,
        {%- for column in others %}
        versions.{{ column }},
        {%- endfor %}
        versions.{{ day }},
        min(
            case
                when versions.is_history then versions.{{ day }}
                else greatest(versions.{{ day }}, versions.reported_date)
            end
        ) over (partition by versions.{{ key }}) as known_from_date,
        max(versions.load_id) over (partition by versions.{{ key }}) as load_id,
        row_number() over (
            partition by versions.{{ key }}
            order by versions.reported_date desc, versions.load_id desc
        ) as place
    from versions
    inner join touched on versions.{{ key }} = touched.{{ key }}
),

final as (
    select
        dated.{{ key }},
        links.person_id,
        dated.source,
        dated.source_customer_id,
        {%- for column in others %}
        dated.{{ column }},
        {%- endfor %}
        dated.{{ day }},
        dated.known_from_date,
        dated.load_id
    from dated
    left join links
        on dated.source = links.source
        and dated.source_customer_id = links.source_customer_id
    where dated.place = 1 and dated.{{ day }} is not null
)

select
    {{ key }},
    person_id,
    source,
    source_customer_id,
    {%- for column in others %}
    {{ column }},
    {%- endfor %}
    {{ day }},
    known_from_date,
    load_id
from final
{% endmacro %}
