{{
    config(
        unique_key="as_of_date",
        indexes=[{"columns": ["as_of_date", "person_id"], "unique": true}],
    )
}}

-- What came of the persons after a snapshot day, for training only.
-- Grain: one row per person_id and as_of_date whose horizon has passed by the day of the run.
with feature_dates as (
    {{ feature_dates() }}
),

features as (
    select
        person_id,
        as_of_date,
        case when population = 'contract' then cast(contract_days_left as integer) end
            as contract_days_left
    from {{ ref("ftr_customers") }}
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

-- As known on the day of the run: a later correction must not change what was learned.
orders as (
    select
        links.person_id,
        order_versions.order_date,
        order_versions.order_amount
    from {{ ref("int_orders__versioned") }} as order_versions
    inner join links
        on order_versions.source = links.source
        and order_versions.source_customer_id = links.source_customer_id
    where
        order_versions.order_kind = 'purchase'
        and order_versions.known_from_date <= {{ as_of_date() }}
        and (
            order_versions.known_to_date > {{ as_of_date() }}
            or order_versions.known_to_date is null
        )
),

contracts as (
    select
        links.person_id,
        contract_versions.start_date
    from {{ ref("int_contracts__versioned") }} as contract_versions
    inner join links
        on contract_versions.source = links.source
        and contract_versions.source_customer_id = links.source_customer_id
    where
        contract_versions.known_from_date <= {{ as_of_date() }}
        and (
            contract_versions.known_to_date > {{ as_of_date() }}
            or contract_versions.known_to_date is null
        )
),

withdrawals as (
    select
        person_id,
        withdrawn_date
    from {{ ref("fct_withdrawals") }}
    where known_from_date <= {{ as_of_date() }}
),

-- The horizon is the company's: policy.yml, horizon_days.
snapshots as (
    select
        features.person_id,
        features.as_of_date,
        {{ add_days("features.as_of_date", var("policy")["horizon_days"]) }} as horizon_end_date,
        -- Who is contacted is contacted the day after.
        {{ add_days("features.as_of_date", var("policy")["contact"]["withdrawal_days"] + 1) }}
            as withdrawal_end_date,
        {{ add_days(
            add_days("features.as_of_date", "features.contract_days_left"),
            var("policy")["horizon_days"],
        ) }} as renewal_end_date,
        {{ add_days("features.as_of_date", 365) }} as year_end_date
    from features
    inner join feature_dates on features.as_of_date = feature_dates.as_of_date
),

purchases as (
    select
        snapshots.person_id,
        snapshots.as_of_date,
        count(*) filter (
            where
            {{ days_between("snapshots.as_of_date", "orders.order_date") }}
            <= {{ var("policy")["contact"]["effect_days"] }}
        ) as purchase_count
    from snapshots
    inner join orders
        on snapshots.person_id = orders.person_id
        and snapshots.as_of_date < orders.order_date
        and snapshots.horizon_end_date >= orders.order_date
    group by snapshots.person_id, snapshots.as_of_date
),

withdrawers as (
    select distinct
        snapshots.person_id,
        snapshots.as_of_date
    from snapshots
    inner join withdrawals
        on snapshots.person_id = withdrawals.person_id
        and snapshots.as_of_date < withdrawals.withdrawn_date
        and snapshots.withdrawal_end_date >= withdrawals.withdrawn_date
),

-- What is bought counts as it was bought, as in the features. What was known a year ago is what the
-- year since can test.
year_sums as (
    select
        snapshots.person_id,
        snapshots.as_of_date,
        sum(orders.order_amount) as spend_amount,
        sum(
            case
                when orders.order_date <= {{ add_days(as_of_date(), -365) }}
                    then orders.order_amount
            end
        ) as spend_amount_a_year_ago
    from snapshots
    inner join orders
        on snapshots.person_id = orders.person_id
        and snapshots.as_of_date < orders.order_date
        and snapshots.year_end_date >= orders.order_date
    group by snapshots.person_id, snapshots.as_of_date
),

-- Whoever signs for a time after the day has renewed, also where the contract is another.
renewers as (
    select distinct
        snapshots.person_id,
        snapshots.as_of_date
    from snapshots
    inner join contracts
        on snapshots.person_id = contracts.person_id
        and snapshots.as_of_date < contracts.start_date
        and snapshots.renewal_end_date >= contracts.start_date
),

final as (
    select
        snapshots.person_id,
        snapshots.as_of_date,
        {{ var("policy")["horizon_days"] }} as horizon_days,
        purchases.person_id is not null as bought_within_horizon,
        cast(coalesce(purchases.purchase_count, 0) as integer) as purchase_count,
        withdrawers.person_id is not null as withdrew_consent,
        case
            when snapshots.renewal_end_date <= {{ as_of_date() }}
                then renewers.person_id is not null
        end as renewed_contract,
        coalesce(cast(year_sums.spend_amount as double precision), 0) as spend_within_year,
        case
            when snapshots.as_of_date < {{ add_days(as_of_date(), -365) }}
                then coalesce(cast(year_sums.spend_amount_a_year_ago as double precision), 0)
        end as spend_known_a_year_ago,
        {{ as_of_date() }} as known_date
    from snapshots
    left join purchases
        on snapshots.person_id = purchases.person_id
        and snapshots.as_of_date = purchases.as_of_date
    left join withdrawers
        on snapshots.person_id = withdrawers.person_id
        and snapshots.as_of_date = withdrawers.as_of_date
    left join renewers
        on snapshots.person_id = renewers.person_id
        and snapshots.as_of_date = renewers.as_of_date
    left join year_sums
        on snapshots.person_id = year_sums.person_id
        and snapshots.as_of_date = year_sums.as_of_date
    where snapshots.horizon_end_date <= {{ as_of_date() }}
)

select
    person_id,
    as_of_date,
    horizon_days,
    bought_within_horizon,
    purchase_count,
    withdrew_consent,
    renewed_contract,
    spend_within_year,
    spend_known_a_year_ago,
    known_date
from final
