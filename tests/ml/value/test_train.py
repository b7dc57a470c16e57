from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.bootstrap import rank_correlation
from ml.rivals.catalogue import VALUE_RIVALS
from ml.value.days import plan_year
from ml.value.model import MODEL_NAME
from ml.value.train import judge, train
from tests.ml.value.world import AS_OF, World, live, spend_between
from warehouse.context import RunContext
from warehouse.errors import ModelError


def _training(context: RunContext) -> tuple[str, str | None, str, dict[str, Any]]:
    with context.connection() as connection:
        row = connection.execute(
            "select outcome, version, reason, metrics from ml.training_runs"
            " where model_name = 'value'"
        ).fetchone()
    assert row is not None
    return row


def test_a_model_that_finds_who_leaves_beats_every_rival_and_ships(learned: RunContext) -> None:
    outcome, version, reason, metrics = _training(learned)
    assert outcome == "promoted"
    assert set(metrics["rivals"]) == {rival.name for rival in VALUE_RIVALS}
    for found in metrics["differences"].values():
        assert found["mean_absolute_error"]["high"] < 0
        assert found["rank_correlation"]["low"] > 0.02
    assert "The model ships" in reason
    with learned.connection() as connection:
        row = connection.execute(
            "select version, kind, status, in_force_from::text from ml.model_versions"
        ).fetchone()
    assert row == (version, "xgboost", "champion", "2017-11-30")


def test_the_intervals_hold_at_least_what_they_promise_of_the_year_not_seen(
    learned: RunContext,
) -> None:
    *_, reason, metrics = _training(learned)
    # More than four of five: of the many who have left, nothing is certain, and that comes.
    assert 0.75 <= metrics["interval_coverage"][MODEL_NAME] <= 0.92
    assert set(metrics["interval_coverage"]) == {MODEL_NAME, *metrics["rivals"]}
    assert f"{metrics['interval_coverage'][MODEL_NAME]:.1%} held the year" in reason


def test_the_model_ranks_nearly_as_well_as_who_knows_everybodys_rates(
    learned: RunContext,
) -> None:
    world, purchases = World(), live(World())
    plan = plan_year(AS_OF, world.first_day)
    judged = judge(learned.url, plan, learned.policy.training)
    today = (plan.test - world.first_day).days
    with learned.connection() as connection:
        persons = [
            int(person[1:])
            for (person,) in connection.execute(
                "select person_id from features.ftr_customers where as_of_date = %s"
                " and population in ('live', 'lapsed') order by person_id",
                (plan.test,),
            )
        ]
    came = spend_between(purchases, world.customers, today, today + 365)[persons]
    assert np.allclose(came, judged.test.spend)
    half = ~purchases.leaves[persons]
    assert judged.expected[MODEL_NAME][half].mean() == pytest.approx(came[half].mean(), rel=0.15)
    found = rank_correlation(judged.expected[MODEL_NAME], came)(np.ones(len(came)))
    assert found > 0.7


def test_what_came_after_the_test_day_teaches_the_judged_model_nothing(
    base_of: Callable[[World], RunContext],
) -> None:
    context = base_of(World(customers=250))
    plan = plan_year(AS_OF, World().first_day)
    before = judge(context.url, plan, context.policy.training).expected[MODEL_NAME]
    with context.connection() as connection:
        connection.execute(
            "update features.customer_labels set spend_within_year = 7 * spend_within_year"
            " where as_of_date <> %s",
            (plan.test,),
        )
    after = judge(context.url, plan, context.policy.training).expected[MODEL_NAME]
    assert (before == after).all()


def test_the_same_data_and_seed_give_the_same_bytes(learned: RunContext, tmp_path: Path) -> None:
    elsewhere = learned.settings.model_copy(update={"living_crm_home": tmp_path})
    again = replace(learned, settings=elsewhere)
    train(again)

    def contents(context: RunContext) -> dict[str, bytes]:
        folder = context.settings.models_dir / "value"
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    assert contents(learned) == contents(again)
    assert len(contents(again)) == 2


def test_where_nothing_tells_who_leaves_the_best_rival_ships_with_an_interval(
    base_of: Callable[[World], RunContext],
) -> None:
    context = base_of(World(customers=250, is_told=False))
    report = train(context)
    outcome, version, reason, metrics = _training(context)
    assert outcome == "rule"
    assert f"The best rival ships ({report.facts['best_rival']})" in reason
    assert f"-{report.facts['best_rival']}-" in str(version)
    assert 0.7 <= metrics["interval_coverage"][str(report.facts["best_rival"])] <= 0.95


def test_too_little_history_is_refused_and_says_how_many_days_are_missing(
    base_of: Callable[[World], RunContext],
) -> None:
    context = base_of(World(customers=100, history_days=500))
    assert train(context).facts["outcome"] == "refused"
    outcome, version, reason, _ = _training(context)
    assert (outcome, version) == ("refused", None)
    assert "takes 540 days of purchases to learn and to test, there are 500" in reason
    assert "40 more days" in reason


def test_too_few_customers_are_refused_with_the_numbers(
    base_of: Callable[[World], RunContext],
) -> None:
    context = base_of(World(customers=40))
    assert train(context).facts["outcome"] == "refused"
    assert "customers to learn from, counted on each day: " in _training(context)[2]
    assert ", 300 would do" in _training(context)[2]


def test_labels_of_another_day_are_an_error(base_of: Callable[[World], RunContext]) -> None:
    context = base_of(World(customers=60))
    with context.connection() as connection:
        connection.execute(
            "update features.customer_labels set known_date = %s", (AS_OF - timedelta(days=7),)
        )
    with pytest.raises(ModelError, match=r"have no spend as of 2017-11-29.*build_snapshots"):
        train(context)
