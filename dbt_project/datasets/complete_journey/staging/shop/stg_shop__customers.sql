-- Customers of the shop.
-- Grain: one row per version of a customer. No contact details: the shop holds none.
with customers as (
    select
        customer_id,
        registered_at,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "customers") }}
    where {{ is_accepted("shop", "customers") }}
),

final as (
    select
        cast(customer_id as text) as source_customer_id,
        -- The shop and the other sources of the demo share the household's number.
        array['household:' || customer_id] as exact_keys,
        registered_at as first_seen_at,
        cast(null as text) as person_name,
        cast(null as text) as phone,
        cast(null as text) as email,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        cast(null as timestamptz) as reported_at,
        updated_at,
        _dlt_load_id as load_id
    from customers
)

select
    source_customer_id,
    exact_keys,
    first_seen_at,
    person_name,
    phone,
    email,
    birth_date,
    postcode,
    address,
    reported_at,
    updated_at,
    load_id
from final
