"""Makes persons of weighed pairs: reads what changed, decides about it and its neighbours, writes.

Only records whose pairs, overrides or own values changed since the last decision are decided about
again, with all that links or a former person tie to them; the result is that of deciding about
everything. The decision itself is pure: `clusters`, `ids`, `evidence`.
"""

import gc
import json
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from ml.identity import resolve_sql as statements
from ml.identity.clusters import (
    TOO_LARGE,
    Ends,
    Known,
    Overrides,
    Pair,
    Partition,
    Record,
    Rules,
    is_link,
    partition,
)
from ml.identity.evidence import ALONE, Evidence, causes, evidence_of
from ml.identity.ids import Event, Id, assign, events
from ml.identity.loose import SHOWN
from warehouse.context import RunContext

logger = logging.getLogger(__name__)

# To be raised when the rules in `clusters` change: every record is then decided about again.
_RULES_VERSION = 2
_NOTHING = Known()
# Statistics of the links are made anew where more than one in so many has changed.
_STATISTICS_SHARE = 10


@dataclass(frozen=True)
class _Read:
    """What is decided about: touched records and what is known of them, their pairs."""

    known: Mapping[Record, Known]
    bystanders: Mapping[Record, Known]
    first_seen: Mapping[Record, datetime]
    load_ids: Mapping[Record, str | None]
    held: Mapping[Record, Id]
    rows: Mapping[Record, tuple[Any, ...]]  # the links so far, as they would be written
    pairs: list[Pair]
    overrides: Overrides
    decided_by: Mapping[Ends, str]


@dataclass(frozen=True)
class _Decided:
    """What came of it."""

    given: Mapping[Record, Id]
    evidence: Mapping[Record, Evidence]
    refused: Mapping[Ends, str]
    history: list[tuple[Event, str]]


def resolve(connection: psycopg.Connection, context: RunContext) -> dict[str, int]:
    """Decides who is who as of the day and writes links, history and refusals; returns counts.

    Records first seen later than the day are left out, unless an earlier run of a later day has
    placed them: a person once known is not forgotten by filling in a day of the past.
    """
    rules = Rules(
        context.policy.identity.link_probability, context.policy.identity.max_cluster_records
    )
    values = {
        "as_of": context.as_of,
        "day_end": context.day_end,
        "run_id": context.run_id,
        "link_probability": rules.link_probability,
    }
    connection.execute("select pg_advisory_xact_lock(hashtext('living-crm identity'))")
    are_all = _gather(connection, context, values)
    lone = _place_lone(connection, values)
    if not are_all:
        _widen(connection, values)
    with _uncollected():
        read = _read(connection, values)
        decided = _decide_until_free(connection, read, rules)
        changed = _write(connection, context, read, decided)
    if (lone + changed) * _STATISTICS_SHARE > _count_links(connection):  # what follows joins by it
        connection.execute("analyze identity.person_links")
    for statement in statements.FORGET:
        connection.execute(statement)
    counts = {
        "decided_records": len(read.known) + lone,
        "changed_links": changed,
        "merged_persons": sum(event.change == "merged" for event, _ in decided.history),
        "split_persons": sum(event.change == "split" for event, _ in decided.history),
        "links_over_the_cap": sum(reason == TOO_LARGE for reason in decided.refused.values()),
        "links_refused": len(decided.refused),
    }
    logger.info("decided about %d records, %d links changed", counts["decided_records"], changed)
    return counts


def _count_links(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from identity.person_links").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pauses the search for garbage in cycles: it takes long among so many records, for nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _gather(
    connection: psycopg.Connection, context: RunContext, values: Mapping[str, object]
) -> bool:
    """Lists the records to decide about.

    Returns:
        Whether they are all there are, as they are when the rules are others than last time.
    """
    identity = context.policy.identity
    rules = json.dumps([_RULES_VERSION, identity.link_probability, identity.max_cluster_records])
    connection.execute(statements.MAKE)
    row = connection.execute("select rules from identity.rules_in_force").fetchone()
    are_all = row is None or row[0] != rules
    if are_all:
        connection.execute(statements.TOUCH_ALL)
        connection.execute("delete from identity.rules_in_force")
        connection.execute("insert into identity.rules_in_force values (%s)", (rules,))
    connection.execute(statements.DROP_GONE, values)
    connection.execute(statements.TOUCH_CHANGED, values)
    return are_all


def _place_lone(connection: psycopg.Connection, values: Mapping[str, object]) -> int:
    """Places the records that nothing ties to any other, inside the database."""
    connection.execute(statements.FIND_LONE)
    for statement in statements.PLACE_LONE:
        connection.execute(statement, values)
    row = connection.execute("select count(*) from lone").fetchone()
    return int(row[0]) if row else 0


def _widen(connection: psycopg.Connection, values: Mapping[str, object]) -> None:
    """Adds to the touched records all that links and former persons tie to them, ring by ring."""
    ring = 0
    while connection.execute(statements.WIDEN, {**values, "ring": ring}).rowcount:
        connection.execute("analyze touched")
        ring += 1


def _read(connection: psycopg.Connection, values: Mapping[str, object]) -> _Read:
    known: dict[Record, Known] = {}
    first_seen: dict[Record, datetime] = {}
    load_ids: dict[Record, str | None] = {}
    held: dict[Record, Id] = {}
    rows: dict[Record, tuple[Any, ...]] = {}
    with connection.cursor() as cursor:
        for (
            source,
            number,
            seen,
            load_id,
            sounds,
            birth,
            given,
            heard,
            is_card,
            *link,
        ) in cursor.execute(statements.RECORDS, {"shown": list(SHOWN)}):
            record = source, number
            known[record] = _known(sounds, birth, given, heard, is_card)
            first_seen[record] = seen
            load_ids[record] = load_id
            if link[0] is not None:
                held[record] = Id(link[1], link[0])
                rows[record] = tuple(link)
        pairs = [
            Pair((a, number_a), (b, number_b), weight, probability, rests_on, evidence, version)
            for a, number_a, b, number_b, weight, probability, rests_on, evidence, version in (
                cursor.execute(statements.PAIRS)
            )
        ]
        bystanders = {
            (source, number): _known(sounds, birth)
            for source, number, sounds, birth in cursor.execute(statements.BYSTANDERS, values)
        }
        decisions = {
            ((a, number_a), (b, number_b)): (decision, by)
            for a, number_a, b, number_b, decision, by in cursor.execute(statements.OVERRIDES)
        }
    overrides = Overrides(
        frozenset(ends for ends, (decision, _) in decisions.items() if decision == "always"),
        frozenset(ends for ends, (decision, _) in decisions.items() if decision == "never"),
    )
    decided_by = {ends: by for ends, (_, by) in decisions.items()}
    return _Read(
        known, bystanders, first_seen, load_ids, held, rows, pairs, overrides, decided_by
    )  # fmt: skip


def _known(
    sounds: list[str] | None,
    birth: str | None,
    given: date | None = None,
    heard: date | None = None,
    is_card: bool = False,
) -> Known:
    if not (sounds or birth or given or heard or is_card):
        return _NOTHING
    births = frozenset((birth,)) if birth else frozenset()
    return Known(frozenset(sounds or ()), births, given, heard, is_card)


def _decide_until_free(connection: psycopg.Connection, read: _Read, rules: Rules) -> _Decided:
    """Decides so that no id made anew is another person's already."""
    taken: set[str] = set()
    known = {bears.person_id for bears in read.held.values()}
    while True:
        decided = _decide(read, rules, taken)
        fresh = sorted({bears.person_id for bears in decided.given.values()} - known)
        found = connection.execute(statements.BORNE_ELSEWHERE, {"person_ids": fresh}).fetchall()
        if not found:
            return decided
        taken |= {person_id for (person_id,) in found}


def _decide(read: _Read, rules: Rules, taken: Collection[str]) -> _Decided:
    found: Partition = partition(read.known, read.pairs, read.overrides, rules, read.bystanders)
    links = [pair for pair in read.pairs if is_link(pair, rules)]
    given = assign(found.clusters, read.first_seen, read.held, links, taken)
    evidence = evidence_of(found, links, read.overrides, read.decided_by)
    happened = events(read.held, given, read.first_seen)
    never_by = {ends: read.decided_by[ends] for ends in read.overrides.never}
    why = causes(happened, read.held, given, evidence, found.refused, never_by)
    return _Decided(given, evidence, found.refused, list(zip(happened, why, strict=True)))


def _write(
    connection: psycopg.Connection, context: RunContext, read: _Read, decided: _Decided
) -> int:
    changed = 0
    with connection.cursor() as cursor:
        cursor.execute(statements.MAKE_DECIDED)
        with cursor.copy(statements.COPY_LINKS) as copy:
            for record, bears in decided.given.items():
                row = _link_row(record, bears, decided.evidence.get(record, ALONE), read)
                if row != read.rows.get(record):
                    copy.write_row((*record, *row))
                    changed += 1
        cursor.execute(statements.WRITE_LINKS, {"run_id": context.run_id, "as_of": context.as_of})
        with cursor.copy(statements.COPY_HISTORY) as copy:
            for event, cause in decided.history:
                copy.write_row((
                    event.person_id, context.as_of, event.change, cause, event.other_person_id,
                    *(event.record or (None, None)), context.run_id,
                ))  # fmt: skip
        with cursor.copy(statements.COPY_REFUSED) as copy:
            for (a, b), reason in decided.refused.items():
                copy.write_row((*a, *b, reason))
    return changed


def _link_row(record: Record, bears: Id, evidence: Evidence, read: _Read) -> tuple[Any, ...]:
    """Returns the columns of a link behind its key, in the order they are read."""

    def named(group: Record | None) -> str | None:
        return ":".join(group) if group else None

    return (
        bears.person_id, bears.since, evidence.rests_on, evidence.detail, evidence.strength,
        evidence.probability, named(evidence.exact_group), named(evidence.certain_group),
        read.load_ids[record],
    )  # fmt: skip
