-- Why: a list that wakes somebody who then shuts the door costs more than it brings. The rule is in
-- the macro list_candidates; here the finished lists of the day are held against the effects again.
with entries as (
    select
        person_id,
        list_name
    from {{ ref("target_list_entries") }}
    where as_of_date = {{ as_of_date() }}
),

effects as (
    select
        person_id,
        is_do_not_wake
    from {{ source("ml", "contact_effects") }}
    where as_of_date = {{ as_of_date() }}
)

select
    entries.person_id,
    entries.list_name
from entries
inner join effects on entries.person_id = effects.person_id
where effects.is_do_not_wake
