{{ config(materialized="ephemeral") }}

-- What came back of what a person bought, as it was known on a business day: returns of lines, and
-- refunds of tills, which do not say what they refund.
-- Grain: one row per person_id and as_of_date of those who ever brought something back.
with orders as (
    select
        person_id,
        as_of_date,
        order_id,
        order_kind,
        days_ago,
        order_amount
    from {{ ref("int_features__orders") }}
),

returns as (
    select
        order_id,
        returned_date,
        known_from_date,
        refund_amount
    from {{ ref("fct_returns") }}
),

sent_back as (
    select
        orders.as_of_date,
        orders.person_id,
        {{ days_between("returns.returned_date", "orders.as_of_date") }} as days_ago,
        returns.refund_amount
    from orders
    inner join returns
        on orders.order_id = returns.order_id
        and orders.as_of_date >= returns.known_from_date
    union all
    select
        as_of_date,
        person_id,
        days_ago,
        -order_amount as refund_amount
    from orders
    where order_kind = 'refund'
),

final as (
    select
        person_id,
        as_of_date,
        min(days_ago) as days_since_return,
        count(*) filter (where days_ago < 168) as return_count_168d,
        coalesce(sum(refund_amount) filter (where days_ago < 168), 0) as refund_amount_168d
    from sent_back
    group by as_of_date, person_id
)

select
    person_id,
    as_of_date,
    cast(days_since_return as double precision) as days_since_return,
    cast(return_count_168d as double precision) as return_count_168d,
    cast(refund_amount_168d as double precision) as refund_amount_168d
from final
