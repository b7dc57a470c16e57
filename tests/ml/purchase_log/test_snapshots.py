from datetime import date

import numpy as np
import pytest

from ml.purchase_log.read import EPOCH, PurchaseLog, purchase_log
from ml.purchase_log.snapshots import snapshot
from tests.ml.rivals.simulate import simulated_log

AS_OF, HORIZON = date(2020, 7, 1), 30
TODAY = (AS_OF - EPOCH).days


def made(*rows: tuple[int, int, float]) -> PurchaseLog:
    """Returns a log of (customer, days after the day, amount)."""
    customer, day, amount = zip(*rows, strict=True)
    return purchase_log(np.array(customer), TODAY + np.array(day), np.array(amount, dtype=float))


def test_a_customer_is_described_by_what_was_bought_until_the_day() -> None:
    found = snapshot(
        made((0, -100, 10), (0, -70, 20), (0, -10, 30), (0, -5, -6), (0, 1, 7), (0, 30, 2),
             (0, 31, 99), (1, -40, 5), (2, 4, 5)),
        AS_OF, HORIZON,
    )  # fmt: skip
    assert found.customer.tolist() == [0, 1]  # the third had not bought yet
    assert found.bought.tolist() == [True, False]
    assert found.spend.tolist() == [9.0, 0.0]
    first = {name: values[0] for name, values in found.columns.items()}
    expected = {
        "recency_days": 10, "tenure_days": 100, "purchase_day_count": 3,
        "spend_per_purchase_day": 18, "average_gap_days": 45, "latest_gap_days": 60,
        "latest_amount": 30, "returned_share": 0.1, "purchase_days_one_horizon": 1,
        "spend_one_horizon": 24, "purchase_days_four_horizon": 3, "calendar_month": 7,
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert first["gap_deviation_days"] == pytest.approx(np.std([30, 60], ddof=1))
    assert np.isnan(found.columns["average_gap_days"][1])


def test_the_same_season_is_unknown_of_who_came_after_it() -> None:
    found = snapshot(made((0, -400, 1), (0, -350, 8), (1, -100, 1)), AS_OF, HORIZON)
    assert found.columns["spend_same_season"][0] == 8
    assert np.isnan(found.columns["spend_same_season"][1])


def test_the_future_changes_no_column_and_the_past_no_outcome() -> None:
    log = simulated_log(800, 400, seed=3)
    rng = np.random.default_rng(1)
    later, earlier = log.day > TODAY, log.day <= TODAY
    plain = snapshot(log, AS_OF, HORIZON)
    amount = np.where(log.bought, log.spent, -log.returned)

    shifted = log.day + np.where(later, rng.integers(0, 90, len(log.day)), 0)
    future = snapshot(
        purchase_log(log.customer, shifted, amount * np.where(later, 7, 1)), AS_OF, HORIZON
    )
    for name, values in plain.columns.items():
        assert np.array_equal(values, future.columns[name], equal_nan=True), name
    assert not np.array_equal(plain.spend, future.spend)

    past = snapshot(
        purchase_log(log.customer, log.day, amount * np.where(earlier, 3, 1)), AS_OF, HORIZON
    )
    assert np.array_equal(plain.bought, past.bought)
    assert np.allclose(plain.spend, past.spend)
