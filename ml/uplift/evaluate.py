"""Holds the uplift learner against random, a response model and a T-learner on a held-out half."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml import bootstrap
from ml.arrays import BoolArray, FloatArray
from ml.bootstrap import Interval, Measure
from ml.uplift import learner
from ml.uplift.qini import average_effect, qini
from ml.uplift.table import TreatmentTable

TOP_SHARES = (0.1, 0.3)


@dataclass(frozen=True)
class UpliftEvaluation:
    """What the held-out half says.

    Attributes:
        rows: of both halves.
        average_effect: of the treatment in the held-out half.
        qini: the Qini coefficient of each method.
        gain: the learner's Qini less each rival's.
        top_effects: by method, the observed effect among each top share.
        do_not_wake: people whom the learner expects treatment to harm, and the effect seen in them;
            None where it claims no differences or expects harm of nobody.
        claims: whether the learner finds, in the half it learned from, that effects differ.
        signal: its t statistic of that.
    """

    rows: tuple[int, int]
    average_effect: Interval
    qini: dict[str, Interval]
    gain: dict[str, Interval]
    top_effects: dict[str, dict[str, float]]
    do_not_wake: dict[str, float] | None
    claims: bool
    signal: float

    @property
    def verdict(self) -> str:
        """What can be said, in a sentence."""
        own = self.qini["learner"]
        span = f"Qini {own.value:.5f} ({own.low:.5f} to {own.high:.5f})"
        if not self.claims or own.low <= 0:
            return (
                f"No claim: that the treatment moves some people more than others is not shown "
                f"({span}, signal {self.signal:.2f}). Treat everybody or nobody, by the average."
            )
        beaten = [name for name, gap in self.gain.items() if gap.low > 0]
        level = [name for name in self.gain if name not in beaten]
        return (
            f"The learner finds whom the treatment moves ({span}); it beats "
            f"{', '.join(beaten) or 'none of the others'} beyond doubt"
            + (f", not {', '.join(level)}." if level else ".")
        )

    def as_json(self) -> dict[str, Any]:
        """Returns everything, in plain types."""
        return {**asdict(self), "verdict": self.verdict}


def evaluate(table: TreatmentTable, seed: int) -> UpliftEvaluation:
    """Returns how the methods order people of a random half that none has learned from."""
    learned, held = halves(table.treated, seed)
    treated, outcome = table.treated[held], table.outcome[held]
    features = {name: values[learned] for name, values in table.features.items()}
    unseen = {name: values[held] for name, values in table.features.items()}
    model = learner.fit(features, table.treated[learned], table.outcome[learned], seed)
    responses = _responses(table, learned, held, seed)
    scores = {
        "learner": model.effect(unseen),
        "t_learner": responses[1] - responses[0],
        "response_model": responses[1],
        "random": np.random.default_rng(seed).uniform(size=len(outcome)),
    }
    measures: dict[str, dict[str, Measure]] = {
        name: {"qini": qini(score, treated, outcome)} for name, score in scores.items()
    }
    rivals = {name: of for name, of in measures.items() if name != "learner"}
    gains = bootstrap.differences(measures["learner"], rivals, len(outcome), seed=seed)
    return UpliftEvaluation(
        rows=(int(learned.sum()), len(outcome)),
        average_effect=bootstrap.interval(
            average_effect(treated, outcome), len(outcome), seed=seed
        ),
        qini={
            name: bootstrap.interval(of["qini"], len(outcome), seed=seed)
            for name, of in measures.items()
        },
        gain={name: found["qini"] for name, found in gains.items()},
        top_effects={
            name: {f"{share:.0%}": _top_effect(score, share, treated, outcome)
                   for share in TOP_SHARES}
            for name, score in scores.items()
        },
        do_not_wake=_do_not_wake(scores["learner"], treated, outcome) if model.claims else None,
        claims=model.claims,
        signal=model.signal,
    )  # fmt: skip


def halves(treated: BoolArray, seed: int) -> tuple[BoolArray, BoolArray]:
    """Returns two random halves of the rows, each with half of either arm."""
    rng = np.random.default_rng(seed)
    learned = np.zeros(len(treated), dtype=np.bool_)
    for arm in (treated, ~treated):
        rows = rng.permutation(np.flatnonzero(arm))
        learned[rows[: len(rows) // 2]] = True
    return learned, ~learned


def _responses(
    table: TreatmentTable, learned: BoolArray, held: BoolArray, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Returns the expected outcome without and with treatment, by a model of each arm."""
    inputs = np.column_stack(list(table.features.values())).astype(np.float32)
    found = []
    for arm in (False, True):
        rows = learned & (table.treated == arm)
        by_arm = learner.fit_outcome(inputs[rows], table.outcome[rows], seed)
        found.append(by_arm.predict(inputs[held]))
    return found[0], found[1]


def _top_effect(score: FloatArray, share: float, treated: BoolArray, outcome: FloatArray) -> float:
    top = np.argsort(-score, kind="stable")[: max(1, round(share * len(score)))]
    measure = average_effect(treated[top], outcome[top])
    return round(measure(np.ones(len(top))), 6)


def _do_not_wake(
    effect: FloatArray, treated: BoolArray, outcome: FloatArray
) -> dict[str, float] | None:
    harmed = effect < 0
    if not harmed.any():
        return None
    seen = average_effect(treated[harmed], outcome[harmed])(np.ones(int(harmed.sum())))
    return {
        "people": int(harmed.sum()),
        "expected_effect": round(float(effect[harmed].mean()), 6),
        "observed_effect": round(seen, 6),
    }
