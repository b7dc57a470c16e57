-- The ledger of points.
-- Grain: one row per version of an entry.
with points_entries as (
    select
        entry_id,
        member_id,
        order_id,
        kind,
        points,
        entered_at,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "points_entries") }}
    where {{ is_accepted("shop", "points_entries") }}
),

final as (
    select
        'shop:' || entry_id as entry_id,
        cast(member_id as text) as source_customer_id,
        'shop:' || order_id as order_id,
        {{ trimmed("kind") }} as entry_kind,
        points,
        entered_at,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from points_entries
)

select
    entry_id,
    source_customer_id,
    order_id,
    entry_kind,
    points,
    entered_at,
    reported_date,
    updated_at,
    load_id
from final
