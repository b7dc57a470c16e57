-- Why: the one mistake that cannot be taken back is a contact without consent. The rules are in
-- int_contact__permitted; here the finished lists of the day are held against the facts again.
with entries as (
    select
        person_id,
        list_name,
        channel
    from {{ ref("target_list_entries") }}
    where as_of_date = {{ as_of_date() }}
),

consents as (
    select
        person_id,
        channel,
        consent_status
    from {{ ref("customer_contacts") }}
),

contacts as (
    select
        person_id,
        contact_date,
        known_from_date
    from {{ ref("fct_contacts") }}
)

select
    entries.person_id,
    entries.list_name
from entries
left join consents
    on entries.person_id = consents.person_id
    and entries.channel = consents.channel
where
    coalesce(consents.consent_status, 'unknown') != 'granted'
    or exists (
        select 1
        from contacts
        where
            contacts.person_id = entries.person_id
            and contacts.known_from_date <= {{ as_of_date() }}
            -- The contact budget: policy.yml, contact.min_days_between_contacts.
            and {{ days_between("contacts.contact_date", as_of_date()) }}
            < {{ var("policy")["contact"]["min_days_between_contacts"] }}
    )
