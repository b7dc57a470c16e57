{{ config(tags=unfed_tags("contracts")) }}

-- Service contracts as they are known now. Empty, and typed, where no source provides them.
-- Grain: one row per contract; a renewal is a contract of its own.
with contracts as (
    select
        contract_id,
        source,
        source_customer_id,
        service_plan,
        start_date,
        end_date,
        monthly_fee,
        contract_state,
        renewed_from_id,
        load_id
    from {{ ref("int_contracts__versioned") }}
    where known_to_date is null
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

final as (
    select
        contracts.contract_id,
        links.person_id,
        contracts.source,
        contracts.source_customer_id,
        contracts.service_plan,
        contracts.start_date,
        contracts.end_date,
        contracts.monthly_fee,
        contracts.contract_state,
        contracts.renewed_from_id,
        contracts.load_id
    from contracts
    left join links
        on contracts.source = links.source
        and contracts.source_customer_id = links.source_customer_id
)

select
    contract_id,
    person_id,
    source,
    source_customer_id,
    service_plan,
    start_date,
    end_date,
    monthly_fee,
    contract_state,
    renewed_from_id,
    load_id
from final
