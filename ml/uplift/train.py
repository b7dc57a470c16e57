"""Learns what contact changes from the campaigns' control groups, and ships it only if it shows.

The learner is held against a random order and against a response model on later campaigns than it
has learned from. It ships if the effects it found differ between people beyond chance, and if its
order still holds on those campaigns. Otherwise nothing ships: what was in force stays, and without
any the lists go by propensity.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml import artefacts, bootstrap, registry
from ml.arrays import FloatArray
from ml.bootstrap import Interval
from ml.features import require_features
from ml.threads import one_thread
from ml.uplift import learner
from ml.uplift.experiment import Experiment, ExperimentSplit, read_experiment, split_experiment
from ml.uplift.learner import MIN_SIGNAL, UpliftModel
from ml.uplift.qini import average_effect, qini
from ml.uplift.settings import EffectSpec, effect_spec
from ml.uplift.stored import load_effect
from warehouse.context import RunContext, StepReport
from warehouse.errors import ModelError, TooLittleData

logger = logging.getLogger(__name__)

CHAMPION = "the champion"


@dataclass(frozen=True)
class EffectJudgement:
    """What the later campaigns say.

    Attributes:
        average_effect: of contact on the outcome, among all of them.
        qini: the Qini coefficient of the learner's order.
        gain: that less the coefficient of each other order.
        marked: the effect in those above the policy's limit less that in the others; None where
            the model marks nobody, or everybody.
        failings: why it does not ship; empty means that it does.
        behind: why the champion stays although it could ship.
    """

    average_effect: Interval
    qini: Interval
    gain: dict[str, Interval]
    marked: Interval | None
    failings: tuple[str, ...]
    behind: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """What ships and why, in a sentence."""
        if self.failings:
            return f"No effect ships: {'; '.join(self.failings)}."
        if self.behind:
            return f"The champion stays, the model falls behind it: {'; '.join(self.behind)}."
        marked = f"; in the marked more by {_say(self.marked)}" if self.marked else ""
        return f"The model ships: it finds whom contact moves (Qini {_say(self.qini)}{marked})."

    def as_json(self) -> dict[str, Any]:
        """Returns everything, in plain types."""
        return {
            "average_effect": self.average_effect.as_json(),
            "qini": self.qini.as_json(),
            "gain": {name: gap.as_json() for name, gap in self.gain.items()},
            "marked": self.marked.as_json() if self.marked else None,
            "failings": list(self.failings),
            "behind": list(self.behind),
            "verdict": self.verdict,
        }

    def without_champion(self) -> "EffectJudgement":
        """Returns what was found of the learner: the same whatever is in force."""
        gain = {name: gap for name, gap in self.gain.items() if name != CHAMPION}
        return replace(self, gain=gain, behind=())


@one_thread
def train(context: RunContext, model_name: str) -> StepReport:
    """Trains a model of what contact changes; in force it comes if the later campaigns bear it out.

    An experiment that is missing or too small is no failure: it is recorded as refused.

    Raises:
        ModelError: the model is not known, or features and labels do not fit.
        WarehouseError: the features are not built.
    """
    spec = effect_spec(model_name)
    with context.connection() as connection:
        require_features(connection, spec.features)
    try:
        found = read_experiment(context.url, context.policy, context.as_of, spec)
        split = split_experiment(found, context.policy)
    except TooLittleData as refusal:
        return registry.refuse(context, spec.name, str(refusal))
    training, seed = split.training, context.policy.training.seed
    model = learner.fit(
        training.columns,
        training.treated,
        training.outcome,
        seed,
        share=training.share,
        persons=training.persons,
        rising=spec.rising,
        falling=spec.falling,
        leaf_share=spec.leaf_share,
    )
    champion = _champion(context, spec)
    judgement = _judge(context, spec, model, split, champion)
    return _keep(context, spec, model, split, judgement)


def _judge(
    context: RunContext,
    spec: EffectSpec,
    model: UpliftModel,
    split: ExperimentSplit,
    champion: UpliftModel | None,
) -> EffectJudgement:
    test, seed = split.test, context.policy.training.seed
    rng = np.random.default_rng(seed)
    orders = {
        "random": rng.uniform(size=len(test.outcome)),
        "response_model": _response(split, seed),
    }
    if champion:
        orders[CHAMPION] = champion.effect(test.columns)
    weights = _inverse_shares(test)

    def measured(score: FloatArray) -> bootstrap.Measure:
        of_rows = qini(score, test.treated, test.outcome)
        return lambda drawn: of_rows(drawn * weights)

    def average(drawn: FloatArray) -> float:
        return average_effect(test.treated, test.outcome)(drawn * weights)

    effect = model.effect(test.columns)
    marked = effect > context.policy.contact.do_not_wake_above

    def gap_of_marked(drawn: FloatArray) -> float:
        return average(drawn * marked) - average(drawn * ~marked)

    found = bootstrap.differences(
        {"qini": measured(effect), "average": average, "marked": gap_of_marked},
        {
            "nothing": dict.fromkeys(("qini", "average", "marked"), lambda _: 0.0),
            **{name: {"qini": measured(score)} for name, score in orders.items()},
        },
        len(test.outcome),
        seed=seed,
        clusters=np.unique(test.persons, return_inverse=True)[1],
    )
    gain = {name: found[name]["qini"] for name in orders}
    own_qini = found["nothing"]["qini"]
    of_marked = None
    if spec.judged_by == "marked" and marked.any() and not marked.all():
        of_marked = found["nothing"]["marked"]
    failings = []
    if not model.claims:
        failings.append(
            "that contact moves some people more than others is not shown "
            f"(signal {model.signal:.2f}, {MIN_SIGNAL} is asked)"
        )
    if spec.judged_by == "order" and own_qini.low <= 0:
        failings.append(f"its order does not hold on later campaigns (Qini {_say(own_qini)})")
    if spec.judged_by == "marked" and (of_marked is None or of_marked.low <= 0):
        seen = _say(of_marked) if of_marked else "nobody is marked"
        failings.append(f"later campaigns do not drive the marked away more than others ({seen})")
    behind: tuple[str, ...] = ()
    if champion and gain[CHAMPION].high < 0:
        behind = (f"Qini {_say(gain[CHAMPION])} against it",)
    return EffectJudgement(
        found["nothing"]["average"], own_qini, gain, of_marked, tuple(failings), behind
    )


def _response(split: ExperimentSplit, seed: int) -> FloatArray:
    """Returns the expected outcome of the test if contacted: the order of a response model."""
    training = split.training
    inputs = learner.matrix(training.columns, tuple(training.columns))[training.treated]
    by_contacted = learner.fit_outcome(inputs, training.outcome[training.treated], seed)
    return by_contacted.predict(learner.matrix(split.test.columns, tuple(training.columns)))


def _inverse_shares(rows: Experiment) -> FloatArray:
    """Returns weights that make either group of every campaign stand for all of it."""
    found: FloatArray = np.where(rows.treated, 1 / rows.share, 1 / (1 - rows.share))
    return found


def _keep(
    context: RunContext,
    spec: EffectSpec,
    model: UpliftModel,
    split: ExperimentSplit,
    judgement: EffectJudgement,
) -> StepReport:
    """Stores what was trained with its verdict, and puts it in force if it may ship."""
    # The artefact, and so the version named after it, is the same whatever was in force.
    lasting: dict[str, Any] = {
        "experiment": split.counts(),
        "claims": model.claims,
        "signal": model.signal,
        **judgement.without_champion().as_json(),
    }
    metrics = {**lasting, **judgement.as_json()}
    contents = {
        "model_name": spec.name,
        "outcome": spec.outcome,
        "effect_days": context.policy.contact.effect_days,
        "learner": model.as_json(),
        "metrics": lasting,
    }
    item = artefacts.make("xgboost", context.as_of, contents, model.trees_bytes())
    path = artefacts.save(context.settings.models_dir, spec.name, item)
    outcome: registry.Outcome = "promoted"
    if judgement.failings:
        outcome = "refused"
    elif judgement.behind:
        outcome = "kept"
    with context.connection() as connection:
        registry.register(
            connection, spec.name, item, path, metrics=metrics, verdict=judgement.verdict
        )
        registry.record_training(
            connection, spec.name, context.as_of, outcome,
            version=item.version if outcome == "promoted" else None,
            reason=judgement.verdict, metrics=metrics,
        )  # fmt: skip
        if outcome == "promoted":
            registry.promote(connection, spec.name, item.version, context.as_of)
        else:
            registry.withdraw(connection, spec.name, context.as_of)
    logger.info("%s: %s", spec.name, judgement.verdict)
    return StepReport(
        rows=len(split.training.outcome),
        facts={
            "outcome": outcome,
            "version": item.version,
            "signal": model.signal,
            "qini": judgement.qini.value,
            "qini_low": judgement.qini.low,
            "average_effect": judgement.average_effect.value,
        },
    )


def _champion(context: RunContext, spec: EffectSpec) -> UpliftModel | None:
    """Returns the model in force; one that is broken does not keep its successor away."""
    with context.connection() as connection:
        try:
            found = load_effect(context, connection, spec)
        except ModelError as error:
            logger.warning("%s: the champion is not compared. %s", spec.name, error)
            return None
    # A champion of other features would have to be asked about rows that were not read for it.
    return found.model if found and set(found.model.features) <= set(spec.features) else None


def _say(found: Interval) -> str:
    return f"{found.value:.5f}, {found.low:.5f} to {found.high:.5f}"
