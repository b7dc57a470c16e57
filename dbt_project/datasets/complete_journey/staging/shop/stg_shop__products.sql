-- Products of the shop.
-- Grain: one row per version of a product.
with products as (
    select
        product_id,
        manufacturer_id,
        department,
        brand,
        product_category,
        product_type,
        package_size,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "products") }}
    where {{ is_accepted("shop", "products") }}
),

final as (
    select
        'shop:' || product_id as product_id,
        'shop:' || manufacturer_id as manufacturer_id,
        {{ trimmed("department") }} as department,
        lower({{ trimmed("brand") }}) as brand_type,
        {{ trimmed("product_category") }} as category,
        {{ trimmed("product_type") }} as product_type,
        {{ trimmed("package_size") }} as package_size,
        cast(null as numeric) as list_price,
        cast(null as numeric) as unit_cost,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from products
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
    reported_date,
    updated_at,
    load_id
from final
