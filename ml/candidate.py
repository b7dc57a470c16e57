"""The candidate: XGBoost on features and on what the rivals expect, before the gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.boosting import PARAMETERS, Slice, Trial, grow, search
from ml.features import LabelledRows
from ml.inputs import ModelInputs
from ml.models import ModelSpec
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import Lesson
from ml.scorers import XGBoostScorer
from ml.snapshots import Split

# A feature that so many of the rows to learn from knew is expected to be known at scoring too.
USUAL_SHARE = 0.95


@dataclass(frozen=True)
class Candidate:
    """A trained model and how it came about; the best trial is the one it was grown with."""

    model: bytes
    inputs: ModelInputs
    reason_groups: tuple[str, ...]
    usually_known: tuple[str, ...]
    trials: Sequence[Trial]
    scorer: XGBoostScorer

    def as_json(self, seed: int) -> dict[str, Any]:
        """Returns what scoring needs to know, beside the trees."""
        best = self.trials[0]
        return {
            "inputs": self.inputs.as_json(),
            "reason_groups": list(self.reason_groups),
            "usually_known": list(self.usually_known),
            "parameters": {**PARAMETERS, **best.settings, "seed": seed, "rounds": best.rounds},
        }


def lesson_of(
    spec: ModelSpec, rows: LabelledRows, process: BuyTillYouDie, horizon_days: int
) -> Lesson:
    """Returns rows as rivals learn from them: by the outcome, whatever the model's event."""
    came = spec.happened(rows.happened)
    return Lesson(rows.columns, came, np.zeros(len(came)), horizon_days, process)


def fit_candidate(
    spec: ModelSpec,
    rows: LabelledRows,
    split: Split,
    process: BuyTillYouDie,
    *,
    horizon_days: int,
    trials: int,
    seed: int,
) -> Candidate:
    """Returns XGBoost with the settings that did best on the validation days.

    While settings are tried, what the rivals expect is learned from the fit days alone.
    """

    def inputs_from(part: LabelledRows) -> ModelInputs:
        lesson = lesson_of(spec, part, process, horizon_days)
        return ModelInputs(spec.features, spec.outcome.expectations.fit(lesson))

    def cut(part: LabelledRows, inputs: ModelInputs) -> Slice:
        return Slice(inputs.matrix(part.columns), part.happened.astype(np.float64))

    fit, validation, training = (
        rows.at(days) for days in (split.fit, split.validation, split.training)
    )
    early, inputs = inputs_from(fit), inputs_from(training)
    tried = search(cut(fit, early), cut(validation, early), PARAMETERS, trials=trials, seed=seed)
    booster = grow(cut(training, inputs), PARAMETERS, tried[0], seed)
    usual = tuple(
        name for name in spec.features if (~np.isnan(training.columns[name])).mean() >= USUAL_SHARE
    )
    reason_groups = tuple(spec.group_of(name) for name in inputs.names)
    return Candidate(
        model=bytes(booster.save_raw("ubj")),
        inputs=inputs,
        reason_groups=reason_groups,
        usually_known=usual,
        trials=tried,
        scorer=XGBoostScorer(booster, inputs, reason_groups, usual, spec.groups),
    )
