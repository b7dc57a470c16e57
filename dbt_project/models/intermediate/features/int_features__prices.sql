{{ config(materialized="ephemeral") }}

-- How shelf prices have changed up to a business day, by what was bought.
-- Grain: one row per as_of_date. Baskets differ from week to week, so each is held against what it
-- would cost at its products' first known prices: the ratio of two such ratios is the change of the
-- prices alone. Orders of products without a known price do not count.
with orders as (
    select
        as_of_date,
        days_ago,
        gross_amount,
        reference_amount
    from {{ ref("int_features__orders") }}
    where
        order_kind = 'purchase'
        and reference_amount > 0
        and days_ago < 196
),

levels as (
    select
        as_of_date,
        sum(gross_amount) filter (where days_ago < 28)
        / sum(reference_amount) filter (where days_ago < 28) as level_now,
        sum(gross_amount) filter (where days_ago between 84 and 111)
        / sum(reference_amount) filter (where days_ago between 84 and 111) as level_before_84d,
        sum(gross_amount) filter (where days_ago between 168 and 195)
        / sum(reference_amount) filter (where days_ago between 168 and 195) as level_before_168d
    from orders
    group by as_of_date
),

final as (
    select
        as_of_date,
        level_now / level_before_84d - 1 as price_change_84d,
        level_now / level_before_168d - 1 as price_change_168d
    from levels
)

select
    as_of_date,
    cast(price_change_84d as double precision) as price_change_84d,
    cast(price_change_168d as double precision) as price_change_168d
from final
