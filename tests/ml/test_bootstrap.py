import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ml import bootstrap

RNG = np.random.default_rng(2)
SCORE = RNG.integers(0, 20, 500) / 20  # with ties
HAPPENED = RNG.uniform(size=500) < SCORE
WEIGHTS = RNG.integers(0, 4, 500).astype(np.float64)


def test_measures_of_resampled_rows_are_those_of_the_rows_repeated() -> None:
    rows = np.repeat(np.arange(500), WEIGHTS.astype(int))
    assert bootstrap.roc_auc(SCORE, HAPPENED)(WEIGHTS) == pytest.approx(
        roc_auc_score(HAPPENED[rows], SCORE[rows])
    )
    assert bootstrap.average_precision(SCORE, HAPPENED)(WEIGHTS) == pytest.approx(
        average_precision_score(HAPPENED[rows], SCORE[rows])
    )


def test_gini_is_one_for_the_perfect_order_and_nothing_for_a_constant() -> None:
    spend, everyone = RNG.gamma(1, 50, 500), np.ones(500)
    assert bootstrap.gini(spend, spend)(everyone) == pytest.approx(1)
    assert bootstrap.gini(-spend, spend)(everyone) == pytest.approx(-1)
    assert bootstrap.gini(np.zeros(500), spend)(everyone) == pytest.approx(0)


def test_rank_correlation_knows_no_units() -> None:
    spend, everyone = RNG.gamma(1, 50, 500), np.ones(500)
    assert bootstrap.rank_correlation(np.log(spend), spend)(everyone) == pytest.approx(1)
    assert bootstrap.rank_correlation(np.zeros(500), spend)(everyone) == 0


def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = RNG.normal(3, 1, 2000)
    found = bootstrap.interval(bootstrap.mean_of(values), 2000, seed=1)
    assert found.value == pytest.approx(values.mean(), abs=1e-5)
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(2000), rel=0.15)


def test_what_is_hard_for_both_is_no_doubt_about_the_difference() -> None:
    luck = RNG.normal(0, 10, 400)
    found = bootstrap.differences(
        {"loss": bootstrap.mean_of(luck)}, {"rival": {"loss": bootstrap.mean_of(luck + 1)}}, 400,
        seed=1,
    )["rival"]["loss"]  # fmt: skip
    assert (found.value, found.low, found.high) == (-1, -1, -1)


def test_rows_of_one_person_are_one_piece_of_evidence() -> None:
    persons = np.repeat(np.arange(300), 4)
    values = np.random.default_rng(9).normal(0, 1, 300)[persons]

    def width(clusters: np.ndarray | None) -> float:
        found = bootstrap.differences(
            {"mean": bootstrap.mean_of(values)}, {"zero": {"mean": lambda _: 0.0}}, 1200,
            seed=1, clusters=clusters,
        )["zero"]["mean"]  # fmt: skip
        return found.high - found.low

    assert width(persons) == pytest.approx(2 * 1.96 / np.sqrt(300), rel=0.15)
    assert width(None) == pytest.approx(2 * 1.96 / np.sqrt(1200), rel=0.15)
