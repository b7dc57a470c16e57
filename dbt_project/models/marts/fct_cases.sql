{{
    config(
        materialized="incremental",
        unique_key="case_id",
        indexes=[
            {"columns": ["case_id"], "unique": true},
            {"columns": ["person_id", "opened_date"]},
        ],
    )
}}

-- Complaints and requests. No source of the demo provides them: empty, and typed.
-- Grain: one row per case.
with new_versions as (
    {{ union_feed("cases", loads="new") }}
),

versions as (
    {{ union_feed("cases") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

relinked as (
    {{ relinked("case_id") }}
),

touched as (
    select case_id from new_versions
    union
    select case_id from relinked
),

dated as (
    select
        versions.case_id,
        versions.source,
        versions.source_customer_id,
        versions.case_type,
        versions.closed_date,
        versions.opened_date,
        min(
            case
                when versions.is_history then versions.opened_date
                else greatest(versions.opened_date, versions.reported_date)
            end
        ) over (partition by versions.case_id) as known_from_date,
        max(versions.load_id) over (partition by versions.case_id) as load_id,
        row_number() over (
            partition by versions.case_id
            order by versions.reported_date desc, versions.load_id desc
        ) as place
    from versions
    inner join touched on versions.case_id = touched.case_id
),

final as (
    select
        dated.case_id,
        links.person_id,
        dated.source,
        dated.source_customer_id,
        dated.case_type,
        dated.closed_date,
        dated.opened_date,
        dated.known_from_date,
        dated.load_id
    from dated
    left join links
        on dated.source = links.source
        and dated.source_customer_id = links.source_customer_id
    where dated.place = 1
)

select
    case_id,
    person_id,
    source,
    source_customer_id,
    case_type,
    closed_date,
    opened_date,
    known_from_date,
    load_id
from final
