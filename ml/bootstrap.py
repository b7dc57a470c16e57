"""How good an order or a number is, and how sure that is: paired bootstrap over rows.

A measure is a function of weights, one per row: how often the row was drawn. All measures of one
resample see the same weights, so what is hard to foresee for both methods does not count as doubt.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.arrays import BoolArray, FloatArray

RESAMPLES = 500
_LOWER, _UPPER = 2.5, 97.5

Measure = Callable[[FloatArray], float]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Returns the three numbers."""
        return {"value": self.value, "low": self.low, "high": self.high}


def differences(
    candidate: Mapping[str, Measure],
    rivals: Mapping[str, Mapping[str, Measure]],
    rows: int,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    clusters: NDArray[np.int64] | None = None,
) -> dict[str, dict[str, Interval]]:
    """Returns candidate minus rival for every rival and measure, by percentile intervals.

    Rows of one person on several days are not so many pieces of evidence: with `clusters`, whole
    clusters are drawn (A. C. Davison and D. V. Hinkley, "Bootstrap methods and their application",
    1997, section 3.8).

    Args:
        candidate: the candidate's measures by name.
        rivals: the same measures of each rival.
        rows: how many rows the measures weigh.
        seed: of the resampling.
        resamples: how often the rows are drawn.
        clusters: each row's cluster, numbered from 0 without gaps; none: each row is its own.
    """
    rng = np.random.default_rng(seed)
    members = np.arange(rows) if clusters is None else clusters
    size = int(members.max()) + 1
    draws: dict[str, dict[str, list[float]]] = {
        rival: {name: [] for name in candidate} for rival in rivals
    }
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(0, size, size), minlength=size).astype(np.float64)
        weights = drawn[members]
        own = {name: measure(weights) for name, measure in candidate.items()}
        for rival, measures in rivals.items():
            for name, measure in measures.items():
                draws[rival][name].append(own[name] - measure(weights))
    everyone = np.ones(rows)
    return {
        rival: {
            name: _interval(candidate[name](everyone) - measure(everyone), draws[rival][name])
            for name, measure in measures.items()
        }
        for rival, measures in rivals.items()
    }


def interval(measure: Measure, rows: int, *, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Returns one measure with its interval."""
    found = differences(
        {"it": measure}, {"nothing": {"it": lambda _: 0.0}}, rows, seed=seed, resamples=resamples
    )
    return found["nothing"]["it"]


def roc_auc(score: FloatArray, happened: BoolArray) -> Measure:
    """Returns the weighted area under the ROC curve as a measure; ties count half."""
    order, ends = _descending(score)
    events = happened[order].astype(np.float64)

    def measure(weights: FloatArray) -> float:
        drawn = weights[order]
        hits = np.cumsum(drawn * events)[ends]
        misses = np.cumsum(drawn * (1 - events))[ends]
        if hits[-1] == 0 or misses[-1] == 0:
            return 0.5
        area = np.trapezoid(np.r_[0.0, hits], np.r_[0.0, misses])
        return float(area / (hits[-1] * misses[-1]))

    return measure


def average_precision(score: FloatArray, happened: BoolArray) -> Measure:
    """Returns the weighted average precision as a measure: precision over steps of recall."""
    order, ends = _descending(score)
    events = happened[order].astype(np.float64)

    def measure(weights: FloatArray) -> float:
        drawn = weights[order]
        hits = np.cumsum(drawn * events)[ends]
        taken = np.cumsum(drawn)[ends]
        if hits[-1] == 0:
            return 0.0
        steps = np.diff(np.r_[0.0, hits])
        precision = np.divide(hits, taken, out=np.zeros(len(hits)), where=taken > 0)
        return float((steps * precision).sum() / hits[-1])

    return measure


def mean_of(values: FloatArray) -> Measure:
    """Returns the weighted mean as a measure: of log losses, of absolute errors."""
    return lambda weights: float(weights @ values / weights.sum())


def rank_correlation(score: FloatArray, truth: FloatArray) -> Measure:
    """Returns Spearman's rank correlation as a measure.

    Ranks are those among all rows, also in a resample; a constant correlates with nothing: 0.
    """
    from scipy.stats import rankdata

    ranks, truths = rankdata(score), rankdata(truth)

    def measure(weights: FloatArray) -> float:
        total = weights.sum()
        left = ranks - weights @ ranks / total
        right = truths - weights @ truths / total
        spread = np.sqrt((weights @ left**2) * (weights @ right**2))
        return float((weights * left) @ right / spread) if spread > 0 else 0.0

    return measure


def gini(score: FloatArray, truth: FloatArray) -> Measure:
    """Returns the Gini of the truth by falling score over that by falling truth, as a measure.

    1 is the perfect order, 0 a random one. Equal scores share alike.
    """
    own, best = _concentration(score, truth), _concentration(truth, truth)

    def measure(weights: FloatArray) -> float:
        perfect = best(weights)
        return own(weights) / perfect if perfect > 0 else 0.0

    return measure


def _concentration(score: FloatArray, truth: FloatArray) -> Measure:
    """Returns the area between the share of the truth gathered by score and the diagonal."""
    order, ends = _descending(score)
    ordered = truth[order]

    def measure(weights: FloatArray) -> float:
        drawn = weights[order]
        rows, sums = np.cumsum(drawn)[ends], np.cumsum(drawn * ordered)[ends]
        if sums[-1] <= 0:
            return 0.0
        area = np.trapezoid(np.r_[0.0, sums] / sums[-1], np.r_[0.0, rows] / rows[-1])
        return float(area - 0.5)

    return measure


def _descending(score: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the rows by falling score, and where each run of equal scores ends."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    return order, np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])


def _interval(value: float, draws: list[float]) -> Interval:
    low, high = np.percentile(draws, [_LOWER, _UPPER])
    return Interval(round(float(value), 6), round(float(low), 6), round(float(high), 6))
