{{ config(indexes=[{"columns": ["person_id", "channel"], "unique": true}]) }}

-- Where a person can be reached and whether that is allowed. Only the publisher's role reads it.
-- Grain: one row per person and channel. No consent is assumed: without a grant it is unknown. That
-- records turn out to be one person never widens consent: see docs/decisions/0028.
with contact_points as (
    {{ union_feed("contact_points") }}
),

grants as (
    {{ consent_grants() }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

-- What each record of a person says last of a channel.
newest_points as (
    select
        source,
        source_customer_id,
        channel,
        -- Nobody is reached at a placeholder: policy.yml.
        case
            when
                contact_value like '%@%' and {{ is_placeholder("emails", "contact_value") }}
                then null
            when
                contact_value not like '%@%' and {{ is_placeholder("phones", "contact_value") }}
                then null
            else contact_value
        end as contact_value,
        consent_status,
        consent_at,
        updated_at,
        row_number() over (
            partition by source, source_customer_id, channel
            order by updated_at desc, load_id desc, contact_value asc
        ) as place
    from contact_points
),

-- A grant by policy adds the channel for every record of its source. Where the record's own contact
-- point is not known, the source's number of the customer says whom to reach: the source has the
-- address.
statements as (
    select
        links.person_id,
        links.source,
        links.source_customer_id,
        newest_points.channel,
        newest_points.contact_value,
        newest_points.consent_status,
        case when newest_points.consent_status = 'granted' then 'given at the source' end as basis,
        newest_points.consent_at,
        newest_points.updated_at
    from newest_points
    inner join links
        on newest_points.source = links.source
        and newest_points.source_customer_id = links.source_customer_id
    where newest_points.place = 1
    union all
    select
        links.person_id,
        links.source,
        links.source_customer_id,
        grants.channel,
        coalesce(
            newest_points.contact_value, links.source || ' customer ' || links.source_customer_id
        ) as contact_value,
        'granted by policy' as consent_status,
        grants.reason as basis,
        cast(null as timestamptz) as consent_at,
        newest_points.updated_at
    from links
    inner join grants on links.source = grants.source
    left join newest_points
        on links.source = newest_points.source
        and links.source_customer_id = newest_points.source_customer_id
        and grants.channel = newest_points.channel
        and newest_points.place = 1
),

-- Of all the person's records the strictest statement wins: a denial over everything, then a grant
-- at a source, then the policy's. The newest of several, and its own contact value with it: a grant
-- holds for the address it was given for and for no other.
ranked as (
    select
        person_id,
        channel,
        source,
        contact_value,
        consent_status,
        basis,
        consent_at,
        row_number() over (
            partition by person_id, channel
            order by
                case consent_status
                    when 'denied' then 1
                    when 'granted' then 2
                    when 'granted by policy' then 3
                    else 4
                end,
                consent_at desc nulls last,
                updated_at desc nulls last,
                source asc,
                source_customer_id asc,
                basis asc
        ) as place
    from statements
),

final as (
    select
        person_id,
        channel,
        contact_value,
        case consent_status
            when 'denied' then 'denied'
            when 'granted' then 'granted'
            when 'granted by policy' then 'granted'
            else 'unknown'
        end as consent_status,
        basis as consent_basis,
        case
            when consent_status = 'granted by policy' then 'policy'
            when consent_status in ('denied', 'granted') then source
        end as consent_source,
        consent_at
    from ranked
    where place = 1
)

select
    person_id,
    channel,
    contact_value,
    consent_status,
    consent_basis,
    consent_source,
    consent_at
from final
