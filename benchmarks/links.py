"""How right the links are: the demo company identified as in the walk, against the truth.

The truth stands in a database of its own, which no step of the walk reads.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from itertools import combinations
from typing import Any

import psycopg

from benchmarks.result import Result, at_least, at_most, reported
from benchmarks.stage import COMPANY_DAY, Stage
from demo.company.lay_down import lay_down
from demo.company.reviewer import Record, review_sample, true_persons
from demo.company.systems import truth
from ml.identity.candidates import KINDS
from ml.identity.settle import settle
from warehouse import ledger
from warehouse.connections import connect
from warehouse.context import RunContext
from warehouse.schemas import ensure_schemas
from warehouse.settings import Settings
from warehouse.walk import context_for, nightly, run_step

CUSTOMERS = 10_000
_ROOMS = ("load", "check_raw", "standardise", "identify")
_F1, _PRECISION = 0.97, 0.995

Pair = tuple[int, int]  # two people, the smaller number first


def measure(stage: Stage, customers: int = CUSTOMERS) -> list[Result]:
    """Returns how right the linked pairs are, which planted links were made, what is estimated.

    The estimates are of the sample that the demo's reviewer labels. Records that the truth does not
    know, such as visits without an account, are left out.
    """
    settings = stage.empty_installation(f"links_{customers}", "company")
    context = context_for(settings, COMPANY_DAY, "links")
    lay_down(settings, context.policy, COMPANY_DAY, customers)
    _walk(settings, context)
    with connect(context.url) as warehouse, connect(truth.truth_url(settings)) as known:
        persons: dict[Record, str] = {
            (source, number): person
            for source, number, person in warehouse.execute(
                "select source, source_customer_id, person_id from identity.person_links"
            )
        }
        people = true_persons(warehouse, known, set(persons))
        planted = _planted(warehouse, known, people)
        named: set[Record] = {
            (source, number)
            for source, number in warehouse.execute(
                "select source, source_customer_id from pii.standard_records where not is_nameless"
            )
        }
        estimates = _row(
            warehouse,
            """
            select precision_estimate, precision_lower, precision_upper,
                recall_estimate, recall_lower, recall_upper
            from identity.link_quality where as_of_date = %s
            """,
            context.as_of,
        )
    return _results(f"links {customers}", persons, people, named, planted, estimates)


def _walk(settings: Settings, context: RunContext) -> None:
    """Runs the night's rooms up to `identify`; then the drawn pairs are labelled and counted."""
    with connect(context.url) as connection:
        ensure_schemas(connection)
        ledger.begin_run(connection, context.run_id, context.as_of, "customer_nightly")
    for step in nightly(settings):
        if step.room in _ROOMS:
            run_step(context, step)
    review_sample(settings, context.as_of)
    with context.connection() as connection:
        settle(connection, context)


def _results(
    name: str,
    persons: Mapping[Record, str],
    people: Mapping[Record, int],
    named: Collection[Record],
    planted: Mapping[str, set[Pair]],
    estimates: tuple[Any, ...],
) -> list[Result]:
    """Returns the lines; `named` are the records that say a name."""
    linked = _pairs(persons[record] for record in people)
    true = _pairs(people.values())
    right = _pairs((persons[record], people[record]) for record in people)
    precision, recall = right / linked, right / true
    # A receipt with nothing but a family's phone may be taken for the wrong one of them; two who
    # both said their names are another matter.
    merged = _merged(persons, people)
    by_name = _merged(persons, {record: people[record] for record in people if record in named})
    intervals = {"precision": (precision, estimates[:3]), "recall": (recall, estimates[3:])}
    return [
        at_least(f"{name}: F1 of linked pairs", 2 * right / (linked + true), _F1, "share"),
        at_least(f"{name}: precision of linked pairs", precision, _PRECISION, "share"),
        reported(f"{name}: recall of linked pairs", recall, "share"),
        reported(f"{name}: records", len(people), "records"),
        *(
            at_most(f"{name}: {kind} made one person", len(pairs & merged), 0, f"of {len(pairs)}")
            for kind, pairs in planted.items()
        ),
        *(
            reported(
                f"{name}: {kind} made one person though both said their names",
                len(pairs & by_name), f"of {len(pairs)}",
            )
            for kind, pairs in planted.items()
        ),
        *(
            reported(f"{name}: {word} of {what} by the sample", value, "share")
            for what, (_, found) in intervals.items()
            for word, value in zip(("estimate", "lower end", "upper end"), found, strict=True)
        ),
        at_least(
            f"{name}: sampled intervals that hold the truth",
            sum(low <= value <= high for value, (_, low, high) in intervals.values()),
            len(intervals), f"of {len(intervals)}",
        ),
    ]  # fmt: skip


def _pairs(groups: Iterable[Hashable]) -> int:
    """Returns how many pairs there are within groups, of each member's group."""
    return sum(size * (size - 1) // 2 for size in Counter(groups).values())


def _merged(persons: Mapping[Record, str], people: Mapping[Record, int]) -> set[Pair]:
    """Returns the people who have records in one person."""
    inside: dict[str, set[int]] = defaultdict(set)
    for record, who in people.items():
        inside[persons[record]].add(who)
    return {pair for together in inside.values() for pair in combinations(sorted(together), 2)}


def _planted(
    warehouse: psycopg.Connection, known: psycopg.Connection, people: Mapping[Record, int]
) -> dict[str, set[Pair]]:
    """Returns the pairs of people that are made to look like one.

    Twins are of one household and born on one day; who else of a household gives the same phone is
    a family on one phone; people of two households with the same phone had it one after the other.
    """
    about: dict[int, tuple[int, Any]] = {
        who: (household, birth)
        for who, household, birth in known.execute(
            "select true_person_id, true_household_id, birth_date from demo_truth.people"
        )
    }
    recorded = set(people.values())
    twins = _couples((about[who], who) for who in recorded)
    holders = (
        (phone, people[source, number])
        for source, number, phone in warehouse.execute(
            "select source, source_customer_id, key from pii.standard_records,"
            " unnest(keys) as key where key %% 16 = %s",
            (list(KINDS).index("phone"),),
        )
        if (source, number) in people
    )
    sharing = _couples(holders)
    family = {(a, b) for a, b in sharing if about[a][0] == about[b][0]}
    return {
        "twins": twins,
        "families on one phone": family - twins,
        "holders of a recycled phone": sharing - family,
    }


def _couples(members: Iterable[tuple[Hashable, int]]) -> set[Pair]:
    """Returns every two people who share a value."""
    groups: dict[Hashable, set[int]] = defaultdict(set)
    for value, who in members:
        groups[value].add(who)
    return {pair for group in groups.values() for pair in combinations(sorted(group), 2)}


def _row(connection: psycopg.Connection, query: str, *values: object) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), values).fetchone()
    assert row
    return tuple(row)
