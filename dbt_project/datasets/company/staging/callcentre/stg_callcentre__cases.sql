-- Complaints and questions of the call centre.
-- Grain: one row per version of a case. Who gave neither account nor phone is nobody we know.
with cases as (
    select
        case_id,
        caller_name,
        phone,
        member_id,
        channel,
        kind,
        topic,
        department,
        order_id,
        opened_at,
        promised_at,
        resolved_at,
        outcome,
        description,
        updated_at,
        _dlt_load_id
    from {{ source("callcentre", "cases") }}
    where {{ is_accepted("callcentre", "cases") }}
),

final as (
    select
        'callcentre:' || case_id as case_id,
        -- Families share a phone: who gave no account is told apart by the name as well.
        coalesce(
            'member:' || member_id,
            {{ contact_hash("phone", "phone") }}
            || coalesce(':' || md5({{ normal_name("caller_name") }}), '')
        ) as source_customer_id,
        array_remove(array['member:' || member_id], null) as exact_keys,
        opened_at as first_seen_at,
        cast(null as text) as email,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        opened_at as reported_at,
        {{ trimmed("caller_name") }} as person_name,
        {{ trimmed("phone") }} as phone,
        {{ trimmed("channel") }} as channel,
        {{ trimmed("kind") }} as case_type,
        {{ trimmed("topic") }} as topic,
        {{ trimmed("department") }} as department,
        'shop:' || order_id as order_id,
        opened_at,
        promised_at,
        resolved_at,
        {{ trimmed("outcome") }} as outcome,
        {{ trimmed("description") }} as description,
        {{ business_date("opened_at") }} as opened_date,
        {{ business_date("promised_at") }} as promised_date,
        {{ business_date("resolved_at") }} as closed_date,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from cases
)

select
    case_id,
    source_customer_id,
    exact_keys,
    first_seen_at,
    email,
    birth_date,
    postcode,
    address,
    reported_at,
    person_name,
    phone,
    channel,
    case_type,
    topic,
    department,
    order_id,
    opened_at,
    promised_at,
    resolved_at,
    outcome,
    description,
    opened_date,
    promised_date,
    closed_date,
    reported_date,
    updated_at,
    load_id
from final
