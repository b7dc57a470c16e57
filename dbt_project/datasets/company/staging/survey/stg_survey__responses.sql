-- Responses to the survey after a purchase or a service.
-- Grain: one row per response and drop it came in. Who gave neither account nor mail is nobody we
-- know.
with responses as (
    select
        response_id,
        email,
        member_id,
        occasion,
        answered_at,
        satisfaction,
        recommendation,
        switching_discount_percent,
        comment,
        _file_date,
        _dlt_load_id
    from {{ source("survey", "responses") }}
    where {{ is_accepted("survey", "responses") }}
),

typed as (
    select
        {{ trimmed("response_id") }} as response_id,
        {{ trimmed("email") }} as email,
        {{ safe_cast_text("member_id", "bigint") }} as member_id,
        {{ trimmed("occasion") }} as occasion,
        -- The cells of a workbook know no time zone: the tool writes UTC.
        {{ safe_cast_text("answered_at || '+00'", "timestamptz") }} as answered_at,
        {{ safe_cast_text("satisfaction", "integer") }} as satisfaction,
        {{ safe_cast_text("recommendation", "integer") }} as recommendation,
        {{ safe_cast_text("switching_discount_percent", "integer") }} as switching_discount_percent,
        {{ trimmed("comment") }} as comment_text,
        _file_date,
        _dlt_load_id
    from responses
),

final as (
    select
        'survey:' || response_id as survey_id,
        coalesce('member:' || member_id, {{ contact_hash("mail", "email") }})
            as source_customer_id,
        array_remove(
            array[coalesce('member:' || member_id, {{ contact_hash("mail", "email") }})], null
        ) as exact_keys,
        answered_at as first_seen_at,
        cast(null as text) as person_name,
        cast(null as text) as phone,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        answered_at as reported_at,
        email,
        occasion,
        satisfaction,
        recommendation,
        switching_discount_percent,
        comment_text,
        answered_at,
        {{ business_date("answered_at") }} as answered_date,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from typed
)

select
    survey_id,
    source_customer_id,
    exact_keys,
    first_seen_at,
    person_name,
    phone,
    birth_date,
    postcode,
    address,
    reported_at,
    email,
    occasion,
    satisfaction,
    recommendation,
    switching_discount_percent,
    comment_text,
    answered_at,
    answered_date,
    reported_date,
    load_id
from final
