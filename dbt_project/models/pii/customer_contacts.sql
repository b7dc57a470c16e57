{{ config(indexes=[{"columns": ["person_id", "channel"], "unique": true}]) }}

-- Where a person can be reached and whether that is allowed. Only the publisher's role reads it.
-- Grain: one row per person and channel. No consent is assumed: without a grant it is unknown.
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
        contact_value,
        consent_status,
        consent_at,
        updated_at,
        row_number() over (
            partition by source, source_customer_id, channel
            order by updated_at desc, load_id desc, contact_value asc
        ) as place
    from contact_points
),

-- A grant by policy adds the channel for every record of its source. Where no contact point is
-- known, the source's own number of the customer says whom to reach: the source has the address.
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
        links.source || ' customer ' || links.source_customer_id as contact_value,
        'granted by policy' as consent_status,
        grants.reason as basis,
        cast(null as timestamptz) as consent_at,
        cast(null as timestamptz) as updated_at
    from links
    inner join grants on links.source = grants.source
),

-- A denial wins over everything, a grant at the source over the policy's.
weighed as (
    select
        person_id,
        source,
        source_customer_id,
        channel,
        contact_value,
        consent_status,
        basis,
        consent_at,
        updated_at,
        case consent_status
            when 'denied' then 1
            when 'granted' then 2
            when 'granted by policy' then 3
            else 4
        end as weight
    from statements
),

-- The newest value of any of a person's records, whichever of them says what of consent.
ranked as (
    select
        person_id,
        channel,
        source,
        consent_status,
        basis,
        consent_at,
        first_value(contact_value) over (
            partition by person_id, channel
            order by
                contact_value is null asc, updated_at desc nulls last, source asc,
                source_customer_id asc
        ) as contact_value,
        row_number() over (
            partition by person_id, channel
            order by
                weight asc, consent_at desc nulls last, source asc, source_customer_id asc,
                basis asc
        ) as place
    from weighed
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
