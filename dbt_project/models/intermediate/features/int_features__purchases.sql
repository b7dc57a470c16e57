{{ config(materialized="ephemeral") }}

-- What a person bought, as it was known on a business day: rhythm, spend, breadth, discounts and
-- margin.
-- Grain: one row per person_id and as_of_date of those who bought. A window of N days ends with
-- as_of_date and counts it; "before" are the 84 days before the last 84.
-- What was cancelled is no purchase, nor is a refund: what was bought counts as it was bought, also
-- where some of it came back.
{%- set horizon_days = var("policy")["horizon_days"] %}

-- Not materialized: int_features__orders, which several topics read, is kept already.
with orders as not materialized (
    select
        person_id,
        as_of_date,
        store_id,
        order_date,
        days_ago,
        line_count,
        order_amount,
        retail_discount_amount,
        coupon_amount,
        gross_amount,
        private_brand_amount,
        discounted_line_count,
        cost_amount,
        departments
    from {{ ref("int_features__orders") }}
    where order_kind = 'purchase'
),

order_sums as (
    select
        as_of_date,
        person_id,
        count(*) as order_count,
        sum(order_amount) as order_amount,
        min(days_ago) as recency_days,
        max(days_ago) as tenure_days,
        count(*) filter (where days_ago < 28) as order_count_28d,
        count(*) filter (where days_ago < 84) as order_count_84d,
        count(*) filter (where days_ago < 168) as order_count_168d,
        count(*) filter (where days_ago < 365) as order_count_365d,
        count(*) filter (where days_ago between 84 and 167) as order_count_before,
        coalesce(sum(order_amount) filter (where days_ago < 28), 0) as spend_28d,
        coalesce(sum(order_amount) filter (where days_ago < 84), 0) as spend_84d,
        coalesce(sum(order_amount) filter (where days_ago < 168), 0) as spend_168d,
        coalesce(sum(order_amount) filter (where days_ago < 365), 0) as spend_365d,
        sum(line_count) as line_count,
        sum(discounted_line_count) as discounted_line_count,
        sum(line_count) filter (where days_ago < 84) as line_count_84d,
        sum(line_count) filter (where days_ago between 84 and 167) as line_count_before,
        sum(gross_amount) filter (where days_ago < 84) as gross_amount_84d,
        sum(retail_discount_amount) filter (where days_ago < 84) as retail_discount_amount_84d,
        sum(coupon_amount) filter (where days_ago < 84) as coupon_amount_84d,
        sum(private_brand_amount) filter (where days_ago < 84) as private_brand_amount_84d,
        sum(discounted_line_count) filter (where days_ago < 84) as discounted_line_count_84d,
        sum(discounted_line_count) filter (where days_ago between 84 and 167)
            as discounted_line_count_before,
        count(*) filter (where days_ago < 84 and discounted_line_count > 0)
            as discounted_order_count_84d,
        sum(order_amount - cost_amount) filter (where days_ago < 84) as margin_amount_84d,
        sum(order_amount) filter (where days_ago < 84 and cost_amount is not null)
            as costed_amount_84d,
        count(*) filter (
            where days_ago < 84 and extract(isodow from order_date) in (6, 7)
        ) as weekend_order_count_84d
    from orders
    group by as_of_date, person_id
),

-- Every purchase, with the days to the one of an earlier day before it, the newest day first.
places as (
    select
        as_of_date,
        person_id,
        line_count,
        discounted_line_count,
        dense_rank() over newest_first as place,
        nullif({{ days_between("lead(order_date) over newest_first", "order_date") }}, 0)
            as gap_days
    from orders
    window newest_first as (partition by as_of_date, person_id order by order_date desc)
),

rhythms as (
    select
        as_of_date,
        person_id,
        max(place) as purchase_day_count,
        avg(gap_days) as average_gap_days,
        stddev_samp(gap_days) as gap_deviation_days,
        max(gap_days) as longest_gap_days,
        max(gap_days) filter (where place = 1) as last_gap_days,
        avg(gap_days) filter (where place <= 3) as recent_gap_days,
        sum(line_count) filter (where place = 1) as last_line_count,
        sum(discounted_line_count) filter (where place = 1) as last_discounted_line_count,
        sum(line_count) filter (where place <= 3) as recent_line_count,
        sum(discounted_line_count) filter (where place <= 3) as recent_discounted_line_count
    from places
    group by as_of_date, person_id
),

varieties as (
    select
        as_of_date,
        person_id,
        count(distinct days_ago / 7) as active_weeks_84d,
        count(distinct store_id) as store_count_84d
    from orders
    where days_ago < 84
    group by as_of_date, person_id
),

departments_bought as (
    select distinct
        orders.as_of_date,
        orders.person_id,
        orders.days_ago < 84 as is_recent,
        department.value
    from orders
    {{ split_values("orders.departments", "department") }}
    where orders.days_ago < 168
),

departments as (
    select
        as_of_date,
        person_id,
        count(*) filter (where is_recent) as department_count_84d,
        count(*) filter (where not is_recent) as department_count_before
    from departments_bought
    group by as_of_date, person_id
),

final as (
    select
        order_sums.person_id,
        order_sums.as_of_date,
        order_sums.order_count,
        -- Days of buying a rate is taken over: at least a horizon, so that two purchases on one
        -- day do not make a great customer.
        {{ horizon_days }} * (
            1.0 * order_sums.spend_84d
            / least(84, greatest(order_sums.tenure_days + 1, {{ horizon_days }}))
        ) as value_at_recent_pace,
        {{ horizon_days }} * (
            1.0 * order_sums.order_amount
            / greatest(84, order_sums.tenure_days - order_sums.recency_days + 1)
        ) as value_at_former_pace,
        order_sums.recency_days,
        order_sums.tenure_days,
        rhythms.purchase_day_count,
        order_sums.order_amount / rhythms.purchase_day_count as spend_per_purchase_day,
        order_sums.order_count_28d,
        order_sums.order_count_84d,
        order_sums.order_count_168d,
        order_sums.order_count_365d,
        order_sums.spend_28d,
        order_sums.spend_84d,
        order_sums.spend_168d,
        order_sums.spend_365d,
        rhythms.average_gap_days,
        rhythms.gap_deviation_days,
        rhythms.longest_gap_days,
        rhythms.last_gap_days,
        rhythms.recent_gap_days,
        rhythms.recent_gap_days / nullif(rhythms.average_gap_days, 0) as gap_trend,
        order_sums.recency_days / nullif(rhythms.average_gap_days, 0) as recency_over_gap,
        1.0 * order_sums.recency_days / nullif(rhythms.longest_gap_days, 0)
            as recency_over_longest_gap,
        3.0 * order_sums.order_count_28d / nullif(order_sums.order_count_84d, 0) as order_trend,
        3.0 * order_sums.spend_28d / nullif(order_sums.spend_84d, 0) as spend_trend,
        1.0 * order_sums.order_count_84d / nullif(order_sums.order_count_before, 0)
            as order_change_84d,
        order_sums.spend_84d / nullif(order_sums.spend_168d - order_sums.spend_84d, 0)
            as spend_change_84d,
        coalesce(varieties.active_weeks_84d, 0) as active_weeks_84d,
        order_sums.spend_84d / nullif(order_sums.order_count_84d, 0) as average_order_amount_84d,
        order_sums.spend_84d / nullif(order_sums.order_count_84d, 0)
        / nullif(order_sums.order_amount / order_sums.order_count, 0) as order_amount_trend,
        order_sums.line_count_84d / nullif(order_sums.order_count_84d, 0) as lines_per_order_84d,
        order_sums.line_count_84d / nullif(order_sums.order_count_84d, 0)
        - order_sums.line_count_before / nullif(order_sums.order_count_before, 0)
            as lines_per_order_change,
        coalesce(departments.department_count_84d, 0) as department_count_84d,
        case
            when order_sums.order_count_before > 0
                then
                    coalesce(departments.department_count_84d, 0)
                    - coalesce(departments.department_count_before, 0)
        end as department_change,
        coalesce(varieties.store_count_84d, 0) as store_count_84d,
        order_sums.retail_discount_amount_84d / nullif(order_sums.gross_amount_84d, 0)
            as discount_share_84d,
        order_sums.coupon_amount_84d / nullif(order_sums.gross_amount_84d, 0) as coupon_share_84d,
        order_sums.discounted_line_count_84d / nullif(order_sums.line_count_84d, 0)
            as discounted_line_share_84d,
        order_sums.discounted_line_count_84d / nullif(order_sums.line_count_84d, 0)
        - order_sums.discounted_line_count_before / nullif(order_sums.line_count_before, 0)
            as discounted_line_share_change,
        1.0 * order_sums.discounted_order_count_84d / nullif(order_sums.order_count_84d, 0)
            as discounted_order_share_84d,
        order_sums.discounted_line_count / nullif(order_sums.line_count, 0)
            as discounted_line_share,
        rhythms.last_discounted_line_count / nullif(rhythms.last_line_count, 0)
            as last_discounted_line_share,
        rhythms.recent_discounted_line_count / nullif(rhythms.recent_line_count, 0)
            as recent_discounted_line_share,
        order_sums.line_count / rhythms.purchase_day_count as lines_per_purchase_day,
        rhythms.last_line_count,
        rhythms.recent_line_count / least(rhythms.purchase_day_count, 3)
            as recent_lines_per_purchase_day,
        order_sums.private_brand_amount_84d / nullif(order_sums.spend_84d, 0)
            as private_brand_share_84d,
        order_sums.margin_amount_84d / nullif(order_sums.costed_amount_84d, 0) as margin_share_84d,
        1.0 * order_sums.weekend_order_count_84d / nullif(order_sums.order_count_84d, 0)
            as weekend_share_84d
    from order_sums
    inner join rhythms
        on order_sums.as_of_date = rhythms.as_of_date
        and order_sums.person_id = rhythms.person_id
    left join varieties
        on order_sums.as_of_date = varieties.as_of_date
        and order_sums.person_id = varieties.person_id
    left join departments
        on order_sums.as_of_date = departments.as_of_date
        and order_sums.person_id = departments.person_id
)

select
    person_id,
    as_of_date,
    cast(order_count as double precision) as order_count,
    cast(value_at_recent_pace as double precision) as value_at_recent_pace,
    cast(value_at_former_pace as double precision) as value_at_former_pace,
    cast(recency_days as double precision) as recency_days,
    cast(tenure_days as double precision) as tenure_days,
    cast(purchase_day_count as double precision) as purchase_day_count,
    cast(spend_per_purchase_day as double precision) as spend_per_purchase_day,
    cast(order_count_28d as double precision) as order_count_28d,
    cast(order_count_84d as double precision) as order_count_84d,
    cast(order_count_168d as double precision) as order_count_168d,
    cast(order_count_365d as double precision) as order_count_365d,
    cast(spend_28d as double precision) as spend_28d,
    cast(spend_84d as double precision) as spend_84d,
    cast(spend_168d as double precision) as spend_168d,
    cast(spend_365d as double precision) as spend_365d,
    cast(average_gap_days as double precision) as average_gap_days,
    cast(gap_deviation_days as double precision) as gap_deviation_days,
    cast(longest_gap_days as double precision) as longest_gap_days,
    cast(last_gap_days as double precision) as last_gap_days,
    cast(recent_gap_days as double precision) as recent_gap_days,
    cast(gap_trend as double precision) as gap_trend,
    cast(recency_over_gap as double precision) as recency_over_gap,
    cast(recency_over_longest_gap as double precision) as recency_over_longest_gap,
    cast(order_trend as double precision) as order_trend,
    cast(spend_trend as double precision) as spend_trend,
    cast(order_change_84d as double precision) as order_change_84d,
    cast(spend_change_84d as double precision) as spend_change_84d,
    cast(active_weeks_84d as double precision) as active_weeks_84d,
    cast(average_order_amount_84d as double precision) as average_order_amount_84d,
    cast(order_amount_trend as double precision) as order_amount_trend,
    cast(lines_per_order_84d as double precision) as lines_per_order_84d,
    cast(lines_per_order_change as double precision) as lines_per_order_change,
    cast(department_count_84d as double precision) as department_count_84d,
    cast(department_change as double precision) as department_change,
    cast(store_count_84d as double precision) as store_count_84d,
    cast(discount_share_84d as double precision) as discount_share_84d,
    cast(coupon_share_84d as double precision) as coupon_share_84d,
    cast(discounted_line_share_84d as double precision) as discounted_line_share_84d,
    cast(discounted_line_share_change as double precision) as discounted_line_share_change,
    cast(discounted_order_share_84d as double precision) as discounted_order_share_84d,
    cast(private_brand_share_84d as double precision) as private_brand_share_84d,
    cast(margin_share_84d as double precision) as margin_share_84d,
    cast(weekend_share_84d as double precision) as weekend_share_84d,
    cast(discounted_line_share as double precision) as discounted_line_share,
    cast(last_discounted_line_share as double precision) as last_discounted_line_share,
    cast(recent_discounted_line_share as double precision) as recent_discounted_line_share,
    cast(lines_per_purchase_day as double precision) as lines_per_purchase_day,
    cast(last_line_count as double precision) as last_line_count,
    cast(recent_lines_per_purchase_day as double precision) as recent_lines_per_purchase_day
from final
