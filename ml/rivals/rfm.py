"""Recency, frequency and spend as cells and as terms of a regression."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Columns, FloatArray

_CELL_COLUMNS = ("recency_days", "purchase_day_count", "spend_per_purchase_day")
_CELLS_EACH = 5
# A cell's mean counts as if so many more rows with the mean of all were in it.
_PRIOR_ROWS = 20.0

_TERM_COLUMNS = (*_CELL_COLUMNS, "tenure_days")
# Squares and products of recency, frequency and tenure; not the square of tenure, which runs away
# where all customers are older on the day of the test than on any day before.
_PRODUCTS = ((0, 0), (0, 1), (1, 1), (0, 3), (1, 3))


@dataclass(frozen=True)
class Cells:
    """Means of an outcome in cells of (nearly) equal size per axis, shrunk to the mean of all."""

    edges: tuple[tuple[float, ...], ...]
    cell_means: tuple[float, ...]

    @classmethod
    def fit(cls, columns: Columns, outcome: FloatArray) -> "Cells":
        """Returns the mean outcome of each cell."""
        shares = np.linspace(0, 1, _CELLS_EACH + 1)[1:-1]
        edges = tuple(
            tuple(float(edge) for edge in np.unique(np.quantile(columns[name], shares)))
            for name in _CELL_COLUMNS
        )
        members = _members(columns, edges)
        size = _CELLS_EACH ** len(_CELL_COLUMNS)
        rows = np.bincount(members, minlength=size)
        sums = np.bincount(members, weights=outcome, minlength=size)
        means = (sums + _PRIOR_ROWS * outcome.mean()) / (rows + _PRIOR_ROWS)
        return cls(edges, tuple(float(mean) for mean in means))

    def means(self, columns: Columns) -> FloatArray:
        """Returns the mean of each customer's cell."""
        means: FloatArray = np.array(self.cell_means)[_members(columns, self.edges)]
        return means


@dataclass(frozen=True)
class Polynomial:
    """Logs of recency, frequency, spend and tenure, standardised, with some products."""

    centres: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def fit(cls, columns: Columns) -> "Polynomial":
        """Returns the standardisation of `columns`."""
        logs = _logs(columns)
        scales = np.where(logs.std(axis=0) > 0, logs.std(axis=0), 1.0)
        return cls(tuple(map(float, logs.mean(axis=0))), tuple(map(float, scales)))

    def terms(self, columns: Columns) -> FloatArray:
        """Returns rows x terms."""
        values = (_logs(columns) - np.array(self.centres)) / np.array(self.scales)
        products = [values[:, left] * values[:, right] for left, right in _PRODUCTS]
        return np.column_stack([values, *products])


def _members(columns: Columns, edges: tuple[tuple[float, ...], ...]) -> NDArray[np.int64]:
    member = np.zeros(len(columns[_CELL_COLUMNS[0]]), dtype=np.int64)
    for name, cuts in zip(_CELL_COLUMNS, edges, strict=True):
        member = member * _CELLS_EACH + np.searchsorted(np.array(cuts), columns[name], side="left")
    return member


def _logs(columns: Columns) -> FloatArray:
    # Who gave back more than was bought stands at zero.
    return np.column_stack([np.log1p(np.maximum(columns[name], 0.0)) for name in _TERM_COLUMNS])
