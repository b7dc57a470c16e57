-- Households as the CRM describes them.
-- Grain: one row per household and drop.
with demographics as (
    select
        household_id,
        age,
        income,
        home_ownership,
        marital_status,
        household_size,
        household_comp,
        kids_count,
        _file_date,
        _dlt_load_id
    from {{ source("crm", "demographics") }}
    where {{ is_accepted("crm", "demographics") }}
),

trimmed as (
    select
        cast({{ safe_cast_text("household_id", "bigint") }} as text) as source_customer_id,
        {{ trimmed("age") }} as age_band,
        {{ trimmed("income") }} as income_band,
        {{ trimmed("home_ownership") }} as home_ownership,
        {{ trimmed("marital_status") }} as marital_status,
        {{ trimmed("household_comp") }} as household_composition,
        {{ safe_cast_text("replace(household_size, '+', '')", "integer") }} as household_size,
        {{ safe_cast_text("replace(kids_count, '+', '')", "integer") }} > 0 as has_children,
        _file_date,
        _dlt_load_id
    from demographics
),

final as (
    select
        source_customer_id,
        array['household:' || source_customer_id] as exact_keys,
        {{ day_start("_file_date") }} as first_seen_at,
        cast(null as text) as person_name,
        cast(null as text) as phone,
        cast(null as text) as email,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        cast(null as timestamptz) as reported_at,
        age_band,
        income_band,
        home_ownership,
        marital_status,
        household_composition,
        household_size,
        has_children,
        -- Bands in their order, for models; a band the CRM has not used before is unknown (null).
        case age_band
            when '19-24' then 1
            when '25-34' then 2
            when '35-44' then 3
            when '45-54' then 4
            when '55-64' then 5
            when '65+' then 6
        end as age_level,
        case income_band
            when 'Under 15K' then 1
            when '15-24K' then 2
            when '25-34K' then 3
            when '35-49K' then 4
            when '50-74K' then 5
            when '75-99K' then 6
            when '100-124K' then 7
            when '125-149K' then 8
            when '150-174K' then 9
            when '175-199K' then 10
            when '200-249K' then 11
            when '250K+' then 12
        end as income_level,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from trimmed
)

select
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
    age_band,
    income_band,
    home_ownership,
    marital_status,
    household_composition,
    household_size,
    has_children,
    age_level,
    income_level,
    reported_date,
    load_id
from final
