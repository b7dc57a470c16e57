-- Lines of orders that were sent back.
-- Grain: one row per version of a return. The orders they belong to stay as they were bought.
with returns as (
    select
        return_id,
        order_id,
        line_number,
        quantity,
        refund_amount,
        reason,
        returned_at,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "returns") }}
    where {{ is_accepted("shop", "returns") }}
),

final as (
    select
        'shop:' || return_id as return_id,
        'shop:' || order_id as order_id,
        cast(line_number as text) as line_id,
        quantity as unit_count,
        refund_amount,
        {{ trimmed("reason") }} as return_reason,
        returned_at,
        {{ business_date("returned_at") }} as returned_date,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from returns
)

select
    return_id,
    order_id,
    line_id,
    unit_count,
    refund_amount,
    return_reason,
    returned_at,
    returned_date,
    reported_date,
    updated_at,
    load_id
from final
