"""The whole room, night after night, on a real PostgreSQL: pairs, persons and all that follows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from benchmarks import simulated_persons
from ml.identity.decide import decide
from ml.identity.link import link
from tests.ml.identity.conftest import partition_of
from warehouse.context import RunContext

FIRST, NIGHTS = date(2026, 3, 2), 10
# So few that no night passes a power of two, which would make it pair everything anew.
RECORDS, NEW_RECORDS = 200, 12

# Somebody moves, a phone is handed on, a membership becomes known, a source forgets a record.
_CHANGES = (
    """
    update intermediate.int_persons__unioned
    set address = null, postcode = null, load_id = %(night)s
    where source_customer_id::integer %% 29 = %(night)s
    """,
    """
    update intermediate.int_persons__unioned as persons
    set phone = giver.phone, load_id = %(night)s
    from intermediate.int_persons__unioned as giver
    where persons.source_customer_id::integer %% 31 = %(night)s
        and giver.source_customer_id::integer = persons.source_customer_id::integer + 1
    """,
    """
    update intermediate.int_persons__unioned
    set exact_keys = array['card:' || true_person], load_id = %(night)s
    where source_customer_id::integer %% 13 = %(night)s
    """,
    """
    delete from intermediate.int_persons__unioned
    where source_customer_id::integer %% 37 = %(night)s
    """,
)
# What does not depend on which id a person bears.
_COUNTED = {
    "pairs": """
        select source_customer_id_a, source_customer_id_b, round(match_weight::numeric, 6),
            rests_on, evidence
        from identity.pairs
    """,
    "review queue": """
        select source_customer_id_a, source_customer_id_b, reason from identity.review_queue
    """,
    "connectedness": "select * from identity.connectedness where as_of_date = %(day)s",
    "quality": "select records, persons from identity.link_quality where as_of_date = %(day)s",
    "bases of households": """
        select links.source_customer_id, households.basis
        from identity.households inner join identity.person_links as links using (person_id)
    """,
}
_FORGET_ALL = """
truncate identity.person_links, identity.pairs, identity.undecided, identity.households,
    identity.review_queue, identity.shared_contacts, pii.pairing, pii.standard_records
"""


@pytest.fixture
def context(context_for: Callable[[date], RunContext]) -> RunContext:
    """A night in Korea."""
    made = context_for(FIRST)
    identity = made.policy.identity.model_copy(update={"country": "KR"})
    return replace(made, policy=made.policy.model_copy(update={"identity": identity}))


def stands(context: RunContext) -> dict[str, Any]:
    """Returns the partition into persons and into households, and all that is counted of them."""
    with psycopg.connect(context.url) as connection:
        found: dict[str, Any] = {
            name: sorted(connection.execute(query, {"day": context.as_of}).fetchall(), key=str)
            for name, query in _COUNTED.items()
        }
        for name, place in (("persons", "person_id"), ("households", "household_id")):
            found[name] = partition_of({
                (source, number): group
                for source, number, group in connection.execute(
                    f"select source, source_customer_id, {place} from identity.person_links"
                    " left join identity.households using (person_id)"
                )
                if group
            })  # fmt: skip
    return found


def test_ten_nights_of_changes_end_as_one_night_from_scratch(context: RunContext) -> None:
    everyone = simulated_persons.simulate(RECORDS + (NIGHTS - 1) * NEW_RECORDS)
    simulated_persons.write(context.url, everyone.slice(0, RECORDS))
    for night in range(NIGHTS):
        context = replace(context, as_of=FIRST + timedelta(days=night), run_id=f"night-{night}")
        if night:
            new = everyone.slice(RECORDS + (night - 1) * NEW_RECORDS, NEW_RECORDS)
            simulated_persons.append(context.url, new)
            change(context, night)
        facts = link(context).facts
        assert facts["is_full_pairing"] == (night == 0)
    day_by_day = stands(context)
    with psycopg.connect(context.url) as connection:
        connection.execute(_FORGET_ALL)
    link(replace(context, run_id="scratch"))
    from_scratch = stands(context)
    for name, rows in day_by_day.items():
        assert rows, name
        assert from_scratch[name] == rows, name


def change(context: RunContext, night: int) -> None:
    """Changes what the sources know, and lets somebody decide about two records now and then."""
    with psycopg.connect(context.url) as connection:
        for statement in _CHANGES:
            connection.execute(statement, {"night": night})
        if night == 4:
            a, b, c, d = connection.execute(
                "select source_a, source_customer_id_a, source_b, source_customer_id_b"
                " from identity.pairs order by md5(source_customer_id_a) limit 1"
            ).fetchall()[0]
            decide(connection, (a, b), (c, d), "never", by="Kim", because="so", day=context.as_of)
        if night == 6:
            one, other = connection.execute(
                "select source, source_customer_id from identity.person_links"
                " order by md5(source_customer_id) limit 2"
            ).fetchall()
            decide(connection, one, other, "always", by="Kim", because="so", day=context.as_of)
