"""Weights are learned without labels, and the same from the same records."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest

from benchmarks import simulated_persons
from ml import artefacts, registry
from ml.identity import train
from ml.identity.pairs import find_pairs
from ml.identity.weigh import MODEL_NAME, builtin_weights
from tests.ml.identity.persons import Person, write
from warehouse.context import RunContext
from warehouse.errors import ModelError

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


def test_weights_of_levels_that_are_no_more_are_refused_with_the_remedy(
    context: RunContext,
) -> None:
    weights = builtin_weights().to_json()
    weights["levels"]["name"]["spoken"] = weights["levels"]["name"]["close"]
    item = artefacts.make("weights", DAY, {"weights": weights}, None)
    path = artefacts.save(context.settings.models_dir, MODEL_NAME, item)
    with context.connection() as connection:
        registry.register(connection, MODEL_NAME, item, path, metrics={}, verdict="learned")
        registry.promote(connection, MODEL_NAME, item.version, DAY)
    write(context.url, [Person("1", name="김민수")])
    assert find_pairs(context)["model_version"] == "builtin"
    with pytest.raises(ModelError, match=f"{item.version} was learned of other levels") as refused:
        find_pairs(replace(context, as_of=DAY + timedelta(days=1)))
    assert refused.value.remedy == "Train again, or retire the model."
