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
from ml.boosting import PARAMETERS, SPEND_OBJECTIVE, Slice, grow, search
from ml.purchase_log.snapshots import Snapshot
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import Lesson
from ml.rivals.expectations import PurchaseExpectations, SpendExpectations


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
    return _fit(
        learning,
        PurchaseExpectations.fit,
        lambda rows: rows.bought.astype(np.float64),
        1.0,
        PARAMETERS,
        seed,
    )


def fit_spend(learning: Learning, seed: int) -> Candidate:
    """Returns the model of the spend within the horizon."""
    # More given back than bought counts as nothing spent; amounts are of size one while learning.
    unit = float(np.maximum(learning.all.spend, 0.0).mean())
    return _fit(
        learning,
        SpendExpectations.fit,
        lambda rows: np.maximum(rows.spend, 0.0) / unit,
        unit,
        {**PARAMETERS, **SPEND_OBJECTIVE},
        seed,
    )


def _fit(
    learning: Learning,
    expectations: Callable[[Lesson], PurchaseExpectations | SpendExpectations],
    outcome: Callable[[Snapshot], FloatArray],
    unit: float,
    parameters: dict[str, Any],
    seed: int,
) -> Candidate:
    def part(rows: Snapshot, expected: PurchaseExpectations | SpendExpectations) -> Slice:
        return Slice(_matrix(rows.columns, expected), outcome(rows))

    early = expectations(learning.lesson(learning.fit))
    trial, *_ = search(
        part(learning.fit, early), part(learning.validation, early), parameters, trials=1, seed=seed
    )
    expected = expectations(learning.lesson(learning.all))
    grown = grow(part(learning.all, expected), parameters, trial, seed)

    def predict(columns: Columns) -> FloatArray:
        found: FloatArray = grown.inplace_predict(_matrix(columns, expected)).astype(np.float64)
        return found * unit

    return Candidate(predict, trial.rounds, (*learning.all.columns, *expected.names))


def _matrix(
    columns: Columns, expected: PurchaseExpectations | SpendExpectations
) -> NDArray[np.float32]:
    values = [*columns.values(), *expected.columns(columns).values()]
    return np.column_stack(values).astype(np.float32)
