{{
    config(
        materialized="incremental",
        unique_key="survey_id",
        indexes=[
            {"columns": ["survey_id"], "unique": true},
            {"columns": ["person_id", "answered_date"]},
        ],
    )
}}

-- Answers to surveys. No source of the demo provides them: empty, and typed.
-- Grain: one row per survey.
with new_versions as (
    {{ union_feed("surveys", loads="new") }}
),

versions as (
    {{ union_feed("surveys") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

relinked as (
    {{ relinked("survey_id") }}
),

touched as (
    select survey_id from new_versions
    union
    select survey_id from relinked
),

dated as (
    select
        versions.survey_id,
        versions.source,
        versions.source_customer_id,
        versions.question,
        versions.answer_value,
        versions.answered_date,
        min(
            case
                when versions.is_history then versions.answered_date
                else greatest(versions.answered_date, versions.reported_date)
            end
        ) over (partition by versions.survey_id) as known_from_date,
        max(versions.load_id) over (partition by versions.survey_id) as load_id,
        row_number() over (
            partition by versions.survey_id
            order by versions.reported_date desc, versions.load_id desc
        ) as place
    from versions
    inner join touched on versions.survey_id = touched.survey_id
),

final as (
    select
        dated.survey_id,
        links.person_id,
        dated.source,
        dated.source_customer_id,
        dated.question,
        dated.answer_value,
        dated.answered_date,
        dated.known_from_date,
        dated.load_id
    from dated
    left join links
        on dated.source = links.source
        and dated.source_customer_id = links.source_customer_id
    where dated.place = 1
)

select
    survey_id,
    person_id,
    source,
    source_customer_id,
    question,
    answer_value,
    answered_date,
    known_from_date,
    load_id
from final
