{{
    config(
        materialized="incremental",
        unique_key="order_id",
        indexes=[
            {"columns": ["order_id"], "unique": true},
            {"columns": ["person_id", "order_date"]},
            {"columns": ["load_id"]},
        ],
    )
}}

-- Orders with the sums of their lines, as they are known now.
-- Grain: one row per order, cancelled ones and refunds with their kind. Earlier versions of
-- corrected orders are not here. An anonymous order has no source_customer_id and no person.
-- Not materialized: a night finds its few orders by an index.
with versions as not materialized (
    select
        order_id,
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
        load_id
    from {{ ref("int_orders__versioned") }}
    where known_to_date is null
),

links as (
    select
        source,
        source_customer_id,
        person_id
    from {{ source("identity", "person_links") }}
),

loads_read as (
    {{ loads_read("orders") }}
),

relinked as (
    {{ relinked("order_id") }}
),

touched as (
    select versions.order_id
    from versions
    inner join loads_read
        on versions.source = loads_read.source
        and versions.load_id > loads_read.load_id
    union
    select order_id from relinked
),

final as (
    select
        versions.order_id,
        links.person_id,
        versions.source,
        versions.source_customer_id,
        versions.store_id,
        versions.order_kind,
        versions.purchased_at,
        versions.order_date,
        versions.line_count,
        versions.unit_count,
        versions.order_amount,
        versions.retail_discount_amount,
        versions.coupon_discount_amount,
        versions.coupon_match_amount,
        versions.private_brand_amount,
        versions.load_id
    from versions
    inner join touched on versions.order_id = touched.order_id
    left join links
        on versions.source = links.source
        and versions.source_customer_id = links.source_customer_id
)

select
    order_id,
    person_id,
    source,
    source_customer_id,
    store_id,
    order_kind,
    purchased_at,
    order_date,
    line_count,
    cast(unit_count as bigint) as unit_count,
    cast(order_amount as numeric(18, 2)) as order_amount,
    cast(retail_discount_amount as numeric(18, 2)) as retail_discount_amount,
    cast(coupon_discount_amount as numeric(18, 2)) as coupon_discount_amount,
    cast(coupon_match_amount as numeric(18, 2)) as coupon_match_amount,
    cast(private_brand_amount as numeric(18, 2)) as private_brand_amount,
    load_id
from final
