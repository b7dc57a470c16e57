{{ config(materialized="ephemeral") }}

-- Service contracts of a person, as known on a business day.
-- Grain: one row per person_id and as_of_date of those who ever had a contract by then.
with feature_dates as (
    {{ feature_dates() }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

contract_versions as (
    select
        contract_id,
        source,
        source_customer_id,
        start_date,
        end_date,
        monthly_fee,
        contract_state,
        renewed_from_id,
        reported_date,
        known_from_date,
        known_to_date
    from {{ ref("int_contracts__versioned") }}
),

known_contracts as (
    select
        feature_dates.as_of_date,
        links.person_id,
        contract_versions.contract_id,
        contract_versions.start_date,
        -- Ended before its time, it ran until we were told.
        case
            when
                contract_versions.contract_state = 'ended'
                and contract_versions.reported_date <= feature_dates.as_of_date
                then least(contract_versions.end_date, contract_versions.reported_date)
            else contract_versions.end_date
        end as end_date,
        contract_versions.contract_state = 'ended'
        and contract_versions.reported_date <= feature_dates.as_of_date as is_ended_early,
        contract_versions.monthly_fee,
        contract_versions.renewed_from_id
    from contract_versions
    inner join feature_dates
        on contract_versions.known_from_date <= feature_dates.as_of_date
        and (
            contract_versions.known_to_date > feature_dates.as_of_date
            or contract_versions.known_to_date is null
        )
    inner join links
        on contract_versions.source = links.source
        and contract_versions.source_customer_id = links.source_customer_id
),

renewed as (
    select distinct
        as_of_date,
        renewed_from_id
    from known_contracts
),

judged_contracts as (
    select
        contracts.as_of_date,
        contracts.person_id,
        contracts.start_date,
        contracts.end_date,
        contracts.monthly_fee,
        contracts.renewed_from_id is not null as is_renewal,
        not contracts.is_ended_early and contracts.end_date >= contracts.as_of_date as is_running,
        renewed.renewed_from_id is not null as is_renewed
    from known_contracts as contracts
    left join renewed
        on contracts.as_of_date = renewed.as_of_date
        and contracts.contract_id = renewed.renewed_from_id
),

sums as (
    select
        as_of_date,
        person_id,
        count(*) filter (where is_running) as running_contract_count,
        min(end_date) filter (where is_running and not is_renewed) as ending_date,
        max(end_date) as last_end_date,
        min(start_date) as first_start_date,
        count(*) filter (where is_renewal) as contract_renewal_count,
        sum(monthly_fee) filter (where is_running) as contract_monthly_fee
    from judged_contracts
    group by as_of_date, person_id
),

final as (
    select
        person_id,
        as_of_date,
        running_contract_count,
        {{ days_between("as_of_date", "ending_date") }} as contract_days_left,
        case
            when running_contract_count = 0
                then {{ days_between("last_end_date", "as_of_date") }}
        end as days_since_contract_end,
        {{ days_between("first_start_date", "as_of_date") }} as contract_tenure_days,
        contract_renewal_count,
        contract_monthly_fee
    from sums
)

select
    person_id,
    as_of_date,
    cast(running_contract_count as double precision) as running_contract_count,
    cast(contract_days_left as double precision) as contract_days_left,
    cast(days_since_contract_end as double precision) as days_since_contract_end,
    cast(contract_tenure_days as double precision) as contract_tenure_days,
    cast(contract_renewal_count as double precision) as contract_renewal_count,
    cast(contract_monthly_fee as double precision) as contract_monthly_fee
from final
