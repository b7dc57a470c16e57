-- Events of sessions on the web and in the app; of members, interactions.
-- Grain: one row per event and drop it came in. Before somebody logs in, and of kinds that other
-- feeds tell better, an event has no interaction_date.
with events as (
    select
        event_id,
        event_type,
        occurred_at,
        device_id,
        session_id,
        channel,
        member_id,
        product_id,
        search_text,
        _file_date,
        _dlt_load_id
    from {{ source("web", "events") }}
    where {{ is_accepted("web", "events") }}
),

final as (
    select
        'web:' || {{ trimmed("event_id") }} as interaction_id,
        cast(member_id as text) as source_customer_id,
        array_remove(array['member:' || member_id], null) as exact_keys,
        occurred_at as first_seen_at,
        cast(null as text) as person_name,
        cast(null as text) as phone,
        cast(null as text) as email,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        cast(null as timestamptz) as reported_at,
        cast(null as text) as campaign_id,
        {{ trimmed("event_type") }} as interaction_type,
        'shop:' || product_id as subject,
        occurred_at,
        {{ trimmed("device_id") }} as device_id,
        {{ trimmed("session_id") }} as session_id,
        {{ trimmed("channel") }} as channel,
        {{ trimmed("search_text") }} as search_text,
        -- A visit without a member is nobody's; an order says more than its checkout.
        case
            when
                member_id is not null
                and {{ trimmed("event_type") }} in ('login', 'product_view', 'cart_add', 'app_open')
                then {{ business_date("occurred_at") }}
        end as interaction_date,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from events
)

select
    interaction_id,
    source_customer_id,
    exact_keys,
    first_seen_at,
    person_name,
    phone,
    email,
    birth_date,
    postcode,
    address,
    reported_at,
    campaign_id,
    interaction_type,
    subject,
    occurred_at,
    device_id,
    session_id,
    channel,
    search_text,
    interaction_date,
    reported_date,
    load_id
from final
