{{
    config(
        materialized="incremental",
        unique_key="product_id",
        indexes=[{"columns": ["product_id"], "unique": true}, {"columns": ["load_id"]}],
    )
}}

-- Products as they are described now.
-- Grain: one row per product, also for a product that was sold but that no source describes.
-- Not materialized: a night finds its few products by an index.
with versions as not materialized (
    select
        product_id,
        manufacturer_id,
        department,
        brand_type,
        category,
        product_type,
        package_size,
        source,
        load_id
    from {{ ref("int_products__versioned") }}
    where known_to_date is null
),

loads_read as (
    {{ loads_read("products") }}
),

lines as (
    select
        product_id,
        source,
        load_id
    from {{ ref("fct_order_lines") }}
),

described as (
    select
        versions.product_id,
        versions.manufacturer_id,
        versions.department,
        versions.brand_type,
        versions.category,
        versions.product_type,
        versions.package_size,
        true as is_described,
        versions.source,
        versions.load_id
    from versions
    inner join loads_read
        on versions.source = loads_read.source
        and versions.load_id > loads_read.load_id
),

sold as (
    select
        lines.product_id,
        lines.source,
        max(lines.load_id) as load_id
    from lines
    inner join loads_read
        on lines.source = loads_read.source
        and lines.load_id > loads_read.load_id
    group by lines.product_id, lines.source
),

undescribed as (
    select
        sold.product_id,
        sold.source,
        sold.load_id
    from sold
    left join versions on sold.product_id = versions.product_id
    where versions.product_id is null
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
        is_described,
        source,
        load_id
    from described
    union all
    select
        product_id,
        cast(null as text) as manufacturer_id,
        cast(null as text) as department,
        cast(null as text) as brand_type,
        cast(null as text) as category,
        cast(null as text) as product_type,
        cast(null as text) as package_size,
        false as is_described,
        source,
        load_id
    from undescribed
)

select
    product_id,
    manufacturer_id,
    department,
    brand_type,
    category,
    product_type,
    package_size,
    is_described,
    source,
    load_id
from final
