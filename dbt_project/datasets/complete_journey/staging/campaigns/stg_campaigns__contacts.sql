-- Contacts that campaigns made.
-- Grain: one row per campaign, household, day and drop it came in.
with contacts as (
    select
        campaign_id,
        household_id,
        contacted_on,
        _file_date,
        _dlt_load_id
    from {{ source("campaigns", "contacts") }}
    where {{ is_accepted("campaigns", "contacts") }}
),

final as (
    select
        'campaigns:' || campaign_id || ':' || household_id || ':' || contacted_on as contact_id,
        cast(household_id as text) as source_customer_id,
        array['household:' || household_id] as exact_keys,
        {{ day_start("contacted_on") }} as first_seen_at,
        cast(null as text) as person_name,
        cast(null as text) as phone,
        cast(null as text) as email,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        cast(null as timestamptz) as reported_at,
        'campaigns:' || campaign_id as campaign_id,
        -- The tool does not say by which channel: any contact counts against the one budget.
        cast(null as text) as channel,
        contacted_on as contact_date,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from contacts
)

select
    contact_id,
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
    channel,
    contact_date,
    reported_date,
    load_id
from final
