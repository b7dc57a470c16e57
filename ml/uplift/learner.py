"""The uplift learner: the effect of a treatment on each person, from a randomised treatment.

A doubly robust learner (E. H. Kennedy, "Towards optimal doubly robust estimation of heterogeneous
causal effects", 2023): outcome models of both arms, fitted on other folds, turn each person into an
unbiased though noisy effect; the noisy effects are then learned from the features, by small trees
and by ridge regression. Both are weighted by what they foretell of folds that they have not seen
(the best linear predictor of V. Chernozhukov, M. Demirer, E. Duflo and I. Fernandez-Val, "Generic
machine learning inference on heterogeneous treatment effects", 2018): what foretells nothing has
weight zero, and everybody gets the average effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import BoolArray, Columns, FloatArray
from ml.uplift.parts import Ridge, Trees, standard

FOLDS = 5
MAX_ROUNDS = 300
# A one-sided 1 %: the weights were chosen to make this large, so 5 % would be claimed too often.
MIN_SIGNAL = 2.33
LEAF_SHARE = 0.005
_RIDGE_SHARE = 0.02  # penalty over the number of rows
_DIGITS = 10  # of a stored number: what the last bits of a sum come to depends on the machine


@dataclass(frozen=True)
class UpliftModel:
    """Effects of a treatment.

    Attributes:
        features: the names of the inputs.
        average_effect: of everybody learned from.
        signal: the t statistic of the effects found in folds that they were not learned from.
        weights: of the trees and of the ridge regression.
        centres: the mean of each over the rows learned from.
    """

    features: tuple[str, ...]
    average_effect: float
    signal: float
    weights: tuple[float, float]
    trees: Trees
    ridge: Ridge
    centres: tuple[float, float]

    @property
    def claims(self) -> bool:
        """Whether effects differ between people beyond chance; else nobody is better to treat."""
        return self.signal >= MIN_SIGNAL

    def effect(self, features: Columns) -> FloatArray:
        """Returns the expected change of the outcome by the treatment, for each row.

        Raises:
            KeyError: a feature is missing.
        """
        inputs = matrix(features, self.features)
        found = np.full(len(inputs), self.average_effect)
        parts = (self.trees.predict, self.ridge.predict)
        for weight, predict, centre in zip(self.weights, parts, self.centres, strict=True):
            if weight > 0:
                found += weight * (predict(inputs) - centre)
        return found

    def as_json(self) -> dict[str, Any]:
        """Returns everything but the trees, in plain types."""
        return {
            "features": list(self.features),
            "average_effect": self.average_effect,
            "signal": self.signal,
            "weights": list(self.weights),
            "centres": list(self.centres),
            "ridge": self.ridge.as_json(),
        }

    def trees_bytes(self) -> bytes:
        """Returns the trees as XGBoost writes them."""
        return bytes(self.trees.booster.save_raw("ubj"))

    @classmethod
    def from_stored(cls, document: Mapping[str, Any], trees: bytes) -> "UpliftModel":
        """Returns the model that `as_json` and `trees_bytes` described."""
        import xgboost

        return cls(
            features=tuple(document["features"]),
            average_effect=float(document["average_effect"]),
            signal=float(document["signal"]),
            weights=(float(document["weights"][0]), float(document["weights"][1])),
            trees=Trees(xgboost.Booster(model_file=bytearray(trees))),
            ridge=Ridge.from_json(document["ridge"]),
            centres=(float(document["centres"][0]), float(document["centres"][1])),
        )


def fit(
    features: Columns,
    treated: BoolArray,
    outcome: FloatArray,
    seed: int,
    *,
    share: FloatArray | None = None,
    persons: NDArray[np.int64] | None = None,
    rising: Sequence[str] = (),
    falling: Sequence[str] = (),
    leaf_share: float = LEAF_SHARE,
) -> UpliftModel:
    """Returns the effects learned from people of whom a random part was treated.

    Args:
        features: known before the treatment; unknown is NaN.
        treated: who was; both arms must hold at least `FOLDS` people.
        outcome: what came of each, a number or 0 and 1.
        seed: of the folds and the trees.
        share: the share treated in the experiment that a row belongs to; by default all rows
            are of one experiment.
        persons: each row's person, numbered from 0, where persons have several rows; no person is
            in two folds.
        rising: features with which the effect can only rise; the trees keep to it.
        falling: features with which it can only fall.
        leaf_share: the least share of the rows that the trees of the effect may set apart.
    """
    from scipy.optimize import nnls

    names = tuple(features)
    inputs = matrix(features, names)
    shares = np.full(len(outcome), treated.mean()) if share is None else share
    people = np.arange(len(outcome)) if persons is None else persons
    folds = _folds(treated, people, seed)
    noisy = _noisy_effects(inputs, treated, outcome, shares, folds, seed)
    small = {
        **_parameters(len(noisy), 2, seed, leaf_share),
        "monotone_constraints": tuple(int(name in rising) - int(name in falling) for name in names),
    }
    rounds, by_trees = _trees_unseen(inputs, noisy, folds, small)
    by_ridge = np.empty(len(noisy))
    for fold in range(FOLDS):
        unseen = folds == fold
        by_ridge[unseen] = _fit_ridge(inputs[~unseen], noisy[~unseen]).predict(inputs[unseen])
    average = float(noisy.mean())
    unseen_parts = np.column_stack([by_trees - by_trees.mean(), by_ridge - by_ridge.mean()])
    found, _ = nnls(unseen_parts, noisy - average)
    weights = found / max(1.0, float(found.sum()))  # effects are drawn in, never blown up
    trees, ridge = _fit_trees(inputs, noisy, rounds, small), _fit_ridge(inputs, noisy)
    return UpliftModel(
        features=names,
        average_effect=round(average, _DIGITS),
        signal=_signal(unseen_parts @ weights, noisy - average, people),
        weights=(round(float(weights[0]), _DIGITS), round(float(weights[1]), _DIGITS)),
        trees=trees,
        ridge=ridge,
        centres=(
            round(float(trees.predict(inputs).mean()), _DIGITS),
            round(float(ridge.predict(inputs).mean()), _DIGITS),
        ),
    )


def matrix(features: Columns, names: Sequence[str]) -> NDArray[np.float32]:
    """Returns rows x features, as the learner takes them."""
    return np.column_stack([features[name] for name in names]).astype(np.float32)


def _folds(treated: BoolArray, persons: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Returns each row's fold, that of its person; both arms of first rows are spread evenly."""
    rng = np.random.default_rng(seed)
    _, first, person = np.unique(persons, return_index=True, return_inverse=True)
    of_person = np.empty(len(first), dtype=np.int64)
    for arm in (treated[first], ~treated[first]):
        members = rng.permutation(np.flatnonzero(arm))
        of_person[members] = np.arange(len(members)) % FOLDS
    folds: NDArray[np.int64] = of_person[person]
    return folds


def _noisy_effects(
    inputs: NDArray[np.float32],
    treated: BoolArray,
    outcome: FloatArray,
    share: FloatArray,
    folds: NDArray[np.int64],
    seed: int,
) -> FloatArray:
    """Returns a number per row whose mean over like people is their effect."""
    expected = np.empty((2, len(outcome)))
    for fold in range(FOLDS):
        unseen = folds == fold
        for arm in (0, 1):
            rows = ~unseen & (treated == bool(arm))
            by_arm = fit_outcome(inputs[rows], outcome[rows], seed)
            expected[arm, unseen] = by_arm.predict(inputs[unseen])
    control, treatment = expected
    surprise = np.where(treated, (outcome - treatment) / share, -(outcome - control) / (1 - share))
    noisy: FloatArray = treatment - control + surprise
    return noisy


def fit_outcome(inputs: NDArray[np.float32], outcome: FloatArray, seed: int) -> Trees:
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
    return Trees(
        xgboost.train(
            parameters,
            xgboost.DMatrix(inputs, outcome),
            num_boost_round=stopped.best_iteration + 1,
        )
    )


def _trees_unseen(
    inputs: NDArray[np.float32],
    noisy: FloatArray,
    folds: NDArray[np.int64],
    parameters: Mapping[str, Any],
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
                dict(parameters),
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
        found[unseen] = Trees(booster[:rounds]).predict(inputs[unseen])
    return rounds, found


def _fit_trees(
    inputs: NDArray[np.float32], noisy: FloatArray, rounds: int, parameters: Mapping[str, Any]
) -> Trees:
    import xgboost

    return Trees(
        xgboost.train(dict(parameters), xgboost.DMatrix(inputs, noisy), num_boost_round=rounds)
    )


def _fit_ridge(inputs: NDArray[np.float32], noisy: FloatArray) -> Ridge:
    known = np.isfinite(inputs)
    counts = np.maximum(known.sum(axis=0), 1)
    centres = np.where(known, inputs, 0).sum(axis=0, dtype=np.float64) / counts
    spread = np.sqrt((np.where(known, inputs - centres, 0) ** 2).sum(axis=0) / counts)
    scales: FloatArray = np.where(spread > 1e-6, spread, 1.0).astype(np.float64)
    terms, average = standard(inputs, centres, scales), float(noisy.mean())
    penalty = _RIDGE_SHARE * len(noisy) * np.eye(terms.shape[1])
    slopes = np.linalg.solve(terms.T @ terms + penalty, terms.T @ (noisy - average))
    return Ridge(
        centres=np.round(centres, _DIGITS),
        scales=np.round(scales, _DIGITS),
        slopes=np.round(slopes, _DIGITS),
        average=round(average, _DIGITS),
    )


def _parameters(rows: int, depth: int, seed: int, leaf_share: float = LEAF_SHARE) -> dict[str, Any]:
    """Returns small, slow trees whose leaves hold at least so large a share of the rows."""
    return {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "max_depth": depth,
        "eta": 0.05,
        "min_child_weight": max(20, int(leaf_share * rows)),
        "subsample": 0.7,
        "colsample_bytree": 0.7,
        "lambda": 10,
        "nthread": 1,
        "seed": seed,
    }


def _signal(foretold: FloatArray, noisy: FloatArray, persons: NDArray[np.int64]) -> float:
    """Returns the t statistic of the slope of noisy on foretold effects; 0 where none differ.

    What is left of a person's rows is added up before it is squared: it may hang together.
    """
    square = float(foretold @ foretold)
    if square <= 1e-12 * max(1.0, float(noisy @ noisy)):
        return 0.0
    slope = float(foretold @ noisy) / square
    left = np.bincount(persons, weights=foretold * (noisy - slope * foretold))
    error = np.sqrt(float(left @ left)) / square
    return round(slope / float(error), 6)
