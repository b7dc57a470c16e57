"""Takes a person apart again and lists all that the wrong merge has touched."""

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from ml.identity.clusters import Ends, Record, tied
from ml.identity.decide import decide
from ml.identity.settle import settle
from warehouse.context import RunContext, StepReport
from warehouse.errors import SettingsError
from warehouse.files import write_whole

_MEMBERS = """
select source, source_customer_id, linked_as_of_date
from identity.person_links
where person_id = %s
order by source, source_customer_id
"""

_LINKS = """
select
    pairs.source_a, pairs.source_customer_id_a, pairs.source_b, pairs.source_customer_id_b,
    pairs.match_weight, pairs.rests_on = 'exact_key'
from identity.pairs as pairs
inner join identity.person_links as a
    on pairs.source_a = a.source and pairs.source_customer_id_a = a.source_customer_id
inner join identity.person_links as b
    on pairs.source_b = b.source and pairs.source_customer_id_b = b.source_customer_id
where a.person_id = %(person_id)s and b.person_id = %(person_id)s
    and (pairs.rests_on = 'exact_key' or pairs.match_probability >= %(link_probability)s)
"""

_ALWAYS = """
select overrides.source_a, overrides.source_customer_id_a, overrides.source_b,
    overrides.source_customer_id_b
from identity.overrides as overrides
inner join identity.person_links as a
    on overrides.source_a = a.source and overrides.source_customer_id_a = a.source_customer_id
where overrides.decision = 'always' and a.person_id = %s
"""

# What a person touched since a day, per kind: its day, a name, and a word about it. No contact
# details: a consent is named by its channel.
_TOUCHED = {
    "target_list_entry": (
        "activation.target_list_entries",
        """
        select as_of_date, list_name, concat_ws(', ', treatment_group, channel, 'rank ' || rank)
        from activation.target_list_entries
        where person_id = %(person_id)s and as_of_date >= %(since)s
        """,
    ),
    "publication": (
        "activation.target_list_entries",
        """
        select
            publications.as_of_date, publications.list_name,
            publications.target || ', ' || publications.state
        from activation.publications as publications
        inner join activation.target_list_entries as entries
            on publications.as_of_date = entries.as_of_date
            and publications.list_name = entries.list_name
        where entries.person_id = %(person_id)s and entries.as_of_date >= %(since)s
            and entries.treatment_group = 'contact'
        """,
    ),
    "score": (
        "ml.customer_scores",
        """
        select
            as_of_date, score_name,
            round(probability::numeric, 3) || ' by ' || model_version
        from ml.customer_scores
        where person_id = %(person_id)s and as_of_date >= %(since)s
        """,
    ),
    "contact": (
        "marts.fct_contacts",
        """
        select contact_date, coalesce(channel, 'unknown'), contact_id
        from marts.fct_contacts
        where person_id = %(person_id)s and contact_date >= %(since)s
        """,
    ),
    "consent": (
        "pii.customer_contacts",
        """
        select
            null::date, channel,
            concat_ws(', ', consent_status, consent_basis, 'from ' || consent_source)
        from pii.customer_contacts
        where person_id = %(person_id)s
        """,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Recall:
    """Something that a wrongly merged person touched."""

    kind: str
    on_date: date | None
    name: str
    detail: str


@dataclass(frozen=True)
class Unmerged:
    """What came of taking a person apart.

    Attributes:
        persons: the ids its records bear now, each with its records.
        since: the day from which on the parts were one.
        recalls: all that the wrong merge touched.
        file: the same as CSV.
    """

    persons: dict[str, list[Record]]
    since: date
    recalls: list[Recall]
    file: Path


def weakest_cut(
    records: Collection[Record], links: Collection[tuple[Ends, float]], firm: Collection[Ends]
) -> set[Record]:
    """Returns the records beyond a person's weakest link; none where nothing weaker than firm ties.

    Args:
        links: probabilistic links with their weights.
        firm: exact keys and always-links, which are not cut.
    """
    kept = list(firm)
    for ends, _ in sorted(links, key=lambda link: (-round(link[1], 6), link[0])):
        before = tied(kept)
        if before.get(ends[0], ends[0]) == before.get(ends[1], ends[1]):
            continue
        grown = [*kept, ends]
        joined = tied(grown)
        if len({joined.get(record, record) for record in records}) == 1:
            beyond = before.get(ends[1], ends[1])
            return {record for record in records if before.get(record, record) == beyond}
        kept = grown
    return set()


def unmerge(
    context: RunContext,
    *,
    person_id: str,
    by: str,
    because: str,
    apart: Sequence[Record] = (),
) -> Unmerged:
    """Takes a person apart at once, for good, and keeps what it touched in `identity.recalls`.

    The records of the two parts are set apart by never-links, so no later run and no training
    brings them together; `decide` can take that back.

    Args:
        apart: the records to set apart; none means those beyond the weakest probabilistic link.

    Raises:
        SettingsError: the person is unknown or has one record, the records named are not its own
            or are all of it, or exact keys alone hold it together and no record is named.
    """
    with context.connection() as connection:
        members = {
            (source, number): since
            for source, number, since in connection.execute(_MEMBERS, (person_id,))
        }
        part = _part(connection, context, person_id, members, apart)
        rest = sorted(set(members) - part)
        since = max(min(members[one] for one in side) for side in (part, rest))
        _drop_always(connection, person_id, part)
        for one in sorted(part):
            for other in rest:
                decide(connection, one, other, "never", by=by, because=because, day=context.as_of)
        recalls = _recalls(connection, person_id, since)
        _keep(connection, context, person_id, recalls)
        settle(connection, context)
        persons = _persons_now(connection, members)
    file = context.settings.living_crm_home / "recalls" / f"{context.as_of}-{person_id}.csv"
    _write_csv(file, recalls)
    return Unmerged(persons, since, recalls, file)


def unmerge_step(context: RunContext, **params: str) -> StepReport:
    """The same as a step of the DAG `identity_unmerge`; `apart` lists records, spaces between.

    A run that is tried again after it took the person apart does not do so a second time.
    """
    with context.connection() as connection:
        row = connection.execute(
            "select count(*) from identity.person_history where run_id = %s", (context.run_id,)
        ).fetchone()
    if row and row[0]:
        return StepReport(rows=0, facts={"done_before": 1})
    done = unmerge(
        context,
        person_id=params["person_id"],
        by=params["by"],
        because=params["because"],
        apart=[parse_record(text) for text in params["apart"].split()],
    )
    return StepReport(rows=len(done.recalls), facts={"persons": len(done.persons)})


def parse_record(text: str) -> Record:
    """Returns a record written SOURCE:ID; the id may hold colons itself."""
    source, colon, number = text.strip().partition(":")
    if not (source and colon and number):
        raise SettingsError(f"{text!r} names no record.", "Write SOURCE:ID, such as shop:1042.")
    return source, number


def _part(
    connection: psycopg.Connection,
    context: RunContext,
    person_id: str,
    members: Collection[Record],
    apart: Sequence[Record],
) -> set[Record]:
    if not members:
        raise SettingsError(f"No person has the id {person_id!r}.", "Take the id from a mart.")
    if len(members) == 1:
        raise SettingsError(f"Person {person_id} has one record.", "There is nothing to unmerge.")
    for record in apart:
        if record not in members:
            raise SettingsError(
                f"Record {':'.join(record)} is not of person {person_id}.",
                f"It has {', '.join(sorted(map(':'.join, members)))}.",
            )
    part = set(apart)
    if not part:
        links = connection.execute(
            _LINKS,
            {
                "person_id": person_id,
                "link_probability": context.policy.identity.link_probability,
            },
        ).fetchall()
        weighed = [(((a, m), (b, n)), weight) for a, m, b, n, weight, exact in links if not exact]
        firm = [((a, m), (b, n)) for a, m, b, n, _, exact in links if exact]
        firm += _always(connection, person_id)
        part = weakest_cut(members, weighed, firm)
        if not part:
            raise SettingsError(
                f"Exact keys and decisions alone hold person {person_id} together.",
                "Name what to set apart: --apart SOURCE:ID.",
            )
    if part == set(members):
        raise SettingsError(
            "All records are to be set apart.", "Leave at least one out of --apart."
        )
    return part


def _always(connection: psycopg.Connection, person_id: str) -> list[Ends]:
    return [((a, m), (b, n)) for a, m, b, n in connection.execute(_ALWAYS, (person_id,))]


def _drop_always(connection: psycopg.Connection, person_id: str, part: Collection[Record]) -> None:
    """Removes always-links between the parts: the newer decision holds."""
    for (a, m), (b, n) in _always(connection, person_id):
        if ((a, m) in part) != ((b, n) in part):
            connection.execute(
                """
                delete from identity.overrides
                where source_a = %s and source_customer_id_a = %s
                    and source_b = %s and source_customer_id_b = %s
                """,
                (a, m, b, n),
            )


def _recalls(connection: psycopg.Connection, person_id: str, since: date) -> list[Recall]:
    found: list[Recall] = []
    for kind, (table, statement) in _TOUCHED.items():
        row = connection.execute("select to_regclass(%s) is not null", (table,)).fetchone()
        if row and row[0]:
            rows: list[tuple[Any, ...]] = connection.execute(
                statement, {"person_id": person_id, "since": since}
            ).fetchall()
            found += [Recall(kind, *values) for values in sorted(rows, key=str)]
    return found


def _keep(
    connection: psycopg.Connection, context: RunContext, person_id: str, recalls: list[Recall]
) -> None:
    connection.cursor().executemany(
        "insert into identity.recalls values (%s, %s, %s, %s, %s, %s, %s)",
        [
            (
                context.as_of, person_id, recall.kind, recall.on_date, recall.name, recall.detail,
                context.run_id,
            )
            for recall in recalls
        ],
    )  # fmt: skip


def _persons_now(
    connection: psycopg.Connection, members: Collection[Record]
) -> dict[str, list[Record]]:
    persons: dict[str, list[Record]] = {}
    for record in sorted(members):
        row = connection.execute(
            "select person_id from identity.person_links"
            " where source = %s and source_customer_id = %s",
            record,
        ).fetchone()
        assert row is not None
        persons.setdefault(row[0], []).append(record)
    return persons


def _write_csv(file: Path, recalls: list[Recall]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("kind", "on_date", "name", "detail"))
    writer.writerows((each.kind, each.on_date, each.name, each.detail) for each in recalls)
    write_whole(file, text.getvalue().encode())
