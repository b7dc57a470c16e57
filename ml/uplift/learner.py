"""The uplift learner: the effect of a treatment on each person, from a randomised treatment.

A doubly robust learner (E. H. Kennedy, "Towards optimal doubly robust estimation of heterogeneous
causal effects", 2023): outcome models of both arms, fitted on other folds, turn each person into an
unbiased though noisy effect; the noisy effects are then learned from the features, by small trees
and by ridge regression. Both are weighted by what they foretell of folds that they have not seen
(the best linear predictor of V. Chernozhukov, M. Demirer, E. Duflo and I. Fernandez-Val, "Generic
machine learning inference on heterogeneous treatment effects", 2018): what foretells nothing has
weight zero, and everybody gets the average effect.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import BoolArray, Columns, FloatArray

FOLDS = 5
MAX_ROUNDS = 300
# A one-sided 1 %: the weights were chosen to make this large, so 5 % would be claimed too often.
MIN_SIGNAL = 2.33
_RIDGE_SHARE = 0.02  # penalty over the number of rows

_Predict = Callable[[NDArray[np.float32]], FloatArray]


@dataclass(frozen=True)
class UpliftModel:
    """Effects of a treatment.

    Attributes:
        features: the names of the inputs.
        average_effect: of everybody learned from.
        signal: the t statistic of the effects found in folds that they were not learned from.
        weights: of the trees and of the ridge regression.
    """

    features: tuple[str, ...]
    average_effect: float
    signal: float
    weights: tuple[float, float]
    _parts: tuple[_Predict, _Predict]
    _centres: tuple[float, float]

    @property
    def claims(self) -> bool:
        """Whether effects differ between people beyond chance; else nobody is better to treat."""
        return self.signal >= MIN_SIGNAL

    def effect(self, features: Columns) -> FloatArray:
        """Returns the expected change of the outcome by the treatment, for each row.

        Raises:
            KeyError: a feature is missing.
        """
        inputs = _matrix(features, self.features)
        found = np.full(len(inputs), self.average_effect)
        for weight, part, centre in zip(self.weights, self._parts, self._centres, strict=True):
            if weight > 0:
                found += weight * (part(inputs) - centre)
        return found


def fit(features: Columns, treated: BoolArray, outcome: FloatArray, seed: int) -> UpliftModel:
    """Returns the effects learned from people of whom a random part was treated.

    Args:
        features: known before the treatment; unknown is NaN.
        treated: who was; both arms must hold at least `FOLDS` people.
        outcome: what came of each, a number or 0 and 1.
        seed: of the folds and the trees.
    """
    from scipy.optimize import nnls

    names = tuple(features)
    inputs = _matrix(features, names)
    folds = _folds(treated, seed)
    noisy = _noisy_effects(inputs, treated, outcome, folds, seed)
    rounds, by_trees = _trees_unseen(inputs, noisy, folds, seed)
    by_ridge = np.empty(len(noisy))
    for fold in range(FOLDS):
        unseen = folds == fold
        by_ridge[unseen] = _fit_ridge(inputs[~unseen], noisy[~unseen])(inputs[unseen])
    average = float(noisy.mean())
    unseen_parts = np.column_stack([by_trees - by_trees.mean(), by_ridge - by_ridge.mean()])
    found, _ = nnls(unseen_parts, noisy - average)
    weights = found / max(1.0, float(found.sum()))  # effects are drawn in, never blown up
    parts = (_fit_trees(inputs, noisy, rounds, seed), _fit_ridge(inputs, noisy))
    return UpliftModel(
        features=names,
        average_effect=average,
        signal=_signal(unseen_parts @ weights, noisy - average),
        weights=(float(weights[0]), float(weights[1])),
        _parts=parts,
        _centres=(float(parts[0](inputs).mean()), float(parts[1](inputs).mean())),
    )


def _matrix(features: Columns, names: Sequence[str]) -> NDArray[np.float32]:
    return np.column_stack([features[name] for name in names]).astype(np.float32)


def _folds(treated: BoolArray, seed: int) -> NDArray[np.int64]:
    """Returns each row's fold; both arms are spread evenly."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(treated), dtype=np.int64)
    for arm in (treated, ~treated):
        rows = rng.permutation(np.flatnonzero(arm))
        folds[rows] = np.arange(len(rows)) % FOLDS
    return folds


def _noisy_effects(
    inputs: NDArray[np.float32],
    treated: BoolArray,
    outcome: FloatArray,
    folds: NDArray[np.int64],
    seed: int,
) -> FloatArray:
    """Returns a number per row whose mean over like people is their effect."""
    share = float(treated.mean())
    expected = np.empty((2, len(outcome)))
    for fold in range(FOLDS):
        unseen = folds == fold
        for arm in (0, 1):
            rows = ~unseen & (treated == bool(arm))
            expected[arm, unseen] = fit_outcome(inputs[rows], outcome[rows], seed)(inputs[unseen])
    control, treatment = expected
    surprise = np.where(treated, (outcome - treatment) / share, -(outcome - control) / (1 - share))
    noisy: FloatArray = treatment - control + surprise
    return noisy


def fit_outcome(inputs: NDArray[np.float32], outcome: FloatArray, seed: int) -> _Predict:
    """Returns a model of the outcome, stopped on a fifth of the rows and fitted on all."""
    import xgboost

    later = np.random.default_rng(seed).permutation(len(outcome)) % 5 == 0
    parameters = _parameters(len(outcome), 3, seed)
    stopped = xgboost.train(
        parameters,
        xgboost.DMatrix(inputs[~later], outcome[~later]),
        num_boost_round=MAX_ROUNDS,
        evals=[(xgboost.DMatrix(inputs[later], outcome[later]), "later")],
        early_stopping_rounds=20,
        verbose_eval=False,
    )
    return _predictor(
        xgboost.train(
            parameters,
            xgboost.DMatrix(inputs, outcome),
            num_boost_round=stopped.best_iteration + 1,
        )
    )


def _trees_unseen(
    inputs: NDArray[np.float32], noisy: FloatArray, folds: NDArray[np.int64], seed: int
) -> tuple[int, FloatArray]:
    """Returns the best number of rounds over all folds, and what it foretells of unseen rows."""
    import xgboost

    errors, boosters = np.zeros(MAX_ROUNDS), []
    for fold in range(FOLDS):
        unseen = folds == fold
        watched = xgboost.DMatrix(inputs[unseen], noisy[unseen])
        history: dict[str, dict[str, list[float]]] = {}
        boosters.append(
            xgboost.train(
                _parameters(int((~unseen).sum()), 2, seed),
                xgboost.DMatrix(inputs[~unseen], noisy[~unseen]),
                num_boost_round=MAX_ROUNDS,
                evals=[(watched, "unseen")],
                evals_result=history,
                verbose_eval=False,
            )
        )
        errors += np.square(history["unseen"]["rmse"]) * unseen.sum()
    rounds = int(errors.argmin()) + 1
    found = np.empty(len(noisy))
    for fold, booster in enumerate(boosters):
        unseen = folds == fold
        found[unseen] = _predictor(booster[:rounds])(inputs[unseen])
    return rounds, found


def _fit_trees(inputs: NDArray[np.float32], noisy: FloatArray, rounds: int, seed: int) -> _Predict:
    import xgboost

    return _predictor(
        xgboost.train(
            _parameters(len(noisy), 2, seed), xgboost.DMatrix(inputs, noisy), num_boost_round=rounds
        )
    )


def _fit_ridge(inputs: NDArray[np.float32], noisy: FloatArray) -> _Predict:
    """Returns ridge regression on standardised features; an unknown value counts as the mean."""
    known = np.isfinite(inputs)
    counts = np.maximum(known.sum(axis=0), 1)
    centres = np.where(known, inputs, 0).sum(axis=0, dtype=np.float64) / counts
    spread = np.sqrt((np.where(known, inputs - centres, 0) ** 2).sum(axis=0) / counts)
    scales = np.where(spread > 0, spread, 1.0)

    def standard(values: NDArray[np.float32]) -> FloatArray:
        # Four deviations bound what a single odd value can do.
        return np.clip(np.where(np.isfinite(values), (values - centres) / scales, 0.0), -4, 4)

    terms, average = standard(inputs), float(noisy.mean())
    penalty = _RIDGE_SHARE * len(noisy) * np.eye(terms.shape[1])
    slopes = np.linalg.solve(terms.T @ terms + penalty, terms.T @ (noisy - average))

    def predict(values: NDArray[np.float32]) -> FloatArray:
        found: FloatArray = standard(values) @ slopes + average
        return found

    return predict


def _parameters(rows: int, depth: int, seed: int) -> dict[str, Any]:
    """Returns small, slow trees whose leaves hold at least half a percent of the rows."""
    return {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "max_depth": depth,
        "eta": 0.05,
        "min_child_weight": max(20, rows // 200),
        "subsample": 0.7,
        "colsample_bytree": 0.7,
        "lambda": 10,
        "nthread": 1,
        "seed": seed,
    }


def _predictor(booster: Any) -> _Predict:
    def predict(inputs: NDArray[np.float32]) -> FloatArray:
        found: FloatArray = booster.inplace_predict(inputs).astype(np.float64)
        return found

    return predict


def _signal(foretold: FloatArray, noisy: FloatArray) -> float:
    """Returns the t statistic of the slope of noisy on foretold effects; 0 where none differ."""
    square = float(foretold @ foretold)
    if square <= 1e-12 * max(1.0, float(noisy @ noisy)):
        return 0.0
    slope = float(foretold @ noisy) / square
    residual = noisy - slope * foretold
    error = np.sqrt(float((foretold**2) @ (residual**2))) / square
    return round(slope / float(error), 6)
