"""Links the person records of all sources and counts how connected the sources truly are.

Records that share an exact key are one person; a record without one stands for itself. A link, once
made, is kept. The `person_id` follows from the key alone, so it is the same in whatever order days
are filled in.
"""

from datetime import date, datetime

import psycopg

from warehouse.context import RunContext, StepReport
from warehouse.errors import WarehouseError

_LINK = """
insert into identity.person_links
    (source, source_customer_id, person_id, evidence, linked_at_run, linked_as_of_date)
select
    source,
    source_customer_id,
    'P' || left(md5(coalesce(exact_key, source || ':' || source_customer_id)), 16),
    case when exact_key is null then 'single_record' else 'exact_key' end,
    %(run_id)s,
    %(as_of)s
from intermediate.int_persons__unioned
where first_seen_at < %(day_end)s
on conflict (source, source_customer_id) do nothing
"""

# Ordered pairs, because connection is lopsided: all of a small source may be found in a large one
# of which it covers only a third.
_CONNECT = """
insert into identity.connectedness
with records as (
    select persons.source, links.person_id, links.evidence
    from intermediate.int_persons__unioned as persons
    inner join identity.person_links as links
        on persons.source = links.source
        and persons.source_customer_id = links.source_customer_id
    where persons.first_seen_at < %(day_end)s
),

sizes as (
    select source, count(*) as records from records group by source
),

presence as (
    select distinct source, person_id from records
),

linked as (
    select
        records.source as source_a,
        presence.source as source_b,
        count(*) as linked,
        string_agg(distinct records.evidence, ', ' order by records.evidence) as evidence
    from records
    inner join presence
        on records.person_id = presence.person_id and records.source != presence.source
    group by records.source, presence.source
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
    coalesce(ab.evidence, 'none')
from sizes as a
inner join sizes as b on a.source != b.source
left join linked as ab on ab.source_a = a.source and ab.source_b = b.source
left join linked as ba on ba.source_a = b.source and ba.source_b = a.source
"""

_COUNT = """
select count(*), count(distinct links.person_id)
from intermediate.int_persons__unioned as persons
inner join identity.person_links as links
    on persons.source = links.source
    and persons.source_customer_id = links.source_customer_id
where persons.first_seen_at < %(day_end)s
"""


def link(context: RunContext) -> StepReport:
    """Links every record first seen by the day's end and replaces the day's connectedness.

    Raises:
        WarehouseError: the unioned person records are not built.
    """
    with context.connection() as connection:
        _require_records(connection)
        values: dict[str, str | date | datetime] = {
            "run_id": context.run_id,
            "as_of": context.as_of,
            "day_end": context.day_end,
        }
        new = connection.execute(_LINK, values).rowcount
        connection.execute(
            "delete from identity.connectedness where as_of_date = %(as_of)s", values
        )
        pairs = connection.execute(_CONNECT, values).rowcount
        row = connection.execute(_COUNT, values).fetchone()
    records, persons = row if row else (0, 0)
    return StepReport(
        rows=records, facts={"persons": persons, "new_links": new, "source_pairs": pairs}
    )


def _require_records(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "select to_regclass('intermediate.int_persons__unioned') is null"
    ).fetchone()
    if row and row[0]:
        raise WarehouseError(
            "The person records intermediate.int_persons__unioned are not built.",
            "Run the step standardise first.",
        )
