{{
    config(
        materialized="incremental",
        unique_key="reaction_id",
        tags=unfed_tags("reactions"),
        indexes=[
            {"columns": ["reaction_id"], "unique": true},
            {"columns": ["contact_id"]},
        ],
    )
}}

-- What came back upon a contact: opened, clicked, unsubscribed, bounced. Whose contact it was
-- stands in fct_contacts. Models of what contact changes may use it, and no other.
-- Grain: one row per reaction.
with new_versions as (
    {{ union_feed("reactions", loads="new") }}
),

versions as (
    {{ union_feed("reactions") }}
),

touched as (
    select distinct reaction_id
    from new_versions
),

dated as (
    select
        versions.reaction_id,
        versions.contact_id,
        versions.source,
        versions.reaction_type,
        versions.reacted_date,
        min(
            case
                when versions.is_history then versions.reacted_date
                else greatest(versions.reacted_date, versions.reported_date)
            end
        ) over (partition by versions.reaction_id) as known_from_date,
        max(versions.load_id) over (partition by versions.reaction_id) as load_id,
        row_number() over (
            partition by versions.reaction_id
            order by versions.reported_date desc, versions.load_id desc
        ) as place
    from versions
    inner join touched on versions.reaction_id = touched.reaction_id
),

final as (
    select
        reaction_id,
        contact_id,
        source,
        reaction_type,
        reacted_date,
        known_from_date,
        load_id
    from dated
    where place = 1
)

select
    reaction_id,
    contact_id,
    source,
    reaction_type,
    reacted_date,
    known_from_date,
    load_id
from final
