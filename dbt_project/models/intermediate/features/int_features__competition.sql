{{ config(materialized="ephemeral") }}

-- Whether a competitor has opened where a person shops, as known on a business day.
-- Grain: one row per person_id and as_of_date of those who bought in a store within a year and in
-- whose region somebody opened within one.
with feature_dates as (
    {{ feature_dates() }}
),

told_stores as (
    {{ union_feed("stores") }}
),

told_competitors as (
    {{ union_feed("competitors") }}
),

orders as (
    select
        person_id,
        as_of_date,
        store_id,
        days_ago
    from {{ ref("int_features__orders") }}
    where order_kind = 'purchase' and days_ago < 365
),

store_versions as (
    select
        feature_dates.as_of_date,
        told_stores.store_id,
        told_stores.region,
        row_number() over (
            partition by feature_dates.as_of_date, told_stores.store_id
            order by
                told_stores.reported_date desc, told_stores.load_id desc, told_stores.region asc
        ) as place
    from told_stores
    inner join feature_dates on told_stores.reported_date <= feature_dates.as_of_date
),

openings as (
    select
        feature_dates.as_of_date,
        told_competitors.region,
        min({{ days_between("told_competitors.opened_date", "feature_dates.as_of_date") }})
            as days_since_competitor_opening
    from told_competitors
    inner join feature_dates
        on told_competitors.opened_date <= feature_dates.as_of_date
        and (
            told_competitors.is_history
            or told_competitors.reported_date <= feature_dates.as_of_date
        )
    where {{ days_between("told_competitors.opened_date", "feature_dates.as_of_date") }} < 365
    group by feature_dates.as_of_date, told_competitors.region
),

regions as (
    select
        orders.as_of_date,
        orders.person_id,
        store_versions.region,
        row_number() over (
            partition by orders.as_of_date, orders.person_id
            order by count(*) desc, min(orders.days_ago) asc, store_versions.region asc
        ) as place
    from orders
    inner join store_versions
        on orders.as_of_date = store_versions.as_of_date
        and orders.store_id = store_versions.store_id
        and store_versions.place = 1
    group by orders.as_of_date, orders.person_id, store_versions.region
),

final as (
    select
        regions.person_id,
        regions.as_of_date,
        openings.days_since_competitor_opening
    from regions
    inner join openings
        on regions.as_of_date = openings.as_of_date
        and regions.region = openings.region
    where regions.place = 1
)

select
    person_id,
    as_of_date,
    cast(days_since_competitor_opening as double precision) as days_since_competitor_opening
from final
