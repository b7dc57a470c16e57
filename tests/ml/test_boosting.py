from typing import Any

import numpy as np
import xgboost

from ml.boosting import LOOK_EVERY_ROUNDS, PARAMETERS, PATIENCE_ROUNDS, Slice, grow, search


def rows(seed: int, count: int = 600) -> Slice:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, 4)).astype(np.float32)
    odds = 2.0 * matrix[:, 0] * (matrix[:, 1] > 0)
    return Slice(matrix, (rng.uniform(size=count) < 1 / (1 + np.exp(-odds))).astype(np.float64))


def test_the_search_tries_the_usual_settings_first_and_keeps_the_least_loss() -> None:
    alone = search(rows(1), rows(2), PARAMETERS, trials=1, seed=5)
    found = search(rows(1), rows(2), PARAMETERS, trials=4, seed=5)
    assert len(found) == 4
    assert [trial.settings for trial in alone] == [{}]
    assert alone[0] in found
    assert [trial.loss for trial in found] == sorted(trial.loss for trial in found)


def test_the_same_seed_searches_and_grows_the_same_to_the_byte() -> None:
    twice = [search(rows(1), rows(2), PARAMETERS, trials=3, seed=5) for _ in range(2)]
    assert twice[0] == twice[1]
    grown = [grow(rows(1), PARAMETERS, trials[0], 5).save_raw("ubj") for trials in twice]
    assert grown[0] == grown[1]


def test_another_seed_tries_other_settings() -> None:
    one, other = (search(rows(1), rows(2), PARAMETERS, trials=3, seed=seed) for seed in (5, 6))
    assert [trial.settings for trial in one] != [trial.settings for trial in other]


def test_it_stops_at_the_look_that_foretold_the_later_rows_best() -> None:
    fit, later = rows(1), rows(2)
    (trial,) = search(fit, later, PARAMETERS, trials=1, seed=5)
    seen: dict[str, dict[str, Any]] = {}
    xgboost.train(
        {**PARAMETERS, "seed": 5},
        xgboost.QuantileDMatrix(fit.matrix, fit.outcome, nthread=1),
        num_boost_round=trial.rounds + PATIENCE_ROUNDS,
        evals=[(xgboost.DMatrix(later.matrix, later.outcome), "later")],
        evals_result=seen,
        verbose_eval=False,
    )
    looks = seen["later"]["logloss"][LOOK_EVERY_ROUNDS - 1 :: LOOK_EVERY_ROUNDS]
    assert trial.rounds == LOOK_EVERY_ROUNDS * (int(np.argmin(looks)) + 1) > LOOK_EVERY_ROUNDS
    assert abs(trial.loss - min(looks)) < 2e-6
