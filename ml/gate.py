"""The gate: a candidate ships only if it beats every rival on rows that none has learned from.

Beating means that the paired bootstrap interval of the difference lies on the right side of zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml import bootstrap, evaluate
from ml.arrays import BoolArray, FloatArray
from ml.bootstrap import Interval, Measure

# The sign of a gain: of what is lost, less is better.
PROBABILITY_SIGNS = {"roc_auc": 1, "average_precision": 1, "log_loss": -1}
VALUE_SIGNS = {"mean_absolute_error": -1, "rank_correlation": 1, "gini": 1}
_PROBABILITY_ASKED = ("log_loss", "average_precision")
_VALUE_ASKED = ("mean_absolute_error", "rank_correlation")


@dataclass(frozen=True)
class Judgement:
    """What the gate found.

    Attributes:
        measures: of the candidate, and of each rival by name.
        differences: candidate minus rival, by rival and measure.
        best_rival: the rival to beat: of the least log loss, or the least mean absolute error.
        failings: why the candidate may not ship; empty means that it may.
    """

    candidate: dict[str, float]
    rivals: dict[str, dict[str, float]]
    differences: dict[str, dict[str, Interval]]
    best_rival: str
    failings: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """What ships and why, in a sentence."""
        if not self.failings:
            return f"The model ships: it beats every rival, the best of them {self.best_rival}."
        return f"The best rival ships ({self.best_rival}), the model does not: " + (
            "; ".join(self.failings) + "."
        )

    def as_json(self) -> dict[str, Any]:
        """Returns everything, in plain types."""
        return {
            "candidate": self.candidate,
            "rivals": self.rivals,
            "differences": {
                rival: {name: interval.as_json() for name, interval in found.items()}
                for rival, found in self.differences.items()
            },
            "best_rival": self.best_rival,
            "failings": list(self.failings),
            "verdict": self.verdict,
        }


def judge_probability(
    candidate: FloatArray,
    rivals: Mapping[str, FloatArray],
    happened: BoolArray,
    *,
    max_calibration_error: float,
    seed: int,
) -> Judgement:
    """Returns whether a candidate's probabilities may ship.

    Log loss and average precision must beat every rival's, and the calibration error beyond chance
    (`evaluate.calibration_errors`) must be within the limit. Both outcomes must be among the rows.
    """

    def measures(probability: FloatArray) -> dict[str, Measure]:
        return {
            "roc_auc": bootstrap.roc_auc(probability, happened),
            "average_precision": bootstrap.average_precision(probability, happened),
            "log_loss": bootstrap.mean_of(evaluate.log_losses(probability, happened)),
        }

    own = evaluate.measure(candidate, happened)
    of_rivals = {name: evaluate.measure(values, happened) for name, values in rivals.items()}
    found = bootstrap.differences(
        measures(candidate),
        {name: measures(values) for name, values in rivals.items()},
        len(happened),
        seed=seed,
    )
    failings = _not_beaten(found, _PROBABILITY_ASKED, PROBABILITY_SIGNS)
    off = own["calibration_error_beyond_chance"]
    if off > max_calibration_error:
        failings.append(
            f"calibration error beyond chance {off:.4f}, {max_calibration_error} is allowed"
        )
    best = min(of_rivals, key=lambda name: of_rivals[name]["log_loss"])
    return Judgement(own, of_rivals, found, best, tuple(failings))


def judge_value(
    candidate: FloatArray, rivals: Mapping[str, FloatArray], spend: FloatArray, *, seed: int
) -> Judgement:
    """Returns whether a candidate's expected spend may ship.

    Mean absolute error and rank correlation must beat every rival's.
    """

    def measures(expected: FloatArray) -> dict[str, Measure]:
        return {
            "mean_absolute_error": bootstrap.mean_of(np.abs(expected - spend)),
            "rank_correlation": bootstrap.rank_correlation(expected, spend),
            "gini": bootstrap.gini(expected, spend),
        }

    everyone = np.ones(len(spend))

    def values(of: Mapping[str, Measure]) -> dict[str, float]:
        return {name: round(measure(everyone), 6) for name, measure in of.items()}

    own, others = measures(candidate), {name: measures(guess) for name, guess in rivals.items()}
    found = bootstrap.differences(own, others, len(spend), seed=seed)
    of_rivals = {name: values(of) for name, of in others.items()}
    best = min(of_rivals, key=lambda name: of_rivals[name]["mean_absolute_error"])
    failings = _not_beaten(found, _VALUE_ASKED, VALUE_SIGNS)
    return Judgement(values(own), of_rivals, found, best, tuple(failings))


def _not_beaten(
    found: Mapping[str, Mapping[str, Interval]], asked: tuple[str, ...], signs: Mapping[str, int]
) -> list[str]:
    failings = []
    for rival, of_rival in found.items():
        for name in asked:
            gap = of_rival[name]
            beaten = gap.low > 0 if signs[name] > 0 else gap.high < 0
            if not beaten:
                failings.append(
                    f"{name.replace('_', ' ')} against {rival} {gap.value:+.4f} "
                    f"({gap.low:+.4f} to {gap.high:+.4f})"
                )
    return failings
