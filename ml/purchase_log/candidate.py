"""XGBoost on a purchase log: what the rivals expect are inputs beside what was seen.

The rounds are found on a later slice, a whole horizon after what was fitted; then the model learns
once more, on all days, for as many rounds. Log loss and deviance leave it calibrated on what it
learned from; a scaling fitted on one slice would carry that slice's season into the test, and was
no better on two published logs (docs/decisions/0030).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Columns, FloatArray
from ml.purchase_log.snapshots import Snapshot
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import Lesson
from ml.rivals.probability import ChurnFactor, RfmLogistic
from ml.rivals.value import RfmRegression
from ml.train import MAX_ROUNDS, PARAMETERS, PATIENCE_ROUNDS

_SPEND_OBJECTIVE = {
    "objective": "reg:tweedie",
    "tweedie_variance_power": 1.2,
    "eval_metric": "tweedie-nloglik@1.2",
}


@dataclass(frozen=True)
class Learning:
    """The rows to learn from.

    Attributes:
        fit: of the days that the number of rounds is found on.
        validation: of the later days that stop it, a horizon after the last of `fit`.
        all: of every day before the test, those in between too.
        horizon_days: the horizon.
        process: the purchase process of the base.
    """

    fit: Snapshot
    validation: Snapshot
    all: Snapshot
    horizon_days: int
    process: BuyTillYouDie

    def lesson(self, rows: Snapshot) -> Lesson:
        """Returns the rows as rivals learn from them."""
        return Lesson(rows.columns, rows.bought, rows.spend, self.horizon_days, self.process)


@dataclass(frozen=True)
class Candidate:
    """A model with the inputs that it was given.

    Attributes:
        predict: from columns to a probability of a purchase, or to expected spend.
        rounds: the number of trees.
        features: the inputs' names.
    """

    predict: Callable[[Columns], FloatArray]
    rounds: int
    features: tuple[str, ...]


def fit_probability(learning: Learning, seed: int) -> Candidate:
    """Returns the model of the probability of a purchase within the horizon."""

    def rivals(rows: Snapshot) -> Callable[[Columns], Columns]:
        lesson = learning.lesson(rows)
        logistic, factor = RfmLogistic.fit(lesson), ChurnFactor.fit(lesson)
        return lambda columns: {
            "expected_by_rfm_logistic": logistic.probability(columns),
            "expected_by_churn_factor": factor.probability(columns),
        }

    return _fit(learning, rivals, lambda rows: rows.bought.astype(np.float64), 1.0, {}, seed)


def fit_spend(learning: Learning, seed: int) -> Candidate:
    """Returns the model of the spend within the horizon."""

    def rivals(rows: Snapshot) -> Callable[[Columns], Columns]:
        regression = RfmRegression.fit(learning.lesson(rows))
        return lambda columns: {"expected_by_rfm_regression": regression.spend(columns)}

    # More given back than bought counts as nothing spent; amounts are of size one while learning.
    unit = float(np.maximum(learning.all.spend, 0.0).mean())
    return _fit(
        learning,
        rivals,
        lambda rows: np.maximum(rows.spend, 0.0) / unit,
        unit,
        _SPEND_OBJECTIVE,
        seed,
    )


def _fit(
    learning: Learning,
    rivals: Callable[[Snapshot], Callable[[Columns], Columns]],
    outcome: Callable[[Snapshot], FloatArray],
    unit: float,
    objective: dict[str, Any],
    seed: int,
) -> Candidate:
    import xgboost

    parameters = {**PARAMETERS, **objective, "seed": seed}

    def inputs(expected: Callable[[Columns], Columns]) -> Callable[[Columns], Columns]:
        return lambda columns: {
            **columns, **expected(columns), **_process_columns(columns, learning),
        }  # fmt: skip

    def data(rows: Snapshot, complete: Callable[[Columns], Columns]) -> Any:
        return xgboost.DMatrix(_matrix(complete(rows.columns)), outcome(rows))

    early = inputs(rivals(learning.fit))
    stopped = xgboost.train(
        parameters,
        data(learning.fit, early),
        num_boost_round=MAX_ROUNDS,
        evals=[(data(learning.validation, early), "validation")],
        early_stopping_rounds=PATIENCE_ROUNDS,
        verbose_eval=False,
    )
    rounds = stopped.best_iteration + 1
    complete = inputs(rivals(learning.all))
    grown = xgboost.train(parameters, data(learning.all, complete), num_boost_round=rounds)

    def predict(columns: Columns) -> FloatArray:
        found: FloatArray = grown.inplace_predict(_matrix(complete(columns))).astype(np.float64)
        return found * unit

    return Candidate(predict, rounds, tuple(complete(learning.validation.columns)))


def _process_columns(columns: Columns, learning: Learning) -> dict[str, FloatArray]:
    process, days = learning.process, learning.horizon_days
    purchases, amount = process.expected_purchases(columns, days), process.expected_amount(columns)
    return {
        "bg_nbd_alive_probability": process.alive_probability(columns),
        "bg_nbd_purchase_probability": process.purchase_probability(columns, days),
        "bg_nbd_expected_purchases": purchases,
        "gamma_gamma_expected_amount": amount,
        "bg_nbd_gamma_gamma_expected_spend": purchases * amount,
    }


def _matrix(columns: Columns) -> NDArray[np.float32]:
    return np.column_stack(list(columns.values())).astype(np.float32)
