"""Links the person records of all sources and counts how connected the sources truly are.

Records that share an exact key are one person, also over records between them; a record without a
key stands for itself. A person keeps the id of its earliest record, so the ids are the same in
whatever order days are filled in; a record that ties two persons together makes them one, and the
older id stays.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import psycopg

from ml.identity.clusters import clusters
from warehouse.context import RunContext, StepReport
from warehouse.errors import WarehouseError

_RECORDS = """
select
    persons.source,
    persons.source_customer_id,
    persons.exact_keys,
    links.person_id
from intermediate.int_persons__unioned as persons
left join identity.person_links as links
    on persons.source = links.source
    and persons.source_customer_id = links.source_customer_id
where persons.first_seen_at < %(day_end)s
order by persons.first_seen_at, persons.source, persons.source_customer_id
"""

_WRITE = """
insert into identity.person_links
    (source, source_customer_id, person_id, evidence, linked_at_run, linked_as_of_date)
values (%(source)s, %(source_customer_id)s, %(person_id)s, %(evidence)s, %(run_id)s, %(as_of)s)
on conflict (source, source_customer_id) do update set
    person_id = excluded.person_id,
    evidence = excluded.evidence,
    linked_at_run = excluded.linked_at_run,
    linked_as_of_date = excluded.linked_as_of_date
where person_links.evidence != 'override'
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
        records = connection.execute(_RECORDS, values).fetchall()
        links = list(_changed_links(records))
        with connection.cursor() as cursor:
            cursor.executemany(_WRITE, [{**values, **link} for link in links])
        connection.execute(
            "delete from identity.connectedness where as_of_date = %(as_of)s", values
        )
        pairs = connection.execute(_CONNECT, values).rowcount
        row = connection.execute(_COUNT, values).fetchone()
    linked, persons = row if row else (0, 0)
    return StepReport(
        rows=linked, facts={"persons": persons, "new_links": len(links), "source_pairs": pairs}
    )


def _changed_links(records: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, str]]:
    """Yields the links that are new or lead to another person than before.

    Args:
        records: source, number there, keys and person so far, the earliest first.
    """
    keys = {(source, number): held for source, number, held, _ in records}
    person_so_far = {(source, number): person for source, number, _, person in records}
    for cluster in clusters(keys):
        known = (person_so_far[record] for record in cluster if person_so_far[record])
        person = next(known, None) or _person_id(cluster[0], keys[cluster[0]])
        for source, number in cluster:
            if person_so_far[source, number] != person:
                yield {
                    "source": source,
                    "source_customer_id": number,
                    "person_id": person,
                    "evidence": "exact_key" if keys[source, number] else "single_record",
                }


def _person_id(record: tuple[str, str], keys: Sequence[str]) -> str:
    name = min(keys) if keys else ":".join(record)
    return "P" + hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:16]


def _require_records(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "select to_regclass('intermediate.int_persons__unioned') is null"
    ).fetchone()
    if row and row[0]:
        raise WarehouseError(
            "The person records intermediate.int_persons__unioned are not built.",
            "Run the step standardise first.",
        )
