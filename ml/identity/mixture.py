"""Expectation maximisation over the patterns of likeness: one person, one household, strangers.

Fellegi and Sunter's model with independent fields (1969), fitted as in Winkler (1988) and in
Enamorado, Fifield and Imai (2019), with a third class for the people of one household. It is fitted
over all pairs there are: the candidates by their patterns; the rest, which share no key, are
strangers, of whom a random sample is enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray
from ml.identity.comparisons import COMPARISONS, HANDED_ON, Comparison, Weight, Weights

_STEPS = 200
_CONVERGED = 1e-6
# The weights one starts from count like so many pairs: what a source lacks keeps them.
_PRIOR_PAIRS = 20.0
_LEAST = 1e-9
_LEAST_SHARE = 1e-15
_ONE_PERSON, _HOUSEHOLD, _STRANGERS = range(3)


@dataclass(frozen=True)
class Patterns:
    """How alike the candidate pairs are.

    Attributes:
        levels: by field, the place of each pattern's level in `COMPARISONS`; -1 where unknown.
        counts: how many pairs have the pattern.
        all_pairs: how many pairs there are, candidates or not.
        strangers: by field, how many of the pairs that are no candidates fall into each level, as
            a random sample of them says.
        housemates: how many candidates are of one household, where that is known.
    """

    levels: Mapping[str, np.ndarray[tuple[int], np.dtype[np.int64]]]
    counts: FloatArray
    all_pairs: float
    strangers: Mapping[str, FloatArray]
    housemates: float | None = None


def fit(patterns: Patterns, start: Weights, records: int) -> Weights:
    """Returns the weights under which the patterns are likeliest, beginning at `start`.

    Args:
        patterns: of the candidates.
        start: what is believed before; it weighs like a few pairs.
        records: how many there are.
    """
    rates = {field: _table(start, field) for field in start.levels}
    prior = {field: table.copy() for field, table in rates.items()}
    matches = start.matches_per_record * records
    housemates = start.housemates_per_record * records
    shares = _shares(matches, housemates, patterns)
    for _ in range(_STEPS):
        belongs = _responsibilities(patterns, rates, shares)
        weighted = belongs * patterns.counts
        before = {field: table.copy() for field, table in rates.items()}
        for comparison in COMPARISONS:
            _refit(patterns, comparison, weighted, rates, prior, records)
        matches, housemates = weighted[_ONE_PERSON].sum(), weighted[_HOUSEHOLD].sum()
        shares = _shares(matches, housemates, patterns)
        if all(np.abs(rates[field] - before[field]).max() < _CONVERGED for field in rates):
            break
    return Weights(
        levels={
            comparison.field: {
                level.name: _weight(rates[comparison.field][:, place])
                for place, level in enumerate(comparison.levels)
            }
            for comparison in COMPARISONS
        },
        matches_per_record=float(shares[_ONE_PERSON] * patterns.all_pairs / records),
        housemates_per_record=float(shares[_HOUSEHOLD] * patterns.all_pairs / records),
        name_frequencies=start.name_frequencies,
        rare_name=start.rare_name,
    )


def _table(weights: Weights, field: str) -> FloatArray:
    """Returns a row for each class, a column for each level."""
    levels = weights.levels[field].values()
    order = ([level.m for level in levels], [level.h for level in levels])
    return np.array([*order, [level.u for level in levels]], dtype=np.float64)


def _weight(rates: FloatArray) -> Weight:
    m, h, u = (float(rate) for rate in rates)
    return Weight(m=m, h=h, u=u)


def _shares(matches: float, housemates: float, patterns: Patterns) -> FloatArray:
    """Returns the share of each class in all pairs."""
    if patterns.housemates is not None:
        housemates = patterns.housemates
    found = np.clip(np.array([matches, housemates]) / patterns.all_pairs, _LEAST_SHARE, 0.25)
    return np.append(found, 1 - found.sum())


def _responsibilities(
    patterns: Patterns, rates: Mapping[str, FloatArray], shares: FloatArray
) -> FloatArray:
    """Returns for each class the probability that a pair of each pattern belongs to it."""
    likelihood = np.tile(np.log(shares)[:, None], (1, len(patterns.counts)))
    for field, places in patterns.levels.items():
        is_known = places >= 0
        likelihood[:, is_known] += np.log(rates[field])[:, places[is_known]]
    likelihood = np.exp(likelihood - likelihood.max(axis=0))
    belongs: FloatArray = likelihood / likelihood.sum(axis=0)
    return belongs


def _refit(
    patterns: Patterns,
    comparison: Comparison,
    weighted: FloatArray,
    rates: Mapping[str, FloatArray],
    prior: Mapping[str, FloatArray],
    records: int,
) -> None:
    """Moves the rates of one field to what the pairs of each class show."""
    field = comparison.field
    places = patterns.levels[field]
    counts = np.stack(
        [weighted[:, places == place].sum(axis=1) for place in range(len(comparison.levels))],
        axis=1,
    )
    seen = counts[_ONE_PERSON] + _PRIOR_PAIRS * prior[field][_ONE_PERSON]
    rates[field][_ONE_PERSON] = np.maximum(seen / seen.sum(), _LEAST)
    seen = counts[_STRANGERS] + patterns.strangers[field] + prior[field][_STRANGERS]
    strangers = np.maximum(seen / seen.sum(), _LEAST)
    for place, level in enumerate(comparison.levels):
        if level.is_coincidence:
            strangers[place] = HANDED_ON / (2 * patterns.all_pairs / records)
    rates[field][_STRANGERS] = strangers
