"""Rates by one number that anybody can work out by hand, and what scores before any training.

Rates turn an order into a probability: simple rivals are made of them. Before anything was trained,
a plain formula takes their place, which is not calibrated and says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrays import BoolArray, Columns, FloatArray

BINS = 10


@dataclass(frozen=True)
class PlainRule:
    """A formula that needs no training and claims no more than an order.

    Attributes:
        inputs: the features it needs, known of everybody in the population.
        probability: from the features and the horizon in days; not calibrated.
        reasons: the reason groups that the rule rests on, the first named first.
    """

    inputs: tuple[str, ...]
    probability: Callable[[Columns, int], FloatArray]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class FittedRule:
    """Rates of up to ten bins of equal size, joined by straight lines between their middles.

    The lines keep the number's order inside a bin, so a rival is judged at its best.
    """

    centres: tuple[float, ...]
    rates: tuple[float, ...]
    unknown_rate: float

    def probability(self, measured: FloatArray) -> FloatArray:
        """Returns a probability per row; a row whose number is unknown gets the rate of those."""
        if not self.centres:
            return np.full(len(measured), self.unknown_rate)
        lines = np.interp(measured, self.centres, self.rates)
        return np.where(np.isnan(measured), self.unknown_rate, lines)

    def as_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads."""
        return {
            "centres": list(self.centres),
            "rates": list(self.rates),
            "unknown_rate": self.unknown_rate,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "FittedRule":
        """Returns the rule that `as_json` described."""
        return cls(
            tuple(document["centres"]), tuple(document["rates"]), float(document["unknown_rate"])
        )


def fit(measured: FloatArray, happened: BoolArray) -> FittedRule:
    """Returns the rates at which the event happened, by the rule's number.

    A rate is (events + 1) / (rows + 2), so that a small bin never claims certainty. Where no number
    is unknown in training, an unknown one later gets the overall rate.
    """
    known = ~np.isnan(measured)
    values, events = measured[known], happened[known]
    shares = np.linspace(0, 1, BINS + 1)[1:-1]
    edges: FloatArray = np.unique(np.quantile(values, shares)) if len(values) else np.empty(0)
    bins = np.searchsorted(edges, values, side="left")
    members = [bins == index for index in range(len(edges) + 1)]
    filled = [member for member in members if member.any()]
    return FittedRule(
        centres=tuple(float(np.median(values[member])) for member in filled),
        rates=tuple(_rate(events[member]) for member in filled),
        unknown_rate=_rate(happened[~known]) if not known.all() else _rate(happened),
    )


def _rate(events: BoolArray) -> float:
    return round((int(events.sum()) + 1) / (len(events) + 2), 6)
