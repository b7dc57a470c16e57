{{ config(indexes=[{"columns": ["person_id"], "unique": true}]) }}

-- How old and how trustworthy the sources are that a person's row rests on, on the business day:
-- those that hold a record of the person, and those that report contacts.
-- Grain: one row per person. A source that the guard has not judged counts as stale.
with links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

records as (
    select
        source,
        source_customer_id,
        {{ business_date("first_seen_at") }} as first_seen_date
    from {{ ref("int_persons__unioned") }}
),

contact_sources as (
    {{ feed_sources("contacts") }}
),

source_status as (
    select
        source,
        age_hours,
        status
    from {{ source("ops", "source_status") }}
    where as_of_date = {{ as_of_date() }}
),

persons as (
    select distinct
        links.person_id,
        links.source
    from records
    inner join links
        on records.source = links.source
        and records.source_customer_id = links.source_customer_id
    where records.first_seen_date <= {{ as_of_date() }}
),

rested_on as (
    select
        person_id,
        source
    from persons
    union
    select
        persons.person_id,
        contact_sources.source
    from persons
    cross join contact_sources
),

-- A source is as old as the newest thing it told; it is doubtful if any of its tables is.
judged as (
    select
        source,
        min(age_hours) as age_hours,
        bool_and(status = 'fresh') as is_fresh
    from source_status
    group by source
),

final as (
    select
        rested_on.person_id,
        max(judged.age_hours) as source_age_hours,
        coalesce(
            'stale: ' || string_agg(
                rested_on.source, ', ' order by rested_on.source
            ) filter (where not coalesce(judged.is_fresh, false)),
            'ok'
        ) as trust
    from rested_on
    left join judged on rested_on.source = judged.source
    group by rested_on.person_id
)

select
    person_id,
    source_age_hours,
    trust
from final
