{{
    config(
        materialized="incremental",
        unique_key="interaction_id",
        indexes=[
            {"columns": ["interaction_id"], "unique": true},
            {"columns": ["person_id", "interaction_date"]},
        ],
    )
}}

-- What persons did other than buy: coupons redeemed so far.
-- Grain: one row per interaction.
with new_versions as (
    {{ union_feed("interactions", loads="new") }}
),

versions as (
    {{ union_feed("interactions") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

relinked as (
    {{ relinked("interaction_id") }}
),

touched as (
    select interaction_id from new_versions
    union
    select interaction_id from relinked
),

dated as (
    select
        versions.interaction_id,
        versions.source,
        versions.source_customer_id,
        versions.campaign_id,
        versions.interaction_type,
        versions.subject,
        versions.interaction_date,
        min(
            case
                when versions.is_history then versions.interaction_date
                else greatest(versions.interaction_date, versions.reported_date)
            end
        ) over (partition by versions.interaction_id) as known_from_date,
        max(versions.load_id) over (partition by versions.interaction_id) as load_id,
        row_number() over (
            partition by versions.interaction_id
            order by versions.reported_date desc, versions.load_id desc
        ) as place
    from versions
    inner join touched on versions.interaction_id = touched.interaction_id
),

final as (
    select
        dated.interaction_id,
        links.person_id,
        dated.source,
        dated.source_customer_id,
        dated.campaign_id,
        dated.interaction_type,
        dated.subject,
        dated.interaction_date,
        dated.known_from_date,
        dated.load_id
    from dated
    left join links
        on dated.source = links.source
        and dated.source_customer_id = links.source_customer_id
    where dated.place = 1
)

select
    interaction_id,
    person_id,
    source,
    source_customer_id,
    campaign_id,
    interaction_type,
    subject,
    interaction_date,
    known_from_date,
    load_id
from final
