import json
from datetime import date

import numpy as np
import pytest

from ml import bootstrap, evaluate
from ml.purchase_log.snapshots import Snapshot, snapshot
from ml.rivals import catalogue
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import INPUTS, Lesson
from ml.rivals.probability import ChurnFactor
from tests.ml.rivals.simulate import simulated_log
from warehouse.errors import ModelError

HORIZON = 60


@pytest.fixture(scope="module")
def rows() -> Snapshot:
    return snapshot(simulated_log(6000, 400, seed=11), date(2020, 11, 1), HORIZON)


@pytest.fixture(scope="module")
def lesson(rows: Snapshot) -> Lesson:
    inputs = {name: rows.columns[name] for name in INPUTS}
    return Lesson(inputs, rows.bought, rows.spend, HORIZON, BuyTillYouDie.fit(inputs))


def test_every_rival_foretells_better_than_nothing_from_the_four_inputs(lesson: Lesson) -> None:
    nothing = evaluate.log_losses(
        np.full(len(lesson.outcome), lesson.outcome.mean()), lesson.outcome
    ).mean()
    for rival in catalogue.fit_probability_rivals(lesson).values():
        probability = rival.probability(lesson.columns)
        assert ((probability > 0) & (probability < 1)).all(), rival.name
        assert evaluate.log_losses(probability, lesson.outcome).mean() < nothing, rival.name
    everyone = np.ones(len(lesson.spend))
    for value in catalogue.fit_value_rivals(lesson).values():
        expected = value.spend(lesson.columns)
        assert (expected >= 0).all(), value.name
        assert bootstrap.rank_correlation(expected, lesson.spend)(everyone) > 0.3, value.name


def test_every_rival_survives_json_to_the_last_bit(lesson: Lesson) -> None:
    for rival in catalogue.fit_probability_rivals(lesson).values():
        revived = catalogue.probability_rival(json.loads(json.dumps(catalogue.as_json(rival))))
        assert np.array_equal(
            revived.probability(lesson.columns), rival.probability(lesson.columns)
        )
    for value in catalogue.fit_value_rivals(lesson).values():
        kept = catalogue.value_rival(json.loads(json.dumps(catalogue.as_json(value))))
        assert np.array_equal(kept.spend(lesson.columns), value.spend(lesson.columns))


def test_an_unknown_rival_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError, match="rfm_cells"):
        catalogue.probability_rival({"name": "tarot"})


def test_bg_nbd_is_calibrated_on_customers_who_live_by_it(rows: Snapshot, lesson: Lesson) -> None:
    raw = lesson.process.purchase_probability(rows.columns, HORIZON)
    assert evaluate.calibration_errors(raw, rows.bought)[0] < 0.03


def test_the_churn_factor_learns_to_hold_silence_against_the_own_rhythm() -> None:
    rng = np.random.default_rng(5)
    gap = rng.choice([5.0, 50.0], 4000)
    recency = gap * rng.uniform(0, 4, 4000)
    bought = rng.uniform(size=4000) < np.exp(-recency / gap)
    columns = {
        "recency_days": recency,
        "tenure_days": recency + 20 * gap,
        "purchase_day_count": np.full(4000, 21.0),
        "spend_per_purchase_day": np.full(4000, 9.0),
    }
    process = BuyTillYouDie.fit(columns)
    rival = ChurnFactor.fit(Lesson(columns, bought, np.zeros(4000), HORIZON, process))
    asked = {name: values[:2].copy() for name, values in columns.items()}
    asked["recency_days"] = np.array([20.0, 20.0])
    asked["tenure_days"] = 20 + 20 * np.array([5.0, 50.0])
    often, seldom = rival.probability(asked)
    assert often < 0.1
    assert seldom > 0.5
