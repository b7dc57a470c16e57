{{
    config(
        materialized="incremental",
        unique_key="product_id",
        indexes=[{"columns": ["load_id"]}],
    )
}}

-- What was known of a product, and from when to when.
-- Grain: one row per product and version; known_to_date is null for the newest.
with new_versions as (
    {{ union_feed("products", loads="new") }}
),

products as (
    {{ union_feed("products") }}
),

touched as (
    select distinct product_id
    from new_versions
),

dated as (
    select
        products.product_id,
        products.manufacturer_id,
        products.department,
        products.brand_type,
        products.category,
        products.product_type,
        products.package_size,
        products.list_price,
        products.unit_cost,
        products.source,
        products.load_id,
        products.updated_at,
        -- The first load of the products holds for all orders before it.
        case
            when products.is_history then date '0001-01-01'
            else products.reported_date
        end as known_from_date
    from products
    inner join touched on products.product_id = touched.product_id
),

spans as (
    select
        product_id,
        manufacturer_id,
        department,
        brand_type,
        category,
        product_type,
        package_size,
        list_price,
        unit_cost,
        source,
        load_id,
        known_from_date,
        lead(known_from_date) over (
            partition by product_id
            order by known_from_date, updated_at, load_id
        ) as known_to_date
    from dated
),

-- A version that was replaced on its own day holds for no day.
final as (
    select
        product_id,
        manufacturer_id,
        department,
        brand_type,
        category,
        product_type,
        package_size,
        list_price,
        unit_cost,
        source,
        load_id,
        known_from_date,
        known_to_date
    from spans
    where known_to_date > known_from_date or known_to_date is null
)

select
    product_id,
    manufacturer_id,
    department,
    brand_type,
    category,
    product_type,
    package_size,
    list_price,
    unit_cost,
    source,
    load_id,
    known_from_date,
    known_to_date
from final
