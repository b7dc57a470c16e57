{{ config(indexes=[{"columns": ["person_id", "channel"], "unique": true}]) }}

-- Whom the company's rules allow to be contacted on the business day, and why not.
-- Grain: one row per person and channel that a list uses. Which list a person is on is not here.
with features as (
    select
        person_id,
        accounts_closed
    from {{ ref("ftr_customers") }}
    where as_of_date = {{ as_of_date() }}
),

channels as (
    {%- for channel in list_channels() %}
    select '{{ channel }}' as channel
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

consents as (
    select
        person_id,
        channel,
        consent_status,
        consent_basis,
        consent_at
    from {{ ref("customer_contacts") }}
),

contacts as (
    select
        person_id,
        contact_date,
        known_from_date
    from {{ ref("fct_contacts") }}
),

cases as (
    select
        person_id,
        case_type,
        opened_date,
        closed_date,
        known_from_date
    from {{ ref("fct_cases") }}
),

last_contacts as (
    select
        person_id,
        max(contact_date) as last_contact_date
    from contacts
    where known_from_date <= {{ as_of_date() }}
    group by person_id
),

complainants as (
    select distinct person_id
    from cases
    where
        case_type = 'complaint'
        and known_from_date <= {{ as_of_date() }}
        and (closed_date > {{ as_of_date() }} or closed_date is null)
),

judged as (
    select
        features.person_id,
        channels.channel,
        consents.consent_basis,
        case
            -- The law's and the company's: no consent, no contact. A grant given after the business
            -- day does not count on it; a denial counts whenever it was given.
            when
                coalesce(consents.consent_status, 'unknown') != 'granted'
                or consents.consent_at >= {{ day_end(as_of_date()) }}
                then 'no consent'
            -- Who has closed every account has said goodbye: what was granted before is in doubt,
            -- and doubt is in the customer's favour.
            when features.accounts_closed = 1 then 'account closed'
            -- Whoever waits for an answer to a complaint is not sold to.
            when complainants.person_id is not null then 'open complaint'
            -- One contact budget for all lists and campaigns: policy.yml, contact.
            when
                {{ days_between("last_contacts.last_contact_date", as_of_date()) }}
                < {{ var("policy")["contact"]["min_days_between_contacts"] }}
                then 'contacted recently'
        end as refusal,
        -- The standing control group: policy.yml, contact. Changing the salt draws another.
        {{ hash_share("features.person_id || '" ~ var("policy")["contact"]["holdout_salt"] ~ "'") }}
        < {{ var("policy")["contact"]["holdout_share"] }} as is_holdout
    from features
    cross join channels
    left join consents
        on features.person_id = consents.person_id
        and channels.channel = consents.channel
    left join last_contacts on features.person_id = last_contacts.person_id
    left join complainants on features.person_id = complainants.person_id
),

final as (
    select
        {{ as_of_date() }} as as_of_date,
        person_id,
        channel,
        refusal is null as is_permitted,
        refusal,
        consent_basis,
        is_holdout
    from judged
)

select
    as_of_date,
    person_id,
    channel,
    is_permitted,
    refusal,
    consent_basis,
    is_holdout
from final
