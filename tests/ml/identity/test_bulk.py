from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ml.identity.bulk import LINK_COLUMNS, place_plain
from ml.identity.clusters import Known, Overrides, Pair, Record, Rules
from ml.identity.engine import open_engine
from ml.identity.ids import Id, made_for
from ml.identity.persons import Case, Decision, decide_about
from tests.ml.identity.test_clusters import MOTHER, NOTHING, SON, ends, record

RULES = Rules(link_probability=0.9, max_cluster_records=4)
TOUCHED, EVERYONE = range(10), range(12)
START = datetime(2026, 1, 1, tzinfo=UTC)

CARD = Known(heard_of=date(2025, 1, 1), is_card=True)
HEARD_LATE = Known(heard_of=date(2025, 12, 1))
GIVEN_AT_ONCE, GIVEN_LATE = Known(given_since=date(2025, 2, 1)), Known(given_since=date(2026, 1, 1))

# Records say nothing or whose they are: by name, by birth date, or by both; or they are cards, and
# contacts that somebody gave while the holder was heard of or long silent.
_PEOPLE = st.sampled_from([
    (NOTHING, Known(names=MOTHER.names), Known(names=SON.names)),
    (NOTHING, Known(birth_dates=MOTHER.birth_dates), Known(birth_dates=SON.birth_dates)),
    (NOTHING, MOTHER, MOTHER, SON, Known(MOTHER.names)),
    (CARD, GIVEN_AT_ONCE, GIVEN_LATE, HEARD_LATE, NOTHING),
]).flatmap(lambda kinds: st.lists(st.sampled_from(kinds), min_size=12, max_size=12))  # fmt: skip
# Neighbours, so that some persons have several records, and few are over the cap.
_BOTH = st.tuples(st.integers(0, 10), st.integers(1, 2)).map(
    lambda both: (both[0], min(11, sum(both)))
)
_WEIGHTS = st.tuples(
    st.sampled_from([2.0, 5.0, 8.0, 8.0000004, 13.0]),
    st.sampled_from([0.5, 0.96875, 0.98, 0.995, 0.99999, 1.0]),
)
_CASES = st.tuples(
    _PEOPLE,
    st.dictionaries(_BOTH, _WEIGHTS, min_size=3, max_size=10),
    st.dictionaries(_BOTH, st.sampled_from(["always", "never"]), max_size=1),
    # Who bears the id made for whom, and when each was first seen.
    st.dictionaries(st.integers(0, 9), st.integers(0, 9), max_size=3),
    st.lists(st.integers(0, 2), min_size=12, max_size=12),
)  # fmt: skip
_PAIR_TEXTS = (
    "source_a", "source_customer_id_a", "source_b", "source_customer_id_b", "rests_on", "evidence",
    "model_version",
)  # fmt: skip
_PAIR_NUMBERS = ("match_weight", "match_probability")
World = tuple[
    list[Known], dict[tuple[int, int], tuple[float, float]], dict[tuple[int, int], str],
    dict[int, int], list[int],
]  # fmt: skip


def between(one: Known, other: Known) -> World:
    """Returns two who contradict each other and between them a record that says nothing."""
    likely = {(0, 1): (8.0, 0.98), (1, 2): (5.0, 0.98)}
    return [one, NOTHING, other, *[NOTHING] * 9], likely, {}, {}, [0] * 12


def silent_holder() -> World:
    """Returns a card and, of the same source, a contact given when its holder was long silent."""
    return (
        [CARD, NOTHING, NOTHING, GIVEN_LATE, *[NOTHING] * 8],
        {(0, 3): (8.0, 0.98)},
        {},
        {},
        [0] * 12,
    )


def case_of(world: World) -> tuple[Case, set[str]]:
    """Returns the case of a world, and the ids that those who stand by bear."""
    people, weighed, decided, bears, seen = world
    ids = {number: Id(START + timedelta(days=number % 3), made_for(record(number)))
           for number in TOUCHED}  # fmt: skip
    pairs = [
        Pair(*ends(*both), weight, probability, "exact_key" if probability == 1.0 else
             "probability", "name, phone", "builtin")
        for both, (weight, probability) in weighed.items()
        if both[0] in TOUCHED
    ]  # fmt: skip
    case = Case(
        known={record(number): people[number] for number in TOUCHED},
        bystanders={record(number): people[number] for number in EVERYONE[len(TOUCHED):]},
        first_seen={record(n): START + timedelta(days=seen[n]) for n in TOUCHED},
        load_ids={record(number): f"load {number}" for number in TOUCHED},
        held={record(number): ids[whose] for number, whose in bears.items()},
        rows={},
        pairs=pairs,
        overrides=Overrides(
            *(frozenset(ends(*both) for both, what in decided.items() if what == kind)
              for kind in ("always", "never"))
        ),
        decided_by={ends(*both): "Kim" for both in decided},
    )  # fmt: skip
    free = {ids[n].person_id for n in TOUCHED} - {held.person_id for held in case.held.values()}
    return case, set(sorted(free)[:1])


def decide_freely(case: Case, borne: Collection[str]) -> Decision:
    """Decides as `resolve` does: an id made anew is nobody else's."""
    taken: set[str] = set()
    known = {bears.person_id for bears in case.held.values()}
    while True:
        decided = decide_about(case, RULES, taken)
        clashes = ({bears.person_id for bears in decided.given.values()} - known) & set(borne)
        if not clashes:
            return decided
        taken |= clashes


def told(decided: Decision) -> set[tuple[Any, ...]]:
    return {
        (event.person_id, event.change, cause, event.other_person_id, event.record)
        for event, cause in decided.history
    }


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine() as connection:
        yield connection


def in_bulk(
    engine: duckdb.DuckDBPyConnection,
    case: Case,
    borne: Collection[str],
    rows: Mapping[Record, tuple[Any, ...]],
) -> None:
    """Runs `place_plain`."""
    ids = {bears.person_id for bears in case.held.values()} | set(borne)
    overridden = {one for both in case.overrides.always | case.overrides.never for one in both}
    records = []
    for one, what in {**case.bystanders, **case.known}.items():
        held = case.held.get(one)
        link = rows.get(one) or (
            (held.person_id, held.since, "probability", *[None] * 6) if held else [None] * 9
        )
        records.append({
            "source": one[0], "source_customer_id": one[1], "is_touched": one in case.known,
            "is_overridden": one in overridden, "first_seen_at": case.first_seen.get(one),
            "names": "|".join(sorted(what.names)) or None,
            "birth": min(what.birth_dates, default=None), "given_since": what.given_since,
            "heard_of": what.heard_of, "is_card": what.is_card, "load_id": case.load_ids.get(one),
            "has_namesake": held is None and made_for(one) in ids,
            **dict(zip(LINK_COLUMNS, link, strict=True)),
        })  # fmt: skip
    text = pa.string()
    types = dict.fromkeys(records[0], text) | {
        "is_touched": pa.bool_(), "is_overridden": pa.bool_(), "has_namesake": pa.bool_(),
        "first_seen_at": pa.timestamp("us"), "person_since": pa.timestamp("us"),
        "match_probability": pa.float64(), "given_since": pa.date32(), "heard_of": pa.date32(),
        "is_card": pa.bool_(),
    }  # fmt: skip
    pairs = [
        {
            "source_a": pair.a[0], "source_customer_id_a": pair.a[1], "source_b": pair.b[0],
            "source_customer_id_b": pair.b[1], "match_weight": pair.weight,
            "match_probability": pair.probability, "rests_on": pair.rests_on,
            "evidence": pair.evidence, "model_version": pair.model_version,
        }
        for pair in case.pairs
    ]  # fmt: skip
    columns = dict.fromkeys(_PAIR_TEXTS, text) | dict.fromkeys(_PAIR_NUMBERS, pa.float64())
    engine.register("records", pa.Table.from_pylist(records, pa.schema(types.items())))
    engine.register("pairs", pa.Table.from_pylist(pairs, pa.schema(columns.items())))
    place_plain(engine, RULES)


def rows_of(engine: duckdb.DuckDBPyConnection) -> dict[Record, tuple[Any, ...]]:
    found = engine.execute(
        f"select source, source_customer_id, {', '.join(LINK_COLUMNS)} from placed"
    ).fetchall()
    return {
        (source, number): (person_id, since.replace(tzinfo=UTC), *link)
        for source, number, person_id, since, *link in found
    }


@given(_CASES)
@example(between(Known(names=MOTHER.names), Known(names=SON.names)))
@example(between(Known(birth_dates=MOTHER.birth_dates), Known(birth_dates=SON.birth_dates)))
@example(silent_holder())
@settings(deadline=None, max_examples=40)
def test_plain_persons_placed_as_sets_are_what_the_graph_logic_says(
    engine: duckdb.DuckDBPyConnection, world: World
) -> None:
    case, borne = case_of(world)
    whole = decide_freely(case, borne)
    in_bulk(engine, case, borne, {})
    placed = rows_of(engine)
    events = {
        (person_id, change, cause, None, (source, number))
        for person_id, change, cause, source, number in engine.execute(
            "select person_id, change, cause, source, source_customer_id from told"
        ).fetchall()
    }
    left = set(engine.execute("from intricate").fetchall())
    assert left == set(case.known) - set(placed)
    rest = replace(
        case,
        known={one: case.known[one] for one in left},
        bystanders={**case.bystanders, **{one: case.known[one] for one in placed}},
        held={one: bears for one, bears in case.held.items() if one in left},
    )
    decided = decide_freely(rest, borne | {row[0] for row in placed.values()})
    rows = placed | {one: decided.row(one, case.load_ids[one]) for one in left}
    assert rows == {one: whole.row(one, case.load_ids[one]) for one in whole.given}
    assert events | told(decided) == told(whole)
    assert decided.refused == whole.refused


@given(_CASES)
@settings(deadline=None, max_examples=10)
def test_placing_plain_persons_again_changes_no_link(
    engine: duckdb.DuckDBPyConnection, world: World
) -> None:
    case, borne = case_of(world)
    in_bulk(engine, case, borne, {})
    placed = rows_of(engine)
    held = {one: Id(row[1], row[0]) for one, row in placed.items()}
    in_bulk(engine, replace(case, held={**case.held, **held}), borne, placed)
    assert placed.items() <= rows_of(engine).items()
    changed = engine.execute("select source, source_customer_id from placed where is_changed")
    assert not placed.keys() & set(changed.fetchall())
