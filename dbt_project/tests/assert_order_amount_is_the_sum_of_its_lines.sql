-- Why: fct_orders takes its sums from versions of orders, fct_order_lines its lines from the loads;
-- two ways that must meet. Looks at the orders of the newest load: earlier ones were compared when
-- they came, and a night must not read all lines again.
with newest_orders as (
    select
        order_id,
        line_count,
        order_amount
    from {{ ref("fct_orders") }}
    where load_id = '{{ newest_load(ref("fct_orders")) }}'
),

lines as (
    select
        order_id,
        sales_amount
    from {{ ref("fct_order_lines") }}
),

line_sums as (
    select
        newest_orders.order_id,
        newest_orders.line_count,
        newest_orders.order_amount,
        found.line_count as lines_found,
        found.sales_amount
    from newest_orders
    -- Order by order: planned as one join, it reads all lines.
    cross join lateral (
        select
            count(*) as line_count,
            coalesce(sum(lines.sales_amount), 0) as sales_amount
        from lines
        where lines.order_id = newest_orders.order_id
    ) as found
)

select
    order_id,
    order_amount,
    sales_amount
from line_sums
where order_amount != sales_amount or line_count != lines_found
