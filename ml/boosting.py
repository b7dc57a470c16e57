"""Grows XGBoost the same way for every model: settings found on later days, then learned once more.

Settings and the number of rounds are found on days that lie a whole horizon after those fitted on;
then the model learns from all days with them (docs/decisions/0030). One thread, so that the same
data and seed give the same bytes on any number of cores, and because waiting threads cost more than
they bring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import FloatArray

MAX_ROUNDS = 1000
PATIENCE_ROUNDS = 40
# The rows that stop the growing are looked at so often: what a look costs is mostly reading them,
# whether one tree is new or ten (docs/decisions/0050).
LOOK_EVERY_ROUNDS = 10
# Small trees, slowly: a few thousand rows carry no more.
PARAMETERS: dict[str, Any] = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.03,
    "min_child_weight": 10,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "lambda": 5,
    "nthread": 1,
}
# Of spend: many nothings, and amounts whose spread grows with their size.
SPEND_OBJECTIVE: Mapping[str, Any] = {
    "objective": "reg:tweedie",
    "tweedie_variance_power": 1.2,
    "eval_metric": "tweedie-nloglik@1.2",
}
# What the search may try instead.
SPACE: Mapping[str, Sequence[float]] = {
    "max_depth": (2, 3, 4, 5),
    "eta": (0.02, 0.03, 0.05, 0.08),
    "min_child_weight": (5, 10, 20, 50),
    "subsample": (0.6, 0.8, 1.0),
    "colsample_bytree": (0.3, 0.6, 0.9),
    "lambda": (1, 5, 20),
}


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and what came of them on the validation days."""

    settings: Mapping[str, float]
    rounds: int
    loss: float

    def as_json(self) -> dict[str, Any]:
        """Returns settings, rounds and loss."""
        return {"settings": dict(self.settings), "rounds": self.rounds, "loss": self.loss}


@dataclass(frozen=True)
class Slice:
    """Rows to learn from or to stop on: a matrix of rows x inputs, and each row's outcome."""

    matrix: NDArray[np.float32]
    outcome: FloatArray


def search(
    fit: Slice, validation: Slice, parameters: Mapping[str, Any], *, trials: int, seed: int
) -> list[Trial]:
    """Returns the trials, the least loss first; the first one tried is `parameters` as they are.

    Args:
        fit: rows of the days to learn from.
        validation: rows of the days that stop the growing; a horizon later.
        parameters: XGBoost's, with objective and metric.
        trials: how many settings are tried, those of `parameters` among them.
        seed: of the drawing of settings and of XGBoost.
    """
    import xgboost

    # Its bins are found once, not anew for every trial; the trees come out the same.
    known = xgboost.QuantileDMatrix(fit.matrix, fit.outcome, nthread=PARAMETERS["nthread"])
    watched = xgboost.DMatrix(validation.matrix, validation.outcome)
    found = []
    for settings in _settings(trials, seed):
        rounds, loss = _stopped({**parameters, **settings, "seed": seed}, known, watched)
        found.append(Trial(settings, rounds, round(loss, 6)))
    # The sort is stable: among equals the earlier trial is kept.
    return sorted(found, key=lambda trial: trial.loss)


def grow(rows: Slice, parameters: Mapping[str, Any], trial: Trial, seed: int) -> Any:
    """Returns the booster that has learned from `rows` with the settings of a trial."""
    import xgboost

    return xgboost.train(
        {**parameters, **trial.settings, "seed": seed},
        xgboost.DMatrix(rows.matrix, rows.outcome),
        num_boost_round=trial.rounds,
    )


def _stopped(parameters: Mapping[str, Any], known: Any, watched: Any) -> tuple[int, float]:
    """Returns after how many rounds the loss on the watched rows was least, and that loss.

    It grows until no look has found less for `PATIENCE_ROUNDS`, or `MAX_ROUNDS` are grown.
    """
    import xgboost

    booster = xgboost.Booster(dict(parameters), [known, watched])
    rounds, least = 0, np.inf
    for grown in range(1, MAX_ROUNDS + 1):
        booster.update(known, grown - 1)
        if grown % LOOK_EVERY_ROUNDS:
            continue
        # It has kept what the trees of earlier looks say of the rows, and adds the new ones.
        loss = float(booster.eval(watched).rpartition(":")[2])
        if loss < least:
            rounds, least = grown, loss
        elif grown - rounds >= PATIENCE_ROUNDS:
            break
    return rounds, float(least)


def _settings(trials: int, seed: int) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    drawn = [
        {name: values[int(rng.integers(len(values)))] for name, values in SPACE.items()}
        for _ in range(trials - 1)
    ]
    return [{}, *drawn]
