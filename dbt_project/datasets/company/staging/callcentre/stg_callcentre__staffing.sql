-- The departments' staffing by month.
-- Grain: one row per version of a department's month.
with staffing as (
    select
        department,
        month,
        agents,
        hours,
        updated_at,
        _dlt_load_id
    from {{ source("callcentre", "staffing") }}
    where {{ is_accepted("callcentre", "staffing") }}
),

final as (
    select
        {{ trimmed("department") }} as department,
        month as month_start_date,
        agents as agent_count,
        hours as planned_hours,
        {{ business_date("updated_at") }} as reported_date,
        updated_at,
        _dlt_load_id as load_id
    from staffing
)

select
    department,
    month_start_date,
    agent_count,
    planned_hours,
    reported_date,
    updated_at,
    load_id
from final
