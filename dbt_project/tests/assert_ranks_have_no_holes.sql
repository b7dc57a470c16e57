-- Why: a hole or a repeated rank means that a row was lost or doubled after ranking, and the team
-- would work down a list that is not the one that was decided.
select
    list_name,
    count(*) as row_count,
    min(rank) as first_rank,
    max(rank) as last_rank
from {{ ref("target_list_entries") }}
where as_of_date = {{ as_of_date() }}
group by list_name
having min(rank) != 1 or max(rank) != count(*) or count(distinct rank) != count(*)
