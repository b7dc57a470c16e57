{{
    config(
        materialized="incremental",
        unique_key="contact_id",
        indexes=[
            {"columns": ["contact_id"], "unique": true},
            {"columns": ["person_id", "contact_date"]},
        ],
    )
}}

-- Contacts that anybody reported to have made: campaigns and, once they report, our own lists. An
-- entry of a list is an order to contact; it counts here when the channel says it was carried out.
-- Grain: one row per contact.
with new_versions as (
    {{ union_feed("contacts", loads="new") }}
),

versions as (
    {{ union_feed("contacts") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

relinked as (
    {{ relinked("contact_id") }}
),

touched as (
    select contact_id from new_versions
    union
    select contact_id from relinked
),

dated as (
    select
        versions.contact_id,
        versions.source,
        versions.source_customer_id,
        versions.campaign_id,
        versions.channel,
        versions.contact_date,
        min(
            case
                when versions.is_history then versions.contact_date
                else greatest(versions.contact_date, versions.reported_date)
            end
        ) over (partition by versions.contact_id) as known_from_date,
        max(versions.load_id) over (partition by versions.contact_id) as load_id,
        row_number() over (
            partition by versions.contact_id
            order by versions.reported_date desc, versions.load_id desc
        ) as place
    from versions
    inner join touched on versions.contact_id = touched.contact_id
),

final as (
    select
        dated.contact_id,
        links.person_id,
        dated.source,
        dated.source_customer_id,
        dated.campaign_id,
        dated.channel,
        dated.contact_date,
        dated.known_from_date,
        dated.load_id
    from dated
    left join links
        on dated.source = links.source
        and dated.source_customer_id = links.source_customer_id
    where dated.place = 1
)

select
    contact_id,
    person_id,
    source,
    source_customer_id,
    campaign_id,
    channel,
    contact_date,
    known_from_date,
    load_id
from final
