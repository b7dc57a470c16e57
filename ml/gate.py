"""The gate: a candidate ships only if it beats every rival on rows that none has learned from.

Beating means that the paired bootstrap interval of the difference lies on the right side of zero.
Falling behind the champion means that it lies on the wrong side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import bootstrap, evaluate
from ml.arrays import BoolArray, FloatArray
from ml.bootstrap import Interval, Measure

CHAMPION = "the champion"

# The sign of a gain: of what is lost, less is better.
PROBABILITY_SIGNS = {"roc_auc": 1, "average_precision": 1, "log_loss": -1}
VALUE_SIGNS = {"mean_absolute_error": -1, "rank_correlation": 1, "gini": 1}
_PROBABILITY_ASKED = ("log_loss", "average_precision")
_VALUE_ASKED = ("mean_absolute_error", "rank_correlation")


@dataclass(frozen=True)
class Judgement:
    """What the gate found.

    Attributes:
        candidate: its measures.
        rivals: the measures of each rival by name, and of the champion if there is one.
        differences: candidate minus rival, by rival and measure.
        best_rival: the rival to beat: of the least log loss, or the least mean absolute error.
        failings: why the best rival ships instead of the candidate; empty means that it does not.
        behind: why the champion stays although the candidate beats the rivals.
    """

    candidate: dict[str, float]
    rivals: dict[str, dict[str, float]]
    differences: dict[str, dict[str, Interval]]
    best_rival: str
    failings: tuple[str, ...]
    behind: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """What ships and why, in a sentence."""
        if self.behind and not self.failings:
            return f"The champion stays, the model falls behind it: {'; '.join(self.behind)}."
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
            "behind": list(self.behind),
            "verdict": self.verdict,
        }

    def without_champion(self) -> "Judgement":
        """Returns what was found of candidate and rivals: the same whatever is in force."""
        return replace(
            self,
            rivals={name: found for name, found in self.rivals.items() if name != CHAMPION},
            differences={name: gap for name, gap in self.differences.items() if name != CHAMPION},
            behind=(),
        )


def judge_probability(
    candidate: FloatArray,
    rivals: Mapping[str, FloatArray],
    happened: BoolArray,
    *,
    max_calibration_error: float,
    seed: int,
    champion: FloatArray | None = None,
    persons: NDArray[np.int64] | None = None,
) -> Judgement:
    """Returns whether a candidate's probabilities may ship.

    Log loss and average precision must beat every rival's and not fall behind the champion's, and
    the calibration error beyond chance (`evaluate.calibration_errors`) must be within the limit.

    Args:
        candidate: its probabilities of rows that neither it nor the others learned from.
        rivals: each rival's probabilities of the same rows.
        happened: what came of them; both outcomes must be among the rows.
        max_calibration_error: what is allowed.
        seed: of the bootstrap.
        champion: the probabilities of the model in force, if there is one.
        persons: each row's person, numbered from 0, where persons have several rows.
    """

    def measures(probability: FloatArray) -> dict[str, Measure]:
        return {
            "roc_auc": bootstrap.roc_auc(probability, happened),
            "average_precision": bootstrap.average_precision(probability, happened),
            "log_loss": bootstrap.mean_of(evaluate.log_losses(probability, happened)),
        }

    own = evaluate.measure(candidate, happened)
    others = dict(rivals) if champion is None else {**rivals, CHAMPION: champion}
    of_others = {name: evaluate.measure(values, happened) for name, values in others.items()}
    found = bootstrap.differences(
        measures(candidate),
        {name: measures(values) for name, values in others.items()},
        len(happened),
        seed=seed,
        clusters=persons,
    )
    of_champion = found.get(CHAMPION)
    failings = _not_beaten(
        {name: found[name] for name in rivals}, _PROBABILITY_ASKED, PROBABILITY_SIGNS
    )
    off = own["calibration_error_beyond_chance"]
    if off > max_calibration_error:
        failings.append(
            f"calibration error beyond chance {off:.4f}, {max_calibration_error} is allowed"
        )
    best = min(rivals, key=lambda name: of_others[name]["log_loss"])
    behind = _behind(of_champion, _PROBABILITY_ASKED, PROBABILITY_SIGNS) if of_champion else []
    return Judgement(own, of_others, found, best, tuple(failings), tuple(behind))


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
                failings.append(_say(name, rival, gap))
    return failings


def _behind(
    found: Mapping[str, Interval], asked: tuple[str, ...], signs: Mapping[str, int]
) -> list[str]:
    return [
        _say(name, CHAMPION, found[name])
        for name in asked
        if (found[name].high < 0 if signs[name] > 0 else found[name].low > 0)
    ]


def _say(measure: str, rival: str, gap: Interval) -> str:
    return (
        f"{measure.replace('_', ' ')} against {rival} {gap.value:+.4f} "
        f"({gap.low:+.4f} to {gap.high:+.4f})"
    )
