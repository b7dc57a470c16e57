"""Settings of the churn score: the probability that a live customer buys nothing in the horizon."""

import numpy as np

from ml.arrays import Columns, FloatArray
from ml.models import ModelSpec
from ml.rules import Rule
from ml.vocabulary import BEHAVIOUR, RHYTHM


def _silence(row: Columns) -> FloatArray:
    return row["recency_over_gap"]


def _guess(row: Columns, horizon_days: int) -> FloatArray:
    """Returns r / (1 + r), r being the silence in usual gaps: one gap long means one in two.

    Where no rhythm is known, r is the silence in horizons.
    """
    silence: FloatArray = np.where(
        np.isnan(row["recency_over_gap"]),
        row["recency_days"] / horizon_days,
        row["recency_over_gap"],
    )
    return silence / (1 + silence)


CHURN = ModelSpec(
    name="churn",
    population="live",
    event_is_purchase=False,
    groups=BEHAVIOUR,
    rule=Rule(
        name="days since the last purchase over the customer's usual gap",
        inputs=("recency_days", "recency_over_gap"),
        measure=_silence,
        guess=_guess,
        reasons=(RHYTHM.name,),
    ),
)
