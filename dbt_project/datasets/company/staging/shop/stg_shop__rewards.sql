-- What members chose for their points.
-- Grain: one row per version of a choice.
with rewards as (
    select
        reward_id,
        member_id,
        reward,
        points_spent,
        chosen_at,
        updated_at,
        _dlt_load_id
    from {{ source("shop", "rewards") }}
    where {{ is_accepted("shop", "rewards") }}
),

final as (
    select
        'shop:' || reward_id as reward_id,
        cast(member_id as text) as source_customer_id,
        {{ trimmed("reward") }} as reward_name,
        points_spent,
        chosen_at,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from rewards
)

select
    reward_id,
    source_customer_id,
    reward_name,
    points_spent,
    chosen_at,
    reported_date,
    updated_at,
    load_id
from final
