"""Refuses to learn from rows that are not what they seem: leaked, constant or unknown.

One feature that tells the outcome apart by itself is no feature but the outcome in other words. A
feature that is the same for all, or known of nobody, does no harm as long as others are left: which
ones those are is kept with the training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.arrays import BoolArray, FloatArray
from ml.features import LabelledRows
from warehouse.errors import UnsoundData

# Of honest features the best ones reach about 0.9 on the published purchases.
MAX_ROC_AUC = 0.99


@dataclass(frozen=True)
class Soundness:
    """Features that can teach nothing.

    Attributes:
        unknown: known of no row.
        constant: the same in every row that it is known of, and known of all.
    """

    unknown: tuple[str, ...]
    constant: tuple[str, ...]


def require_sound(rows: LabelledRows, features: Sequence[str], needed: Sequence[str]) -> Soundness:
    """Returns which features can teach nothing; both outcomes must be among the rows.

    Raises:
        UnsoundData: a feature gives the outcome away, none can teach anything, or something that
            is `needed` of everybody is unknown of somebody.
    """
    for name in needed:
        missing = int(np.isnan(rows.columns[name]).sum())
        if missing:
            raise UnsoundData(
                f"{missing} rows of features.ftr_customers to learn from have no {name}.",
                "Everybody in the population has one: look at the model ftr_customers.",
            )
    unknown = tuple(name for name in features if np.isnan(rows.columns[name]).all())
    constant = tuple(
        name for name in features if name not in unknown and _is_constant(rows.columns[name])
    )
    if len(unknown) + len(constant) == len(features):
        raise UnsoundData(
            f"None of {len(features)} features tells customers apart: {len(constant)} are the same "
            f"for all, {len(unknown)} are known of nobody.",
            "Look at the rows of features.ftr_customers and at the sources behind them.",
        )
    leaks = [
        f"{name} ({found:.3f})"
        for name in features
        if (found := _separation(rows.columns[name], rows.happened)) > MAX_ROC_AUC
    ]
    if leaks:
        raise UnsoundData(
            f"By itself {', '.join(leaks)} tells the outcome apart (ROC-AUC above {MAX_ROC_AUC}): "
            "it knows what came after the day.",
            "Let the feature end with as_of_date, or leave it out of ml/vocabulary.py.",
        )
    return Soundness(unknown, constant)


def _is_constant(values: FloatArray) -> bool:
    return bool((values == values[0]).all())


def _separation(values: FloatArray, happened: BoolArray) -> float:
    """Returns the ROC-AUC of a feature in the better direction; being unknown counts as a value."""
    from scipy.stats import rankdata

    best = 0.5
    for unknown in (-np.inf, np.inf):
        ranks = rankdata(np.where(np.isnan(values), unknown, values))
        events = int(happened.sum())
        others = len(happened) - events
        area = (ranks[happened].sum() - events * (events + 1) / 2) / (events * others)
        best = max(best, float(area), 1 - float(area))
    return best
