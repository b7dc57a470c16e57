-- Who was assigned to a campaign: contacts, and the control group that was not sent to.
-- Grain: one row per assignment and drop it came in. Of the control group there is no
-- contact_date: it was not contacted.
with sends as (
    select
        send_id,
        campaign_id,
        email,
        phone,
        assigned_group,
        assigned_at,
        _file_date,
        _dlt_load_id
    from {{ source("mailer", "sends") }}
    where {{ is_accepted("mailer", "sends") }}
),

final as (
    select
        'mailer:' || send_id as contact_id,
        coalesce(
            {{ contact_hash("mail", "email") }}, {{ contact_hash("phone", "phone") }}
        ) as source_customer_id,
        array_remove(array[{{ contact_hash("mail", "email") }}], null) as exact_keys,
        assigned_at as first_seen_at,
        cast(null as text) as person_name,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        -- A message sent to an address does not confirm it.
        cast(null as timestamptz) as reported_at,
        'mailer:' || campaign_id as campaign_id,
        {{ trimmed("email") }} as email,
        {{ trimmed("phone") }} as phone,
        case when email is not null then 'email' when phone is not null then 'sms' end as channel,
        case
            when {{ trimmed("assigned_group") }} = 'contact' then {{ business_date("assigned_at") }}
        end as contact_date,
        'mailer:' || send_id as assignment_id,
        {{ trimmed("assigned_group") }} as treatment_group,
        {{ business_date("assigned_at") }} as assigned_date,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from sends
)

select
    contact_id,
    source_customer_id,
    exact_keys,
    first_seen_at,
    person_name,
    birth_date,
    postcode,
    address,
    reported_at,
    campaign_id,
    email,
    phone,
    channel,
    contact_date,
    assignment_id,
    treatment_group,
    assigned_date,
    reported_date,
    load_id
from final
