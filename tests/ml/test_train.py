from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.outcomes import PURCHASE
from ml.rivals.catalogue import PROBABILITY_RIVALS
from ml.snapshots import snapshot_days, split_days
from ml.train import train
from tests.ml.world import AS_OF, FIRST_DAY, World
from warehouse.context import RunContext
from warehouse.errors import LivingCrmError, ModelError, TooLittleData
from warehouse.policy import Policy
from warehouse.settings import REPOSITORY


def _one(context: RunContext, query: str) -> tuple[Any, ...]:
    with context.connection() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("model", ["churn", "winback"])
def test_a_model_that_finds_the_planted_cause_ships(trained: RunContext, model: str) -> None:
    outcome, version, metrics = _one(
        trained,
        f"select outcome, version, metrics from ml.training_runs where model_name = '{model}'",
    )
    assert outcome == "promoted"
    assert set(metrics["rivals"]) == {rival.name for rival in PROBABILITY_RIVALS}
    for found in metrics["differences"].values():
        assert found["log_loss"]["high"] < 0
        assert found["average_precision"]["low"] > 0.1
    assert metrics["candidate"]["calibration_error_beyond_chance"] <= 0.05
    assert _one(
        trained,
        "select status, kind, in_force_from::text from ml.model_versions"
        f" where model_name = '{model}' and version = '{version}'",
    ) == ("champion", "xgboost", "2017-11-30")


def test_with_shuffled_labels_the_best_rival_ships_and_verdict_and_version_name_it(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World())
    with context.connection() as connection:
        # Labels no longer belong to their rows, but their share stays.
        connection.execute(
            """
            update features.customer_labels as labels
            set bought_within_horizon = shuffled.bought_within_horizon
            from (
                select person_id, lead(bought_within_horizon, 1, true) over (
                    order by md5(person_id)
                ) as bought_within_horizon
                from features.customer_labels
            ) as shuffled
            where labels.person_id = shuffled.person_id
            """
        )
    report = train(context, "churn")
    assert report.facts["outcome"] == "rule"
    with context.connection() as connection:
        rows = connection.execute(
            "select kind, status, verdict, version from ml.model_versions order by kind"
        ).fetchall()
    assert [(kind, status) for kind, status, *_ in rows] == [
        ("rule", "champion"),
        ("xgboost", "candidate"),
    ]
    best = str(report.facts["best_rival"])
    assert f"The best rival ships ({best})" in rows[0][2]
    assert f"-{best}-" in rows[0][3]


def test_too_few_lapsed_are_refused_with_the_numbers_and_what_was_in_force_stays(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World(lapsed=5))
    report = train(context, "winback")
    assert report.facts["outcome"] == "refused"
    outcome, reason = _one(context, "select outcome, reason from ml.training_runs")
    assert outcome == "refused"
    assert "lapsed rows to learn from: 35, 1000 would do" in reason
    assert _one(context, "select count(*) from ml.model_versions") == (0,)


def test_one_outcome_only_is_refused(world_of: Callable[[World], RunContext]) -> None:
    context = world_of(World())
    with context.connection() as connection:
        connection.execute("update features.customer_labels set bought_within_horizon = true")
    report = train(context, "churn")
    assert report.facts["outcome"] == "refused"
    assert "rarer outcome to learn from: 0, 100 would do" in str(report.facts["reason"])


def test_ten_customers_are_refused(world_of: Callable[[World], RunContext]) -> None:
    context = world_of(World(live=10, lapsed=10))
    for model in ("churn", "winback"):
        report = train(context, model)
        assert report.facts["outcome"] == "refused"
        assert "rows to learn from: 70, 1000 would do" in str(report.facts["reason"])


def test_a_leaked_label_is_refused_and_the_reason_kept(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World())
    with context.connection() as connection:
        connection.execute(
            """
            update features.ftr_customers as customers
            set income_level = case when labels.bought_within_horizon then 1 else 0 end
            from features.customer_labels as labels
            where customers.person_id = labels.person_id
                and customers.as_of_date = labels.as_of_date
            """
        )
    assert train(context, "churn").facts["outcome"] == "refused"
    (reason,) = _one(context, "select reason from ml.training_runs")
    assert "By itself income_level (1.000) tells the outcome apart" in reason


def test_a_column_of_categories_in_words_is_an_error_with_its_name(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World(live=10, lapsed=10))
    with context.connection() as connection:
        connection.execute(
            "alter table features.ftr_customers alter age_level type text using 'old'"
        )
    with pytest.raises(ModelError, match=r"age_level \(text\), a model takes double precision"):
        train(context, "churn")


def test_a_candidate_that_falls_behind_the_champion_leaves_it_in_force(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World())
    first = train(context, "churn")
    # What the candidate learns is off by design; only the comparison is looked at here.
    lenient = context.policy.training.model_copy(update={"max_calibration_error": 1.0})
    later = replace(
        context,
        as_of=AS_OF + timedelta(days=1),
        policy=context.policy.model_copy(update={"training": lenient}),
    )
    with context.connection() as connection:
        # The candidate learns from days on which a cause was not known; the test days know it.
        connection.execute(
            """
            update features.ftr_customers set as_of_date = as_of_date + 1;
            update features.customer_labels set as_of_date = as_of_date + 1;
            update features.ftr_customers set discount_share_84d = 1 - discount_share_84d
            where as_of_date < '2017-10-01' and right(person_id, 1) < '3';
            """
        )
    second = train(later, "churn")
    verdict = str(
        _one(context, "select reason from ml.training_runs where as_of_date > '2017-11-29'")
    )
    assert second.facts["outcome"] == "kept", verdict
    assert "The champion stays, the model falls behind it: log loss against" in verdict
    assert _one(context, "select count(*) from ml.champions") == (1,)
    assert first.facts["outcome"] == "promoted"


def test_the_same_day_trained_again_is_the_same_version_to_the_byte(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World())
    first = train(context, "churn")
    folder = context.settings.models_dir / "churn" / str(first.facts["version"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "model.ubj").write_bytes(b"damaged")
    second = train(context, "churn")
    assert second == first
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert _one(context, "select count(*) from ml.model_versions") == (1,)
    assert _one(context, "select count(*) from ml.champions") == (1,)


def test_what_is_in_force_changes_the_verdict_and_never_the_version(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World())
    first = train(context, "churn")
    with context.connection() as connection:
        # As if an earlier day had been trained since, and was in force on this one.
        connection.execute("update ml.champions set in_force_from = '2017-11-01'")
    second = train(context, "churn")
    assert second.facts["version"] == first.facts["version"]
    (metrics,) = _one(context, "select metrics from ml.training_runs")
    assert "the champion" in metrics["rivals"]
    assert metrics["champion"] == first.facts["version"]
    assert _one(context, "select count(*) from ml.model_versions") == (1,)


def test_a_missing_label_stops_the_training(world_of: Callable[[World], RunContext]) -> None:
    context = world_of(World())
    with context.connection() as connection:
        connection.execute("delete from features.customer_labels where person_id = 'P00000000'")
    with pytest.raises(ModelError, match=r"1 rows of .* have no label"):
        train(context, "churn")


def test_training_without_marts_says_to_run_the_night_first(
    context_for: Callable[[date], RunContext],
) -> None:
    with pytest.raises(LivingCrmError, match="Run the nightly walk first"):
        train(context_for(AS_OF), "churn")


def test_an_unknown_model_is_named_with_those_there_are(
    context_for: Callable[[date], RunContext],
) -> None:
    with pytest.raises(ModelError, match=r"no model 'value'.*churn, winback"):
        train(context_for(AS_OF), "value")


def test_the_latest_snapshot_is_the_latest_whose_horizon_has_passed(policy: Policy) -> None:
    days = snapshot_days(PURCHASE, policy, AS_OF, FIRST_DAY)
    assert days[-1] == AS_OF - timedelta(days=policy.horizon_days)
    assert len(days) == policy.training.snapshot_count
    steps = {int(step.days) for step in np.diff(np.array(days))}
    assert steps == {policy.training.snapshot_every_days}


def test_no_snapshot_lies_before_the_data_begins(policy: Policy) -> None:
    days = snapshot_days(PURCHASE, policy, AS_OF, date(2017, 8, 1))
    assert days and min(days) >= date(2017, 8, 1)


def test_too_few_snapshots_are_refused_with_the_days_that_would_do(policy: Policy) -> None:
    days = snapshot_days(PURCHASE, policy, AS_OF, date(2017, 8, 20))
    assert len(days) == 6
    with pytest.raises(TooLittleData, match=r"6 snapshots, 8 are needed.*28 more days"):
        split_days(days, policy.horizon_days, policy.training)


@given(
    horizon_days=st.integers(1, 120),
    every=st.integers(1, 60),
    count=st.integers(8, 40),
    tests=st.integers(1, 7),
)
def test_no_purchase_is_learned_from_and_tested_on(
    horizon_days: int, every: int, count: int, tests: int
) -> None:
    from warehouse.policy import load_policy

    policy = load_policy(REPOSITORY / "policy.yml")
    training = policy.training.model_copy(
        update={
            "snapshot_count": count,
            "snapshot_every_days": every,
            "test_snapshot_count": tests,
        }
    )
    policy = policy.model_copy(update={"training": training, "horizon_days": horizon_days})
    days = snapshot_days(PURCHASE, policy, AS_OF, date(2000, 1, 1))
    try:
        split = split_days(days, policy.horizon_days, policy.training)
    except TooLittleData:
        return
    assert sorted(split.training + split.embargoed + split.test) == days
    assert max(split.fit) + timedelta(days=horizon_days) <= min(split.validation)
    assert max(split.training) + timedelta(days=horizon_days) <= min(split.test)


def test_an_embargo_that_leaves_nothing_is_refused_with_the_count_that_would_do(
    policy: Policy,
) -> None:
    long = policy.model_copy(update={"horizon_days": 90})
    days = snapshot_days(PURCHASE, long, AS_OF, FIRST_DAY)
    with pytest.raises(TooLittleData, match=r"leave 0 to fit on: .*snapshot_count of 18"):
        split_days(days, long.horizon_days, long.training)
    enough = long.model_copy(
        update={"training": policy.training.model_copy(update={"snapshot_count": 18})}
    )
    days = snapshot_days(PURCHASE, enough, AS_OF, date(2016, 1, 1))
    split = split_days(days, enough.horizon_days, enough.training)
    assert (len(split.fit), len(split.validation), len(split.test)) == (2, 2, 2)


def test_what_an_earlier_training_of_the_day_promoted_is_taken_back_by_a_refusal(
    world_of: Callable[[World], RunContext],
) -> None:
    context = world_of(World())
    train(context, "churn")
    strict = context.policy.training.model_copy(update={"min_train_rows": 10**6})
    refused = replace(context, policy=context.policy.model_copy(update={"training": strict}))
    assert train(refused, "churn").facts["outcome"] == "refused"
    assert _one(context, "select count(*) from ml.champions") == (0,)
