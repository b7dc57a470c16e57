-- Consent given and withdrawn, by channel: where a person may be contacted.
-- Grain: one row per change and drop it came in.
with consent_changes as (
    select
        change_id,
        email,
        phone,
        channel,
        consent,
        changed_at,
        _file_date,
        _dlt_load_id
    from {{ source("mailer", "consent_changes") }}
    where {{ is_accepted("mailer", "consent_changes") }}
),

final as (
    select
        'mailer:' || change_id as change_id,
        coalesce(
            {{ contact_hash("mail", "email") }}, {{ contact_hash("phone", "phone") }}
        ) as source_customer_id,
        array_remove(array[{{ contact_hash("mail", "email") }}], null) as exact_keys,
        changed_at as first_seen_at,
        cast(null as text) as person_name,
        {{ trimmed("phone") }} as phone,
        {{ trimmed("email") }} as email,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        changed_at as reported_at,
        {{ trimmed("channel") }} as channel,
        case {{ trimmed("channel") }}
            when 'email' then {{ trimmed("email") }}
            when 'sms' then {{ trimmed("phone") }}
            when 'phone' then {{ trimmed("phone") }}
        end as contact_value,
        case {{ trimmed("consent") }}
            when 'withdrawn' then 'denied' else {{ trimmed("consent") }}
        end as consent_status,
        changed_at as consent_at,
        'mailer:' || change_id as withdrawal_id,
        case when {{ trimmed("consent") }} = 'withdrawn' then {{ business_date("changed_at") }} end
            as withdrawn_date,
        _file_date as reported_date,
        changed_at as updated_at,
        _dlt_load_id as load_id
    from consent_changes
)

select
    change_id,
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
    channel,
    contact_value,
    consent_status,
    consent_at,
    withdrawal_id,
    withdrawn_date,
    reported_date,
    updated_at,
    load_id
from final
