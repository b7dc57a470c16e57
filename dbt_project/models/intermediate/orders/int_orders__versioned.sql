{{
    config(
        materialized="incremental",
        unique_key="order_id",
        indexes=[
            {"columns": ["order_id", "known_from_date"], "unique": true},
            {"columns": ["load_id"]},
        ],
    )
}}

-- Orders with the sums of their lines, as they were known from one business day to another. A
-- correction makes a new version, so a day that is built again sees what was known on that day.
-- Grain: one row per order and version; known_to_date is null for the newest. An order whose lines
-- have not arrived has none; lines whose order has not arrived are not here. Cancelled orders and
-- refunds are here and say so: order_kind.
with new_orders as (
    {{ union_feed("orders", loads="new") }}
),

new_lines as (
    {{ union_feed("order_lines", loads="new") }}
),

read_orders as (
    {{ union_feed("orders", loads="read") }}
),

read_lines as (
    {{ union_feed("order_lines", loads="read") }}
),

orders_so_far as (
    {{ keys_so_far("order_id") }}
),

touched as (
    select order_id from new_orders
    union
    select order_id from new_lines
),

-- Orders that need what earlier loads brought: those that are here already, and those whose lines
-- did not come with them. On most nights there are none, and the earlier loads are not read.
reopened as (
    select touched.order_id
    from touched
    where
        -- Counted order by order: planned as a join, it reads all that are here.
        (
            select count(*) from orders_so_far
            where touched.order_id = orders_so_far.order_id
        ) > 0
    union
    select touched.order_id
    from touched
    where not exists (
        select 1 from new_lines
        where touched.order_id = new_lines.order_id
    )
),

all_orders as (
    select
        order_id,
        source,
        source_customer_id,
        store_id,
        order_kind,
        purchased_at,
        reported_date,
        updated_at,
        load_id,
        is_history
    from new_orders
    union all
    select
        order_id,
        source,
        source_customer_id,
        store_id,
        order_kind,
        purchased_at,
        reported_date,
        updated_at,
        load_id,
        is_history
    from read_orders
    where order_id in (select reopened.order_id from reopened)
),

all_lines as (
    select
        order_id,
        line_id,
        product_id,
        unit_count,
        sales_amount,
        retail_discount_amount,
        coupon_discount_amount,
        coupon_match_amount,
        reported_date,
        updated_at,
        load_id,
        is_history
    from new_lines
    union all
    select
        order_id,
        line_id,
        product_id,
        unit_count,
        sales_amount,
        retail_discount_amount,
        coupon_discount_amount,
        coupon_match_amount,
        reported_date,
        updated_at,
        load_id,
        is_history
    from read_lines
    where order_id in (select reopened.order_id from reopened)
),

products as (
    select
        product_id,
        department,
        brand_type,
        list_price,
        unit_cost,
        known_from_date,
        known_to_date
    from {{ ref("int_products__versioned") }}
    {%- if is_incremental() %}
    -- A night's lines name few of all products.
    where product_id in (select all_lines.product_id from all_lines)
    {%- endif %}
),

-- Prices are compared over time by what a basket costs against the first known price of each of its
-- products, which never changes.
first_prices as (
    select
        product_id,
        list_price,
        row_number() over (partition by product_id order by known_from_date) as place
    from products
    where list_price > 0
),

headers as (
    select
        all_orders.order_id,
        all_orders.source,
        all_orders.source_customer_id,
        all_orders.store_id,
        all_orders.order_kind,
        all_orders.purchased_at,
        {{ business_date("all_orders.purchased_at") }} as order_date,
        all_orders.updated_at,
        all_orders.load_id,
        case
            when all_orders.is_history then {{ business_date("all_orders.purchased_at") }}
            else greatest(
                {{ business_date("all_orders.purchased_at") }}, all_orders.reported_date
            )
        end as known_from_date
    from all_orders
),

first_known as (
    select
        order_id,
        min(known_from_date) as known_from_date
    from headers
    group by order_id
),

lines as (
    select
        all_lines.order_id,
        all_lines.line_id,
        all_lines.product_id,
        all_lines.unit_count,
        all_lines.sales_amount,
        all_lines.retail_discount_amount,
        all_lines.coupon_discount_amount,
        all_lines.coupon_match_amount,
        all_lines.updated_at,
        all_lines.load_id,
        case
            when all_lines.is_history then first_known.known_from_date
            else greatest(first_known.known_from_date, all_lines.reported_date)
        end as known_from_date
    from all_lines
    inner join first_known on all_lines.order_id = first_known.order_id
),

-- The days on which anything about an order became known.
versions as (
    select
        order_id,
        known_from_date
    from headers
    union
    select
        order_id,
        known_from_date
    from lines
),

-- A version that was replaced on its own day holds for no day.
header_spans as (
    select
        order_id,
        source,
        source_customer_id,
        store_id,
        order_kind,
        purchased_at,
        order_date,
        load_id,
        known_from_date,
        lead(known_from_date) over (
            partition by order_id
            order by known_from_date, updated_at, load_id
        ) as known_to_date
    from headers
),

line_spans as (
    select
        order_id,
        line_id,
        product_id,
        unit_count,
        sales_amount,
        retail_discount_amount,
        coupon_discount_amount,
        coupon_match_amount,
        load_id,
        known_from_date,
        lead(known_from_date) over (
            partition by order_id, line_id
            order by known_from_date, updated_at, load_id
        ) as known_to_date
    from lines
),

version_headers as (
    select
        versions.order_id,
        versions.known_from_date,
        header_spans.source,
        header_spans.source_customer_id,
        header_spans.store_id,
        header_spans.order_kind,
        header_spans.purchased_at,
        header_spans.order_date,
        header_spans.load_id
    from versions
    inner join header_spans
        on versions.order_id = header_spans.order_id
        and versions.known_from_date >= header_spans.known_from_date
        and (
            versions.known_from_date < header_spans.known_to_date
            or header_spans.known_to_date is null
        )
),

line_sums as (
    select
        versions.order_id,
        versions.known_from_date,
        count(*) as line_count,
        sum(line_spans.unit_count) as unit_count,
        sum(line_spans.sales_amount) as order_amount,
        sum(line_spans.retail_discount_amount) as retail_discount_amount,
        sum(line_spans.coupon_discount_amount) as coupon_discount_amount,
        sum(line_spans.coupon_match_amount) as coupon_match_amount,
        sum(line_spans.sales_amount) filter (
            where products.brand_type = 'private'
        ) as private_brand_amount,
        count(*) filter (
            where
            line_spans.retail_discount_amount > 0
            or line_spans.coupon_discount_amount > 0
            or line_spans.coupon_match_amount > 0
        ) as discounted_line_count,
        -- Half a cost is none.
        case
            when count(*) = count(products.unit_cost)
                then sum(line_spans.unit_count * products.unit_cost)
        end as cost_amount,
        case
            when count(*) = count(first_prices.list_price)
                then sum(line_spans.unit_count * first_prices.list_price)
        end as reference_amount,
        {{ joined_values("products.department") }} as departments,
        max(line_spans.load_id) as load_id
    from versions
    inner join line_spans
        on versions.order_id = line_spans.order_id
        and versions.known_from_date >= line_spans.known_from_date
        and (
            versions.known_from_date < line_spans.known_to_date
            or line_spans.known_to_date is null
        )
    left join products
        on line_spans.product_id = products.product_id
        and versions.known_from_date >= products.known_from_date
        and (
            versions.known_from_date < products.known_to_date
            or products.known_to_date is null
        )
    left join first_prices
        on line_spans.product_id = first_prices.product_id
        and first_prices.place = 1
    group by versions.order_id, versions.known_from_date
),

final as (
    select
        version_headers.order_id,
        version_headers.known_from_date,
        lead(version_headers.known_from_date) over (
            partition by version_headers.order_id
            order by version_headers.known_from_date
        ) as known_to_date,
        version_headers.source,
        version_headers.source_customer_id,
        version_headers.store_id,
        version_headers.order_kind,
        version_headers.purchased_at,
        version_headers.order_date,
        coalesce(line_sums.line_count, 0) as line_count,
        coalesce(line_sums.unit_count, 0) as unit_count,
        coalesce(line_sums.order_amount, 0) as order_amount,
        coalesce(line_sums.retail_discount_amount, 0) as retail_discount_amount,
        coalesce(line_sums.coupon_discount_amount, 0) as coupon_discount_amount,
        coalesce(line_sums.coupon_match_amount, 0) as coupon_match_amount,
        coalesce(line_sums.private_brand_amount, 0) as private_brand_amount,
        coalesce(line_sums.discounted_line_count, 0) as discounted_line_count,
        line_sums.cost_amount,
        line_sums.reference_amount,
        line_sums.departments,
        greatest(version_headers.load_id, line_sums.load_id) as load_id
    from version_headers
    left join line_sums
        on version_headers.order_id = line_sums.order_id
        and version_headers.known_from_date = line_sums.known_from_date
)

select
    order_id,
    known_from_date,
    known_to_date,
    source,
    source_customer_id,
    store_id,
    order_kind,
    purchased_at,
    order_date,
    line_count,
    unit_count,
    order_amount,
    retail_discount_amount,
    coupon_discount_amount,
    coupon_match_amount,
    private_brand_amount,
    discounted_line_count,
    cost_amount,
    reference_amount,
    departments,
    load_id
from final
