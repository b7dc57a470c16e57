"""The yardstick of the churn and value benchmarks: planted rates read with the silence since."""

from datetime import date, timedelta

import numpy as np
import pytest

from benchmarks.planted_silence import Rates, read
from demo.company import assumptions
from demo.company.seasons import demand

AS_OF, HORIZON = date(2026, 3, 31), 60
LIVES, DAYS = 120_000, 190
HAZARD, RATE, SHAPE, KNOWN_SHARE = 0.02, 1 / 30, 2.0, 0.7


def rates(people: int, **changed: float) -> Rates:
    kept = {"hazard": HAZARD, "rate": RATE, "shape": SHAPE, "known": KNOWN_SHARE, **changed}
    return Rates(
        [date(2024, 1, 1)],
        np.full((people, 1), kept["hazard"]),
        np.full((people, 1), kept["rate"]),
        np.full(people, kept["shape"]),
        np.full(people, kept["known"]),
        np.tile([100.0, 1.0], (people, 1)),
    )


def test_who_buys_at_random_and_never_leaves_stays_away_as_a_poisson_process_does() -> None:
    silence = np.array([3, 55])
    found = read(rates(2, hazard=0.0, shape=1.0), AS_OF, silence, HORIZON)
    days = [AS_OF + timedelta(days=ahead) for ahead in range(1, HORIZON + 1)]
    expected = np.exp(-RATE * KNOWN_SHARE * sum(map(demand, days)))
    assert found.stays_away == pytest.approx([expected, expected], rel=1e-3)
    assert found.spend == pytest.approx([100.0, 100.0])


def test_the_longer_a_silence_the_likelier_it_lasts_and_the_less_is_spent() -> None:
    found = read(rates(4), AS_OF, np.array([1, 30, 60, 300]), HORIZON)
    assert (np.diff(found.stays_away) > 0.03).all()
    assert (np.diff(found.spend) < 0).all()
    assert found.stays_away[-1] > 0.99


def test_what_is_read_is_what_comes_of_lives_lived_by_the_planted_rules() -> None:
    rng = np.random.default_rng(7)
    lasts = rng.integers(*assumptions.FADING_DAYS, LIVES)
    decided = rng.geometric(HAZARD, LIVES)
    remaining = rng.gamma(SHAPE, 1 / SHAPE, LIVES)
    start, end = assumptions.FADING_PACE
    bought = np.zeros((DAYS, LIVES), dtype=bool)
    for day in range(DAYS):
        age = day - decided
        fading = np.where(age < lasts, start + (end - start) * age / lasts, 0.0)
        ahead = day - (DAYS - 1 - HORIZON)
        remaining -= RATE * demand(AS_OF + timedelta(days=ahead)) * np.where(age < 0, 1.0, fading)
        due = np.asarray(remaining <= 0)
        remaining[due] = rng.gamma(SHAPE, 1 / SHAPE, due.sum())
        bought[day] = due & (rng.random(LIVES) < KNOWN_SHARE)
    today = DAYS - 1 - HORIZON
    silence = np.argmax(bought[today::-1], axis=0)
    is_away = np.asarray(~bought[today + 1 :].any(axis=0))
    for least, most in ((1, 10), (20, 40), (50, 60)):
        chosen = bought[: today + 1].any(axis=0) & (silence >= least) & (silence <= most)
        found = read(rates(int(chosen.sum())), AS_OF, silence[chosen], HORIZON).stays_away
        error = np.sqrt(found.mean() * (1 - found.mean()) / chosen.sum())
        assert np.mean(is_away[chosen]) == pytest.approx(found.mean(), abs=0.004 + 3 * error)
