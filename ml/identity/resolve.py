"""Makes persons of weighed pairs: reads what changed, decides about it and its neighbours, writes.

Only records whose pairs, overrides or own values changed since the last decision are decided about
again, with all that links or a former person tie to them; the result is that of deciding about
everything. Plain persons are placed as sets by `bulk`; about the others `persons` decides.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import gc
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import psycopg
import pyarrow as pa

from ml.identity import resolve_sql as statements
from ml.identity.bulk import LINK_COLUMNS, place_plain
from ml.identity.clusters import TOO_LARGE, Known, Overrides, Pair, Record, Rules
from ml.identity.copying import copy_in, copy_out
from ml.identity.engine import count_rows, open_engine
from ml.identity.ids import Id
from ml.identity.loose import SHOWN
from ml.identity.persons import Case, Decision, decide_about
from ml.identity.refill import first_filled
from ml.identity.touched import forget, gather
from warehouse.context import RunContext

logger = logging.getLogger(__name__)

_NOTHING = Known()
# Statistics of the links are made anew where more than one in so many has changed.
_STATISTICS_SHARE = 10

_INSTANT = pa.timestamp("us")
_RECORD = {"source": pa.string(), "source_customer_id": pa.string()}
_WHAT_IS_KNOWN = {"names": pa.string(), "birth": pa.string()}
_WHAT_IS_HEARD = {"given_since": pa.date32(), "heard_of": pa.date32(), "is_card": pa.bool_()}
_LINK = dict.fromkeys(LINK_COLUMNS, pa.string()) | {
    "person_since": _INSTANT,
    "match_probability": pa.float64(),
}
_TOUCHED = {
    **_RECORD, "is_touched": pa.bool_(), "is_overridden": pa.bool_(), "first_seen_at": _INSTANT,
    **_WHAT_IS_KNOWN, **_WHAT_IS_HEARD, "load_id": pa.string(), "has_namesake": pa.bool_(), **_LINK,
}  # fmt: skip
_PAIR = {
    "source_a": pa.string(), "source_customer_id_a": pa.string(), "source_b": pa.string(),
    "source_customer_id_b": pa.string(), "match_weight": pa.float64(),
    "match_probability": pa.float64(), "rests_on": pa.string(), "evidence": pa.string(),
    "model_version": pa.string(),
}  # fmt: skip


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
    are_all = gather(connection, context, values)
    connection.execute(statements.MAKE)
    with open_engine() as engine:
        _bring(connection, engine, values, are_all=are_all)
        place_plain(engine, rules)
        plain, changed = _write_plain(connection, engine, context)
        with _uncollected():
            case = _read(connection, engine)
            decided = _decide_until_free(connection, case, rules)
            changed += _write(connection, context, case, decided)
    if changed * _STATISTICS_SHARE > _count_links(connection):  # what follows joins by these
        connection.execute("analyze identity.person_links (source, source_customer_id, person_id)")
    forget(connection)
    counts = {
        "decided_records": len(case.known) + plain,
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


def _bring(
    connection: psycopg.Connection,
    engine: duckdb.DuckDBPyConnection,
    values: Mapping[str, object],
    *,
    are_all: bool,
) -> None:
    """Makes `records` and `pairs` for `place_plain`."""
    records = copy_out(connection, statements.TOUCHED, _TOUCHED, {"shown": list(SHOWN)})
    pairs = copy_out(connection, statements.ALL_PAIRS if are_all else statements.PAIRS, _PAIR)
    engine.register("arrived_records", records)
    engine.register("arrived_pairs", pairs)
    engine.execute("create table records as select * from arrived_records")
    engine.execute("create table pairs as select * from arrived_pairs")
    if not are_all:  # else nobody stands by
        bystanders = copy_out(connection, statements.BYSTANDERS, _RECORD | _WHAT_IS_KNOWN, values)
        engine.register("bystanders", bystanders)
        engine.execute("insert into records by name select *, false as is_touched from bystanders")


def _write_plain(
    connection: psycopg.Connection, engine: duckdb.DuckDBPyConnection, context: RunContext
) -> tuple[int, int]:
    """Writes what was placed; returns how many records that are, and how many links changed."""
    link = f"""
        source, source_customer_id,
        {", ".join(LINK_COLUMNS).replace("person_since", "person_since || 'Z' as person_since")}
    """
    told = [context.run_id, context.as_of]

    def write(table: tuple[str, ...], query: str, *values: object) -> int:
        rows = engine.sql(query, params=values).to_arrow_table()
        filling = first_filled(connection, ".".join(table)) if len(table) > 1 else nullcontext()
        with filling:
            return copy_in(connection, table, rows)

    new = write(
        ("identity", "person_links"),
        f"""
        select {link}, ?::varchar as linked_at_run, ?::date as linked_as_of_date
        from placed
        where is_new
        order by source, source_customer_id
        """,
        *told,
    )
    other = write(("decided",), f"select {link} from placed where is_changed and not is_new")
    write(
        ("identity", "person_history"),
        "select *, ?::varchar as run_id, ?::date as changed_as_of_date from told",
        *told,
    )
    write(("intricate",), "from intricate")
    return count_rows(engine, "placed"), new + other


def _read(connection: psycopg.Connection, engine: duckdb.DuckDBPyConnection) -> Case:
    """Returns what is known of the records that are left."""
    known: dict[Record, Known] = {}
    first_seen: dict[Record, datetime] = {}
    load_ids: dict[Record, str | None] = {}
    held: dict[Record, Id] = {}
    rows: dict[Record, tuple[Any, ...]] = {}
    heard = slice(6, 6 + len(_WHAT_IS_HEARD))
    for row in engine.execute(
        f"""
        select source, source_customer_id, first_seen_at, load_id, names, birth,
            {", ".join((*_WHAT_IS_HEARD, *LINK_COLUMNS))}
        from nodes
        semi join intricate using (source, source_customer_id)
        """
    ).fetchall():
        source, number, seen, load_id, names, birth = row[: heard.start]
        person_id, since, *link = row[heard.stop :]
        record = source, number
        known[record] = _known(names, birth, *row[heard])
        first_seen[record] = seen.replace(tzinfo=UTC)
        load_ids[record] = load_id
        if person_id is not None:
            held[record] = Id(since.replace(tzinfo=UTC), person_id)
            rows[record] = (person_id, held[record].since, *link)
    engine.execute(
        f"""
        create table intricate_pairs as
        select {", ".join(_PAIR)} from pairs
        where (source_a, source_customer_id_a) in (from intricate)
            or (source_b, source_customer_id_b) in (from intricate)
        """
    )
    pairs = [
        Pair((a, number_a), (b, number_b), *rest)
        for a, number_a, b, number_b, *rest in engine.execute("from intricate_pairs").fetchall()
    ]
    bystanders = {
        (source, number): _known(names, birth)
        for source, number, names, birth in engine.execute(
            """
            with ends as (
                select source_a as source, source_customer_id_a as source_customer_id
                from intricate_pairs
                union
                select source_b, source_customer_id_b from intricate_pairs
            )

            select source, source_customer_id, names, birth
            from nodes
            semi join ends using (source, source_customer_id)
            anti join intricate using (source, source_customer_id)
            """
        ).fetchall()
    }
    decisions = {
        ((a, number_a), (b, number_b)): (decision, by)
        for a, number_a, b, number_b, decision, by in connection.execute(statements.OVERRIDES)
    }
    overrides = Overrides(
        frozenset(ends for ends, (decision, _) in decisions.items() if decision == "always"),
        frozenset(ends for ends, (decision, _) in decisions.items() if decision == "never"),
    )
    decided_by = {ends: by for ends, (_, by) in decisions.items()}
    return Case(
        known, bystanders, first_seen, load_ids, held, rows, pairs, overrides, decided_by
    )  # fmt: skip


def _known(
    names: str | None,
    birth: str | None,
    given: date | None = None,
    heard: date | None = None,
    is_card: bool = False,
) -> Known:
    if not (names or birth or given or heard or is_card):
        return _NOTHING
    return Known(
        frozenset(names.split(statements.NAMES_DIVIDER)) if names else frozenset(),
        frozenset((birth,)) if birth else frozenset(),
        given,
        heard,
        is_card,
    )


def _decide_until_free(connection: psycopg.Connection, case: Case, rules: Rules) -> Decision:
    """Decides so that no id made anew is another person's already."""
    taken: set[str] = set()
    known = {bears.person_id for bears in case.held.values()}
    while True:
        decided = decide_about(case, rules, taken)
        fresh = sorted({bears.person_id for bears in decided.given.values()} - known)
        found = connection.execute(statements.BORNE_ELSEWHERE, {"person_ids": fresh}).fetchall()
        if not found:
            return decided
        taken |= {person_id for (person_id,) in found}


def _write(
    connection: psycopg.Connection, context: RunContext, case: Case, decided: Decision
) -> int:
    changed = 0
    with connection.cursor() as cursor:
        with cursor.copy(statements.COPY_DECIDED) as copy:
            for record in decided.given:
                row = decided.row(record, case.load_ids[record])
                if row != case.rows.get(record):
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
