-- Receipts of the stores: the orders of the tills, and the persons they tell of.
-- Grain: one row per version of a receipt. No amounts: they stand in the lines. A receipt without
-- card and phone is anonymous: its source_customer_id is null.
with receipts as (
    select
        receipt_id,
        store_id,
        till,
        membership_number,
        phone,
        sold_at,
        kind,
        updated_at,
        _dlt_load_id
    from {{ source("pos", "receipts") }}
    where {{ is_accepted("pos", "receipts") }}
),

final as (
    select
        'pos:' || receipt_id as order_id,
        coalesce(
            'card:' || {{ trimmed("membership_number") }}, {{ contact_hash("phone", "phone") }}
        ) as source_customer_id,
        -- A phone is no key: families share it.
        array_remove(array['membership:' || {{ trimmed("membership_number") }}], null)
            as exact_keys,
        sold_at as first_seen_at,
        cast(null as text) as person_name,
        cast(null as text) as email,
        cast(null as date) as birth_date,
        cast(null as text) as postcode,
        cast(null as text) as address,
        sold_at as reported_at,
        {{ trimmed("membership_number") }} as membership_number,
        {{ trimmed("phone") }} as phone,
        'pos:' || store_id as store_id,
        till as till_number,
        case {{ trimmed("kind") }}
            when 'sale' then 'purchase' else {{ trimmed("kind") }}
        end as order_kind,
        sold_at as purchased_at,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from receipts
)

select
    order_id,
    source_customer_id,
    exact_keys,
    first_seen_at,
    person_name,
    email,
    birth_date,
    postcode,
    address,
    reported_at,
    membership_number,
    phone,
    store_id,
    till_number,
    order_kind,
    purchased_at,
    reported_date,
    updated_at,
    load_id
from final
