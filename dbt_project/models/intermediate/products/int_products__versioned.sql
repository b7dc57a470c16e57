{{
    config(
        materialized="incremental",
        unique_key="product_id",
        indexes=[
            {"columns": ["product_id", "known_from_date"], "unique": true},
            {"columns": ["source", "load_id"]},
        ],
    )
}}

-- What was known of a product, and from when to when.
-- Grain: one row per product and version; known_to_date is null for the newest.
with new_versions as (
    {{ union_feed("products", only_new_loads=true) }}
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

newest_of_day as (
    select
        product_id,
        manufacturer_id,
        department,
        brand_type,
        category,
        product_type,
        package_size,
        source,
        load_id,
        known_from_date,
        row_number() over (
            partition by product_id, known_from_date
            order by updated_at desc, load_id desc
        ) as place
    from dated
),

final as (
    select
        product_id,
        manufacturer_id,
        department,
        brand_type,
        category,
        product_type,
        package_size,
        source,
        load_id,
        known_from_date,
        lead(known_from_date) over (
            partition by product_id
            order by known_from_date
        ) as known_to_date
    from newest_of_day
    where place = 1
)

select
    product_id,
    manufacturer_id,
    department,
    brand_type,
    category,
    product_type,
    package_size,
    source,
    load_id,
    known_from_date,
    known_to_date
from final
