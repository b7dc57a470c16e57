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
        order_versions.known_from_date <= {{ as_of_date() }}
        and (
            order_versions.known_to_date > {{ as_of_date() }}
            or order_versions.known_to_date is null
        )
),

-- The horizon is the company's: policy.yml, horizon_days.
final as (
    select
        features.person_id,
        features.as_of_date,
        {{ var("policy")["horizon_days"] }} as horizon_days,
        exists (
            select 1
            from orders
            where
                orders.person_id = features.person_id
                and orders.order_date > features.as_of_date
                and orders.order_date
                <= {{ add_days("features.as_of_date", var("policy")["horizon_days"]) }}
        ) as bought_within_horizon
    from features
    inner join feature_dates on features.as_of_date = feature_dates.as_of_date
    where
        {{ add_days("features.as_of_date", var("policy")["horizon_days"]) }}
        <= {{ as_of_date() }}
)

select
    person_id,
    as_of_date,
    horizon_days,
    bought_within_horizon
from final
