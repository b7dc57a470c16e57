"""How far tonight's features and scores have moved from those of the training: PSI.

The population stability index sums, over bins, (share now - share then) * ln(share now / share
then): the symmetric Kullback-Leibler divergence of the binned values (N. Siddiqi, "Credit risk
scorecards", 2006). The bins are tenths of the values then, and one for unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrays import Columns, FloatArray

BINS = 10
# A bin that is empty on one side would make the index infinite.
_LEAST_SHARE = 1e-4
# So many rows of a batch tell a distribution well enough.
MAX_BATCH_ROWS = 20_000


@dataclass(frozen=True)
class Reference:
    """How one number was spread when a model was trained.

    Attributes:
        edges: between the bins, ascending.
        shares: of each bin, and of the unknown at the end.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, values: FloatArray) -> "Reference":
        """Returns the spread of `values`; unknown is NaN."""
        known = values[~np.isnan(values)]
        cuts = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = tuple(map(float, np.unique(np.quantile(known, cuts)))) if len(known) else ()
        shares = _counts(edges, values) / max(len(values), 1)
        return cls(edges, tuple(round(float(share), 6) for share in shares))

    def counts(self, values: FloatArray) -> FloatArray:
        """Returns how many of `values` fall in each bin."""
        return _counts(self.edges, values)

    def psi(self, counts: FloatArray) -> float:
        """Returns the index of rows counted by `counts` against the reference."""
        now = np.maximum(counts / counts.sum(), _LEAST_SHARE)
        then = np.maximum(np.array(self.shares), _LEAST_SHARE)
        return float(((now - then) * np.log(now / then)).sum())

    def as_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads."""
        return {"edges": list(self.edges), "shares": list(self.shares)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Reference":
        """Returns the reference that `as_json` described."""
        return cls(tuple(document["edges"]), tuple(document["shares"]))


def references(columns: Columns, names: Sequence[str]) -> dict[str, Any]:
    """Returns the spread of each named column, in JSON's own types."""
    return {name: Reference.of(columns[name]).as_json() for name in names}


class Tally:
    """Counts batches of a night against the references of the model that scores it."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        """Begins at nothing counted; a model without references is not watched."""
        self._references = {name: Reference.from_json(text) for name, text in documents.items()}
        self._counts = {
            name: np.zeros(len(reference.shares)) for name, reference in self._references.items()
        }
        self.rows = 0

    def add(self, columns: Columns) -> None:
        """Counts a batch, or evenly chosen rows of a great one."""
        if not self._references:
            return
        for name, reference in self._references.items():
            values = columns[name]
            chosen = values[:: -(-len(values) // MAX_BATCH_ROWS)]
            self._counts[name] += reference.counts(chosen)
        self.rows += len(chosen)

    def psi(self) -> dict[str, float]:
        """Returns the index of each subject; something must have been counted."""
        return {
            name: round(reference.psi(self._counts[name]), 6)
            for name, reference in self._references.items()
        }


def _counts(edges: tuple[float, ...], values: FloatArray) -> FloatArray:
    unknown = np.isnan(values)
    bins = np.searchsorted(np.array(edges), values[~unknown], side="left")
    counts = np.bincount(bins, minlength=len(edges) + 1).astype(np.float64)
    return np.append(counts, float(unknown.sum()))
