"""Weights are learned without labels, and the same from the same records."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest

from benchmarks import simulated_persons
from ml.identity import train
from ml.identity.pairs import find_pairs
from tests.ml.identity.persons import Person, write
from warehouse.context import RunContext

DAY = date(2026, 6, 30)


@pytest.fixture
def context(context_for: Callable[[date], RunContext]) -> RunContext:
    made = context_for(DAY)
    identity = made.policy.identity.model_copy(update={"country": "KR"})
    return replace(made, policy=made.policy.model_copy(update={"identity": identity}))


def test_what_is_learned_links_the_planted_people_from_the_next_day_on(
    context: RunContext,
) -> None:
    simulated_persons.write(context.url, simulated_persons.simulate(3_000))
    first, second = train.train(context), train.train(context)
    assert first.facts["version"] == second.facts["version"]
    facts = find_pairs(replace(context, as_of=DAY + timedelta(days=1)))
    assert facts["model_version"] == first.facts["version"]
    with psycopg.connect(context.url) as connection:
        linked, right = connection.execute(
            """
            select count(*), count(*) filter (where one.true_person = other.true_person)
            from identity.pairs
            inner join intermediate.int_persons__unioned as one
                on one.source_customer_id = pairs.source_customer_id_a
            inner join intermediate.int_persons__unioned as other
                on other.source_customer_id = pairs.source_customer_id_b
            where match_probability >= %s
            """,
            (context.policy.identity.link_probability,),
        ).fetchone() or (0, 0)
        true_pairs, = connection.execute(
            """
            select sum(records * (records - 1) / 2) from (
                select count(*) as records from intermediate.int_persons__unioned
                group by true_person
            ) as people
            """
        ).fetchone() or (0,)  # fmt: skip
    assert right / linked > 0.995
    assert right / float(true_pairs) > 0.9


def test_too_few_records_leave_in_force_what_is(context: RunContext) -> None:
    write(context.url, [Person("1", name="김민수")])
    assert "1 records, at least 1000" in str(train.train(context).facts["reason"])
    facts = find_pairs(replace(context, as_of=DAY + timedelta(days=1)))
    assert facts["model_version"] == "builtin"
