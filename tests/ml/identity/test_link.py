from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ml.identity.link import link
from warehouse.context import RunContext
from warehouse.errors import WarehouseError

FIRST, LATER = date(2017, 3, 1), date(2017, 3, 8)

# source, id, exact keys, first seen at (New York)
RECORDS = [
    ("shop", "1", ["household:1"], "2017-03-01 23:59-05"),
    ("shop", "2", ["household:2"], "2017-02-01 09:00-05"),
    ("shop", "3", ["household:3"], "2017-02-01 09:00-05"),
    ("shop", "4", [], "2017-02-01 09:00-05"),
    ("crm", "c1", ["household:1"], "2017-02-20 09:00-05"),
    ("crm", "c2", ["household:2"], "2017-03-02 00:00-05"),
]


@pytest.fixture
def context(context_for: Callable[[date], RunContext]) -> RunContext:
    made = context_for(FIRST)
    with made.connection() as connection:
        connection.execute(
            "create table intermediate.int_persons__unioned (source text,"
            " source_customer_id text, exact_keys text[], first_seen_at timestamptz)"
        )
        connection.cursor().executemany(
            "insert into intermediate.int_persons__unioned values (%s, %s, %s, %s)", RECORDS
        )
    return made


def _links(context: RunContext) -> dict[tuple[str, str], tuple[str, str]]:
    with context.connection() as connection:
        rows = connection.execute(
            "select source, source_customer_id, person_id, evidence from identity.person_links"
        ).fetchall()
    return {(source, record): (person, evidence) for source, record, person, evidence in rows}


def _pairs(context: RunContext) -> list[tuple[Any, ...]]:
    with context.connection() as connection:
        return connection.execute(
            "select source_a, source_b, records_a, records_b, linked_a, linked_b, linked_share_a,"
            " evidence from identity.connectedness where as_of_date = %s order by 1, 2",
            (context.as_of,),
        ).fetchall()


def test_records_with_the_same_key_are_one_person_and_one_without_stands_alone(
    context: RunContext,
) -> None:
    report = link(replace(context, as_of=LATER))
    links = _links(context)
    assert links["shop", "1"] == links["crm", "c1"]
    assert links["shop", "1"][0] != links["shop", "2"][0]
    assert links["shop", "4"][1] == "single_record"
    assert {len(person) for person, _ in links.values()} == {17}
    assert report.rows == 6
    assert report.facts == {"persons": 4, "new_links": 6, "source_pairs": 2}


def test_connectedness_counts_each_side_and_only_what_was_known_that_day(
    context: RunContext,
) -> None:
    link(context)
    assert _pairs(context) == [
        ("crm", "shop", 1, 4, 1, 1, 1.0, "exact_key"),
        ("shop", "crm", 4, 1, 1, 1, 0.25, "exact_key"),
    ]
    later = replace(context, as_of=LATER)
    link(later)
    assert _pairs(later) == [
        ("crm", "shop", 2, 4, 2, 2, 1.0, "exact_key"),
        ("shop", "crm", 4, 2, 2, 2, 0.5, "exact_key"),
    ]


def test_a_record_not_yet_seen_is_not_linked(context: RunContext) -> None:
    link(context)
    assert ("crm", "c2") not in _links(context)


def test_the_order_of_the_days_changes_no_id(context: RunContext) -> None:
    link(replace(context, as_of=LATER))
    link(context)
    backwards = _links(context)
    early = _pairs(context)
    with context.connection() as connection:
        connection.execute("truncate identity.person_links")
    link(context)
    link(replace(context, as_of=LATER))
    assert _links(context) == backwards
    assert _pairs(context) == early


def test_an_existing_link_is_kept(context: RunContext) -> None:
    with context.connection() as connection:
        connection.execute(
            "insert into identity.person_links values"
            " ('shop', '1', 'Pdecided', 'override', 'earlier', '2017-01-01')"
        )
    assert link(context).facts["new_links"] == 4
    assert _links(context)["shop", "1"] == ("Pdecided", "override")
    assert link(context).facts["new_links"] == 0


def test_a_record_that_ties_two_persons_makes_them_the_older_one(context: RunContext) -> None:
    link(context)
    before = _links(context)
    with context.connection() as connection:
        connection.execute(
            "insert into intermediate.int_persons__unioned values"
            " ('crm', 'c9', array['household:1', 'household:2'], '2017-03-01 10:00-05')"
        )
    assert link(context).facts["new_links"] == 3
    after = _links(context)
    one = {after[record][0] for record in [("shop", "1"), ("shop", "2"), ("crm", "c1")]}
    assert one == {after["crm", "c9"][0]} == {before["shop", "2"][0]}
    assert after["shop", "3"] == before["shop", "3"]


def test_a_tie_brings_its_evidence_and_leaves_an_override_alone(context: RunContext) -> None:
    link(context)
    with context.connection() as connection:
        connection.execute(
            "update identity.person_links set person_id = 'Pdecided', evidence = 'override'"
            " where source = 'shop' and source_customer_id = '3'"
        )
        connection.execute(
            "update intermediate.int_persons__unioned set exact_keys ="
            " array['household:2', 'household:3'] where source_customer_id = '4'"
        )
    link(context)
    links = _links(context)
    assert links["shop", "4"] == (links["shop", "2"][0], "exact_key")
    assert links["shop", "3"] == ("Pdecided", "override")


def test_without_person_records_the_step_to_run_is_named(
    context_for: Callable[[date], RunContext],
) -> None:
    with pytest.raises(WarehouseError, match="Run the step standardise first"):
        link(context_for(FIRST))
