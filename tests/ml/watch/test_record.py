from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ml.score import score
from tests.ml.world import World
from warehouse.context import RunContext

SCORED = date(2017, 11, 1)
DUE = SCORED + timedelta(days=28)


def _all(context: RunContext, query: str) -> list[tuple[Any, ...]]:
    with context.connection() as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_night_like_the_training_raises_no_alert_and_a_moved_feature_does(
    trained: RunContext,
) -> None:
    report = score(trained)
    assert report.facts["churn_alerts"] == 0
    ((subjects, seasons),) = _all(
        trained,
        "select count(*), count(*) filter (where subject = 'calendar_month')"
        " from ml.watch_drift where score_name = 'churn'",
    )
    assert subjects > 20
    assert seasons == 0
    with trained.connection() as connection:
        connection.execute(
            "update features.ftr_customers set lines_per_order_84d = lines_per_order_84d + 5"
        )
    try:
        assert score(trained).facts["churn_alerts"] != 0
        alerts = _all(
            trained, "select what from ml.watch_alerts where score_name = 'churn' order by what"
        )
        assert any(
            what.startswith("lines_per_order_84d has moved since the training, PSI ")
            for (what,) in alerts
        )
    finally:
        with trained.connection() as connection:
            connection.execute(
                "update features.ftr_customers set lines_per_order_84d = lines_per_order_84d - 5"
            )


@pytest.fixture
def due_night(world_of: Callable[[World], RunContext]) -> RunContext:
    """The night on which scores of 28 days ago come due: 300 foretold to leave with 0.2 each."""
    tonight = replace(world_of(World(live=5, lapsed=5)), as_of=DUE)
    with tonight.connection() as connection:
        connection.execute(
            """
            update features.ftr_customers set as_of_date = '2017-11-29'
            where as_of_date = '2017-11-30';
            create table activation.target_list_entries (
                as_of_date date, person_id text, treatment_group text
            );
            insert into activation.target_list_entries
            select
                '2017-11-01', 'S' || number,
                case when number <= 100 then 'contact' else 'holdout' end
            from generate_series(1, 200) as number;
            insert into ml.customer_scores (as_of_date, person_id, score_name, model_version,
                model_kind, horizon_days, probability, is_calibrated, percentile)
            select '2017-11-01', 'S' || number, 'churn', 'v1', 'xgboost', 28, 0.2, true, 0.0
            from generate_series(1, 300) as number;
            -- Every fifth of the contacted and of the unlisted leaves, of the holdout every second.
            insert into marts.fct_orders
            select '2017-11-29', 'S' || number, 'purchase' from generate_series(1, 300) as number
            where number % case when number between 101 and 200 then 2 else 5 end > 0;
            -- No purchase within the horizon: too late, too early, or a refund.
            insert into marts.fct_orders values
            ('2017-11-30', 'S5', 'purchase'), ('2017-11-01', 'S10', 'purchase'),
            ('2017-11-10', 'S15', 'refund');
            """
        )
    return tonight


def test_what_came_is_held_against_what_was_foretold_contacted_and_holdout_apart(
    due_night: RunContext,
) -> None:
    report = score(due_night)
    assert report.facts["churn_alerts"] == 1
    query = (
        "select as_of_date, treatment_group, decile, persons, round(predicted::numeric, 2)::float,"
        " realised::float, is_alert from ml.watch_outcomes order by treatment_group"
    )
    expected = [
        (SCORED, "contact", 1, 100, 0.2, 0.2, False),
        (SCORED, "holdout", 1, 100, 0.2, 0.5, True),
        (SCORED, "unlisted", 1, 100, 0.2, 0.2, False),
    ]
    assert _all(due_night, query) == expected
    score(due_night)
    assert _all(due_night, query) == expected
    assert _all(due_night, "select as_of_date, what from ml.watch_alerts") == [
        (DUE, "tenth 1 of 2017-11-01 (holdout): foretold 0.200, came 0.500")
    ]


def test_our_own_contacts_that_bend_the_curve_are_no_alert(due_night: RunContext) -> None:
    with due_night.connection() as connection:
        connection.execute("update activation.target_list_entries set treatment_group = 'contact'")
    assert score(due_night).facts["churn_alerts"] == 0
