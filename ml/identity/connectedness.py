"""How many records of one source are found in another, and by which evidence."""

import psycopg

from warehouse.context import RunContext

# Ordered pairs, because connection is lopsided: all of a small source may be found in a large one
# of which it covers only a third. A record is counted by the best evidence that leads it there.
_CONNECT = """
insert into identity.connectedness (
    as_of_date, source_a, source_b, records_a, records_b, linked_a, linked_b, linked_share_a,
    evidence, linked_by_exact_key_a, linked_by_override_a, linked_by_probability_a
)
with records as (
    select
        persons.source, persons.source_customer_id, links.person_id, links.exact_group,
        links.certain_group
    from intermediate.int_persons__unioned as persons
    inner join identity.person_links as links
        on persons.source = links.source
        and persons.source_customer_id = links.source_customer_id
    where persons.first_seen_at < %(day_end)s
),

sizes as (
    select source, count(*) as records from records group by source
),

led as (
    select
        here.source as source_a,
        there.source as source_b,
        bool_or(coalesce(here.exact_group = there.exact_group, false)) as by_exact_key,
        bool_or(coalesce(here.certain_group = there.certain_group, false)) as by_override
    from records as here
    inner join records as there
        on here.person_id = there.person_id and here.source != there.source
    group by here.source, here.source_customer_id, there.source
),

linked as (
    select
        source_a,
        source_b,
        count(*) as linked,
        count(*) filter (where by_exact_key) as by_exact_key,
        count(*) filter (where by_override and not by_exact_key) as by_override,
        count(*) filter (where not by_override and not by_exact_key) as by_probability
    from led
    group by source_a, source_b
)

select
    %(as_of)s,
    a.source,
    b.source,
    a.records,
    b.records,
    coalesce(ab.linked, 0),
    coalesce(ba.linked, 0),
    coalesce(ab.linked, 0)::double precision / a.records,
    coalesce(nullif(concat_ws(
        ', ',
        case when ab.by_exact_key > 0 then 'exact_key' end,
        case when ab.by_override > 0 then 'override' end,
        case when ab.by_probability > 0 then 'probability' end
    ), ''), 'none'),
    coalesce(ab.by_exact_key, 0),
    coalesce(ab.by_override, 0),
    coalesce(ab.by_probability, 0)
from sizes as a
inner join sizes as b on a.source != b.source
left join linked as ab on ab.source_a = a.source and ab.source_b = b.source
left join linked as ba on ba.source_a = b.source and ba.source_b = a.source
"""


def write_connectedness(connection: psycopg.Connection, context: RunContext) -> int:
    """Replaces the day's connectedness; returns the number of ordered pairs of sources."""
    values = {"as_of": context.as_of, "day_end": context.day_end}
    connection.execute("delete from identity.connectedness where as_of_date = %(as_of)s", values)
    return connection.execute(_CONNECT, values).rowcount
