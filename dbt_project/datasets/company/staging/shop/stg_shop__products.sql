-- Products of the company, on the web and in its stores.
-- Grain: one row per version of a product.
with products as (
    select
        product_id,
        name,
        department,
        category,
        brand,
        is_private_brand,
        list_price,
        unit_cost,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "products") }}
    where {{ is_accepted("shop", "products") }}
),

final as (
    select
        'shop:' || product_id as product_id,
        {{ trimmed("name") }} as product_name,
        cast(null as text) as manufacturer_id,
        {{ trimmed("department") }} as department,
        case when is_private_brand then 'private' else 'national' end as brand_type,
        {{ trimmed("brand") }} as brand_name,
        {{ trimmed("category") }} as category,
        cast(null as text) as product_type,
        cast(null as text) as package_size,
        list_price,
        unit_cost,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from products
)

select
    product_id,
    product_name,
    manufacturer_id,
    department,
    brand_type,
    brand_name,
    category,
    product_type,
    package_size,
    list_price,
    unit_cost,
    reported_date,
    updated_at,
    load_id
from final
