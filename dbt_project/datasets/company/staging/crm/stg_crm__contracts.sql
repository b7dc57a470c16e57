-- Service contracts of the people on the name list.
-- Grain: one row per contract and drop.
with contracts as (
    select
        contract_id,
        contact_id,
        service_plan,
        started_on,
        ends_on,
        monthly_fee,
        state,
        renewed_from,
        _file_date,
        _dlt_load_id
    from {{ source("crm", "contracts") }}
    where {{ is_accepted("crm", "contracts") }}
),

final as (
    select
        'crm:' || {{ trimmed("contract_id") }} as contract_id,
        {{ trimmed("contact_id") }} as source_customer_id,
        {{ trimmed("service_plan") }} as service_plan,
        {{ safe_cast_text("started_on", "date") }} as start_date,
        {{ safe_cast_text("ends_on", "date") }} as end_date,
        {{ safe_cast_text("replace(monthly_fee, ',', '')", "numeric") }} as monthly_fee,
        case {{ trimmed("state") }}
            when '유효' then 'valid'
            when '만료' then 'expired'
            when '해지' then 'ended'
            else {{ trimmed("state") }}
        end as contract_state,
        'crm:' || {{ trimmed("renewed_from") }} as renewed_from_id,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from contracts
)

select
    contract_id,
    source_customer_id,
    service_plan,
    start_date,
    end_date,
    monthly_fee,
    contract_state,
    renewed_from_id,
    reported_date,
    load_id
from final
