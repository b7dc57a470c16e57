from dataclasses import asdict

import numpy as np
import pytest
from pydantic import TypeAdapter

from ml.arrays import FloatArray
from ml.rivals.bg_nbd import BgNbd
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.gamma_gamma import GammaGamma
from ml.value.learn import drawn_spread
from ml.value.spread import Spread, covered


def _spending(size: int, buys: FloatArray) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(size)
    mean = rng.gamma(2.0, 50.0, size)
    came = np.where(rng.random(size) < buys, rng.gamma(2.0, mean / 2.0), 0.0)
    return mean * buys, came


@pytest.mark.parametrize("share", [0.98, 0.8, 0.5])
def test_four_of_five_new_customers_lie_within_the_interval(share: float) -> None:
    spread = Spread.fit(*_spending(5000, np.full(5000, share)))
    expected, came = _spending(4000, np.full(4000, share))
    low, high = spread.interval(expected)
    assert covered(low, high, came) == pytest.approx(0.8, abs=0.03)
    assert (low <= expected).all()
    assert (expected <= high).all()
    if share < 0.9:
        assert (low == 0).all()


def test_where_nearly_nobody_buys_the_interval_still_holds_the_expectation() -> None:
    spread = Spread.fit(*_spending(5000, np.full(5000, 0.05)))
    expected, came = _spending(4000, np.full(4000, 0.05))
    low, high = spread.interval(expected)
    assert (low == 0).all()
    assert (high >= expected).all()
    assert covered(low, high, came) > 0.93


@pytest.mark.parametrize("expected", [np.zeros(300), np.full(300, 7.0), np.array([3.0])])
def test_equal_or_few_expectations_have_an_interval_too(expected: FloatArray) -> None:
    spread = Spread.fit(expected, expected + 1.0)
    for asked in (expected, np.array([0.0, 1e9])):
        low, high = spread.interval(asked)
        assert np.isfinite(high).all()
        assert (low <= high).all()


def test_a_spread_is_the_same_after_being_stored() -> None:
    spread = Spread.fit(*_spending(700, np.full(700, 0.7)))
    again = TypeAdapter(Spread).validate_python(
        TypeAdapter(Spread).dump_python(spread, mode="json")
    )
    assert again == spread
    assert set(asdict(spread)) == {"least", "edges", "low", "high"}


def _base(size: int) -> dict[str, FloatArray]:
    rng = np.random.default_rng(3)
    count = rng.integers(1, 20, size).astype(np.float64)
    tenure = rng.integers(100, 700, size).astype(np.float64)
    recency = np.where(count > 1, np.floor(tenure * rng.random(size)), tenure)
    spent = rng.gamma(4.0, 10.0, size)
    return {
        "recency_days": recency,
        "tenure_days": tenure,
        "purchase_day_count": count,
        "spend_per_purchase_day": spent,
    }


def test_draws_of_the_process_have_the_mean_that_it_expects() -> None:
    process = BuyTillYouDie(BgNbd(0.8, 25.0, 0.7, 2.5), GammaGamma(6.0, 4.0, 15.0))
    base = _base(300)
    rng = np.random.default_rng(1)
    draws = np.mean([process.draw_spend(base, rng) for _ in range(400)], axis=0)
    assert draws.mean() == pytest.approx(process.expected_spend(base).mean(), rel=0.02)
    assert np.corrcoef(draws, process.expected_spend(base))[0, 1] > 0.98


def test_the_drawn_interval_holds_four_of_five_draws() -> None:
    process = BuyTillYouDie(BgNbd(3.0, 60.0, 0.2, 8.0), GammaGamma(6.0, 4.0, 15.0))
    base = _base(2000)
    base["recency_days"] = np.minimum(base["recency_days"], 10.0)
    spread = drawn_spread(process, base, seed=1)
    came = process.draw_spend(base, np.random.default_rng(2))
    low, high = spread.interval(process.expected_spend(base))
    assert covered(low, high, came) == pytest.approx(0.8, abs=0.05)
