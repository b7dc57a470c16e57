-- Reactions to what was sent. Whose they are stands in the assignments.
-- Grain: one row per reaction and drop it came in.
with reactions as (
    select
        reaction_id,
        send_id,
        kind,
        occurred_at,
        _file_date,
        _dlt_load_id
    from {{ source("mailer", "reactions") }}
    where {{ is_accepted("mailer", "reactions") }}
),

final as (
    select
        'mailer:' || reaction_id as reaction_id,
        'mailer:' || send_id as contact_id,
        {{ trimmed("kind") }} as reaction_type,
        occurred_at,
        {{ business_date("occurred_at") }} as reacted_date,
        _file_date as reported_date,
        _dlt_load_id as load_id
    from reactions
)

select
    reaction_id,
    contact_id,
    reaction_type,
    occurred_at,
    reacted_date,
    reported_date,
    load_id
from final
