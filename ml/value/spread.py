"""The interval around an expected spend: how far what came lay from what was expected."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray

LEVEL = 0.8
_BINS = 10
_MIN_BIN_ROWS = 50
_TAIL = (1 - LEVEL) / 2
# Of the mean expectation; and in the currency, where all is expected to be nothing.
_LEAST_SHARE, _LEAST = 1e-3, 1e-6


@dataclass(frozen=True)
class Spread:
    """What came as a multiple of what was expected, by bins of the expectation of equal size.

    An interval leaves out a tenth of the rows at either end. Where more than a tenth spent nothing,
    it begins at zero and leaves out what is allowed at the upper end alone. It never leaves out the
    expectation itself, which may lie high where few spend at all.

    Attributes:
        least: what every expectation counts as at least, so that a multiple of it has a meaning.
        edges: between the bins, ascending.
        low: the lower end in each bin, as a multiple of the expectation.
        high: the upper end.
    """

    least: float
    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def fit(cls, expected: FloatArray, came: FloatArray) -> "Spread":
        """Returns the spread of rows that nothing was learned from, at least one.

        Args:
            expected: what each was expected to spend.
            came: what each spent.
        """
        least = max(_LEAST_SHARE * float(expected.mean()), _LEAST)
        base = np.maximum(expected, least)
        count = int(np.clip(len(base) // _MIN_BIN_ROWS, 1, _BINS))
        # Each edge is the greatest value of its bin, so none is empty.
        cuts = np.quantile(base, np.linspace(0, 1, count + 1)[1:-1], method="lower")
        edges = np.unique(cuts[cuts < base.max()])
        bins = np.searchsorted(edges, base, side="left")
        multiples = came / base
        ends = [_ends(multiples[bins == place]) for place in range(len(edges) + 1)]
        return cls(
            least,
            tuple(float(edge) for edge in edges),
            tuple(low for low, _ in ends),
            tuple(high for _, high in ends),
        )

    def interval(self, expected: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns the lower and the upper end of each row's interval."""
        base = np.maximum(expected, self.least)
        bins = np.searchsorted(np.array(self.edges), base, side="left")
        low: FloatArray = np.minimum(base * np.array(self.low)[bins], expected)
        high: FloatArray = base * np.array(self.high)[bins]
        return low, high


def covered(low: FloatArray, high: FloatArray, came: FloatArray) -> float:
    """Returns the share of rows whose spend lies within its interval."""
    return float(((low <= came) & (came <= high)).mean())


def _ends(multiples: FloatArray) -> tuple[float, float]:
    nothing = float((multiples <= 0).mean())
    shares = (0.0, LEVEL) if nothing > _TAIL else (_TAIL, 1 - _TAIL)
    low, high = np.quantile(multiples, shares)
    return min(float(low), 1.0), max(float(high), 1.0)
