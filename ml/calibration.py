"""Turns a model's margin (log odds) into a probability that can be taken at its word."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: probability = 1 / (1 + exp(-(slope * margin + intercept))).

    Two numbers, so a small slice is enough to fit them, and the model's order is kept.
    """

    slope: float
    intercept: float

    def probability(self, margin: FloatArray) -> FloatArray:
        """Returns the calibrated probability of each margin."""
        return 1 / (1 + np.exp(-(self.slope * margin + self.intercept)))


def fit(margin: FloatArray, happened: BoolArray) -> Calibration:
    """Returns the scaling that fits rows the model did not learn from; needs both classes."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf).fit(margin.reshape(-1, 1), happened)
    return Calibration(
        slope=round(float(model.coef_[0, 0]), 9), intercept=round(float(model.intercept_[0]), 9)
    )
