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
        as_of_date
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
        order_versions.order_date
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

-- The horizon is the company's: policy.yml, horizon_days.
snapshots as (
    select
        features.person_id,
        features.as_of_date,
        {{ add_days("features.as_of_date", var("policy")["horizon_days"]) }} as horizon_end_date
    from features
    inner join feature_dates on features.as_of_date = feature_dates.as_of_date
),

buyers as (
    select distinct
        snapshots.person_id,
        snapshots.as_of_date
    from snapshots
    inner join orders
        on snapshots.person_id = orders.person_id
        and snapshots.as_of_date < orders.order_date
        and snapshots.horizon_end_date >= orders.order_date
),

final as (
    select
        snapshots.person_id,
        snapshots.as_of_date,
        {{ var("policy")["horizon_days"] }} as horizon_days,
        buyers.person_id is not null as bought_within_horizon
    from snapshots
    left join buyers
        on snapshots.person_id = buyers.person_id
        and snapshots.as_of_date = buyers.as_of_date
    where snapshots.horizon_end_date <= {{ as_of_date() }}
)

select
    person_id,
    as_of_date,
    horizon_days,
    bought_within_horizon
from final
