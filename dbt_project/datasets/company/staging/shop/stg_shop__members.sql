-- Members of the web shop: accounts, of which a person may have several.
-- Grain: one row per version of an account.
with members as (
    select
        member_id,
        membership_number,
        login_email,
        email_verified,
        name,
        phone,
        birth_date,
        gender,
        postcode,
        address,
        registered_at,
        status,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "members") }}
    where {{ is_accepted("shop", "members") }}
),

final as (
    select
        cast(member_id as text) as source_customer_id,
        'shop:' || member_id as account_id,
        -- An address that was never verified may be anybody's.
        array_remove(
            array[
                'member:' || member_id,
                'membership:' || {{ trimmed("membership_number") }},
                case when email_verified then {{ contact_hash("mail", "login_email") }} end
            ],
            null
        ) as exact_keys,
        registered_at as first_seen_at,
        updated_at as reported_at,
        {{ trimmed("membership_number") }} as membership_number,
        {{ trimmed("name") }} as person_name,
        {{ trimmed("login_email") }} as email,
        email_verified as is_email_verified,
        {{ trimmed("phone") }} as phone,
        birth_date,
        {{ trimmed("gender") }} as gender,
        {{ trimmed("postcode") }} as postcode,
        {{ trimmed("address") }} as address,
        {{ trimmed("status") }} as account_status,
        {{ business_date("registered_at") }} as opened_date,
        {{ business_date("updated_at") }} as changed_date,
        case
            when {{ trimmed("status") }} = 'closed' then {{ business_date("updated_at") }}
        end as closed_date,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from members
)

select
    source_customer_id,
    account_id,
    exact_keys,
    first_seen_at,
    reported_at,
    membership_number,
    person_name,
    email,
    is_email_verified,
    phone,
    birth_date,
    gender,
    postcode,
    address,
    account_status,
    opened_date,
    changed_date,
    closed_date,
    reported_date,
    updated_at,
    load_id
from final
