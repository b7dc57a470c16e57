-- The sales team's name list: persons, and how old they are.
-- Grain: one row per contact and drop. A person may be two contacts.
with name_list as (
    select
        contact_id,
        name,
        mobile,
        email,
        birth_date,
        postcode,
        address,
        membership_number,
        grade,
        sales_region,
        entered_on,
        last_edited_on,
        _file_date,
        _dlt_load_id
    from {{ source("crm", "name_list") }}
    where {{ is_accepted("crm", "name_list") }}
),

typed as (
    select
        {{ trimmed("contact_id") }} as source_customer_id,
        {{ trimmed("name") }} as person_name,
        {{ trimmed("mobile") }} as phone,
        {{ trimmed("email") }} as email,
        {{ trimmed("postcode") }} as postcode,
        {{ trimmed("address") }} as address,
        {{ trimmed("membership_number") }} as membership_number,
        {{ trimmed("grade") }} as grade,
        {{ trimmed("sales_region") }} as sales_region,
        {{ typed_day("birth_date") }} as birth_day,
        {{ safe_cast_text("entered_on", "date") }} as entered_date,
        {{ safe_cast_text("last_edited_on", "date") }} as last_edited_date,
        _file_date,
        _dlt_load_id
    from name_list
),

full_years as (
    select
        source_customer_id,
        person_name,
        phone,
        email,
        postcode,
        address,
        membership_number,
        grade,
        sales_region,
        -- A year of two digits: nobody on the list is younger than fourteen.
        case
            when
                birth_day like '__-%'
                and left(birth_day, 2) > right(
                    cast(extract(year from _file_date) - 14 as text), 2
                )
                then '19' || birth_day
            when birth_day like '__-%' then '20' || birth_day
            else birth_day
        end as birth_day,
        entered_date,
        last_edited_date,
        _file_date,
        _dlt_load_id
    from typed
),

born as (
    select
        source_customer_id,
        person_name,
        phone,
        email,
        postcode,
        address,
        membership_number,
        grade,
        sales_region,
        {{ safe_cast_text("birth_day", "date") }} as birth_date,
        entered_date,
        last_edited_date,
        _file_date,
        _dlt_load_id
    from full_years
),

aged as (
    select
        source_customer_id,
        person_name,
        phone,
        email,
        postcode,
        address,
        membership_number,
        grade,
        sales_region,
        birth_date,
        floor({{ days_between("birth_date", "_file_date") }} / 365.25) as age_years,
        entered_date,
        last_edited_date,
        _file_date,
        _dlt_load_id
    from born
),

final as (
    select
        source_customer_id,
        array_remove(array['membership:' || membership_number], null) as exact_keys,
        {{ day_start("coalesce(entered_date, _file_date)") }} as first_seen_at,
        -- Every drop repeats what was told on the day of the last edit.
        {{ day_start("coalesce(last_edited_date, entered_date, _file_date)") }} as reported_at,
        membership_number,
        person_name,
        email,
        phone,
        birth_date,
        postcode,
        address,
        grade,
        sales_region,
        entered_date,
        last_edited_date,
        case
            when age_years < 25 then 'under 25'
            when age_years < 35 then '25-34'
            when age_years < 45 then '35-44'
            when age_years < 55 then '45-54'
            when age_years < 65 then '55-64'
            when age_years >= 65 then '65+'
        end as age_band,
        case
            when age_years < 25 then 1
            when age_years < 35 then 2
            when age_years < 45 then 3
            when age_years < 55 then 4
            when age_years < 65 then 5
            when age_years >= 65 then 6
        end as age_level,
        cast(null as text) as income_band,
        cast(null as integer) as income_level,
        cast(null as text) as home_ownership,
        cast(null as text) as marital_status,
        cast(null as text) as household_composition,
        cast(null as integer) as household_size,
        cast(null as boolean) as has_children,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from aged
)

select
    source_customer_id,
    exact_keys,
    first_seen_at,
    reported_at,
    membership_number,
    person_name,
    email,
    phone,
    birth_date,
    postcode,
    address,
    grade,
    sales_region,
    entered_date,
    last_edited_date,
    age_band,
    age_level,
    income_band,
    income_level,
    home_ownership,
    marital_status,
    household_composition,
    household_size,
    has_children,
    reported_date,
    load_id
from final
