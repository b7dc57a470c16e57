"""The Qini coefficient: how well an order finds those whom treatment moves.

Source: N. J. Radcliffe, "Using control groups to target on predicted lift", Direct Marketing
Analytics Journal, 2007.
"""

import numpy as np

from ml.arrays import BoolArray, FloatArray
from ml.bootstrap import Measure


def qini(score: FloatArray, treated: BoolArray, outcome: FloatArray) -> Measure:
    """Returns the Qini coefficient as a measure over weighted rows; equal scores share alike.

    The curve at the top share s is the sum of outcomes of the treated among that top over all
    treated, less the same of the control. The coefficient is the area between the curve and the
    straight line to its end, over s from 0 to 1: in units of the outcome per person, not divided by
    a perfect order's. A random order has 0.
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    arm, result = treated[order].astype(np.float64), outcome[order]

    def measure(weights: FloatArray) -> float:
        drawn = weights[order]
        in_treated, in_control = drawn * arm, drawn * (1 - arm)
        if in_treated.sum() == 0 or in_control.sum() == 0:
            return 0.0
        gains = (
            np.cumsum(in_treated * result)[ends] / in_treated.sum()
            - np.cumsum(in_control * result)[ends] / in_control.sum()
        )
        shares = np.cumsum(drawn)[ends] / drawn.sum()
        area = np.trapezoid(np.r_[0.0, gains], np.r_[0.0, shares])
        return float(area - gains[-1] / 2)

    return measure


def average_effect(treated: BoolArray, outcome: FloatArray) -> Measure:
    """Returns mean outcome of the treated less that of the control, as a measure."""
    arm = treated.astype(np.float64)

    def measure(weights: FloatArray) -> float:
        ours, others = weights * arm, weights * (1 - arm)
        if ours.sum() == 0 or others.sum() == 0:
            return 0.0
        return float(ours @ outcome / ours.sum() - others @ outcome / others.sum())

    return measure
