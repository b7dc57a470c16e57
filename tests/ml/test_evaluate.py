import numpy as np
import pytest

from ml import calibration
from ml.evaluate import calibration_errors, measure


def test_promises_that_are_kept_have_no_calibration_error() -> None:
    probability = np.repeat([0.25, 0.75], 400)
    happened = np.concatenate([np.arange(400) % 4 == 0, np.arange(400) % 4 != 0])
    assert calibration_errors(probability, happened) == pytest.approx((0, 0))
    plain, beyond_chance = calibration_errors(np.full(800, 0.9), happened)
    assert plain == pytest.approx(0.4)
    assert beyond_chance == pytest.approx(0.4, abs=0.01)


def test_perfect_probabilities_of_few_rows_are_not_blamed_for_chance() -> None:
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(50):
        probability = rng.uniform(size=400)
        errors.append(calibration_errors(probability, rng.uniform(size=400) < probability))
    plain, beyond_chance = np.mean(errors, axis=0)
    assert plain > 0.045
    assert beyond_chance < 0.025


def test_a_certain_probability_is_in_the_last_bin() -> None:
    assert calibration_errors(np.array([1.0, 1.0]), np.array([True, True])) == (0, 0)


def test_a_perfect_order_has_full_marks() -> None:
    found = measure(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    assert (found["average_precision"], found["roc_auc"]) == (1.0, 1.0)
    assert found["log_loss"] == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2, abs=1e-6)


def test_calibration_recovers_a_known_distortion() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=50_000)
    happened = rng.uniform(size=50_000) < 1 / (1 + np.exp(-truth))
    scaling = calibration.fit(truth * 2 - 1, happened)
    assert scaling.slope == pytest.approx(0.5, abs=0.02)
    assert scaling.intercept == pytest.approx(0.5, abs=0.05)
