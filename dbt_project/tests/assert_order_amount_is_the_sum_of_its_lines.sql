-- Why: fct_orders takes its sums from versions of orders, fct_order_lines its lines from the loads;
-- two ways that must meet. Looks at the orders of the newest load: earlier ones were compared when
-- they came, and a night must not read all lines again.
with newest_orders as (
    select
        order_id,
        line_count,
        order_amount
    from {{ ref("fct_orders") }}
    where load_id = (select max(newest.load_id) from {{ ref("fct_orders") }} as newest)
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
        count(lines.order_id) as line_count,
        coalesce(sum(lines.sales_amount), 0) as sales_amount
    from newest_orders
    left join lines on newest_orders.order_id = lines.order_id
    group by newest_orders.order_id
)

select
    newest_orders.order_id,
    newest_orders.order_amount,
    line_sums.sales_amount
from newest_orders
inner join line_sums on newest_orders.order_id = line_sums.order_id
where
    newest_orders.order_amount != line_sums.sales_amount
    or newest_orders.line_count != line_sums.line_count
