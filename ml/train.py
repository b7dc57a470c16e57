"""Trains a model on point-in-time snapshots and ships it only if it passes the gate out of time.

Which day serves for what stands in `ml.snapshots`. The candidate is held against every rival of
`ml.rivals` and against the model in force, on the same rows; all have learned from earlier days.
"""

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import psycopg

from ml import artefacts, registry
from ml.arrays import FloatArray
from ml.candidate import Candidate, fit_candidate, lesson_of
from ml.curves import curves, slices
from ml.features import (
    LabelledRows,
    first_purchase_day,
    read_base,
    read_labelled,
    require_features,
)
from ml.gate import Judgement, judge_probability
from ml.models import ModelSpec, model_spec, model_specs
from ml.rivals import catalogue
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import ProbabilityRival
from ml.scorers import Scorer, scorer_of
from ml.snapshots import Split, count_rows, require_enough, snapshot_days, split_days
from ml.soundness import Soundness, require_sound
from ml.threads import one_thread
from ml.uplift.experiment import experiment_days
from ml.value.days import year_days
from ml.watch.drift import Reference, references
from ml.watch.record import SCORE
from warehouse import dbt
from warehouse.connections import connect_arrow
from warehouse.context import RunContext, StepReport
from warehouse.errors import ModelError, TooLittleData, UnsoundData
from warehouse.policy import Policy

logger = logging.getLogger(__name__)

Outcome = Literal["promoted", "rule", "kept"]


@dataclass(frozen=True)
class Incumbent:
    """The model in force on the day of the training, or why it cannot be compared."""

    version: str
    scorer: Scorer | None
    not_compared: str | None


@dataclass(frozen=True)
class Trained:
    """A candidate and its rivals, trained on the same days."""

    candidate: Candidate
    rivals: dict[str, ProbabilityRival]
    soundness: Soundness
    counts: dict[str, int]


def build_snapshots(context: RunContext) -> StepReport:
    """Builds features and labels of every snapshot and campaign that training as of this day needs.

    Raises:
        WarehouseError: the marts are not built.
    """
    with context.connection() as connection:
        campaigns = experiment_days(connection, context.policy, context.as_of)
        years = year_days(context.as_of, first_purchase_day(connection))
    asked = [
        day for spec in model_specs().values() if _has_population(context.policy, spec)
        for day in _snapshot_days(context, spec)
    ]  # fmt: skip
    days = sorted({*asked, *campaigns, *years})
    if not days:
        return StepReport(rows=0, facts={"snapshots": 0})
    report = dbt.run(context, ["build", "--selector", "train"], label="train", feature_dates=days)
    span = {"first": days[0].isoformat(), "last": days[-1].isoformat()}
    return StepReport(rows=report.rows, facts={**report.facts, "snapshots": len(days), **span})


@one_thread
def train(context: RunContext, model_name: str) -> StepReport:
    """Trains a model as of this day and puts the winner of the gate in force from the next day on.

    Data that is too little or unsound is no failure: it is recorded as refused, and what was in
    force stays so.

    Raises:
        ModelError: the model is not known, or features and labels do not fit.
        WarehouseError: the marts or the features are not built.
    """
    spec = model_spec(model_name)
    days = _snapshot_days(context, spec)
    with context.connection() as connection:
        require_features(connection, spec.columns)
        incumbent = _incumbent(context, connection, spec)
    try:
        if not _has_population(context.policy, spec):
            raise TooLittleData(
                f"By the policy nobody is in the population {spec.population}.",
                "Set populations.contract_ends_within_days where customers hold contracts.",
            )
        horizon_days = spec.outcome.horizon_days(context.policy)
        split = split_days(days, horizon_days, context.policy.training)
        columns = dict.fromkeys(spec.columns)
        if incumbent and incumbent.scorer:
            columns |= dict.fromkeys(incumbent.scorer.features)
        rows = read_labelled(context.url, spec, days, context.policy.horizon_days, list(columns))
        trained = _train(context, spec, rows, split)
    except (TooLittleData, UnsoundData) as refusal:
        return registry.refuse(context, spec.name, str(refusal))
    judgement = _judge(context, spec, trained, rows.at(split.test), incumbent)
    return _keep(context, spec, trained, rows, split, judgement, incumbent)


def _train(context: RunContext, spec: ModelSpec, rows: LabelledRows, split: Split) -> Trained:
    minima, horizon_days = context.policy.training, spec.outcome.horizon_days(context.policy)
    counts = count_rows(rows, split)
    require_enough(spec, counts, minima)
    training = rows.at(split.training)
    soundness = require_sound(training, spec.features, spec.outcome.expectations.needed)
    logger.info(
        "%s: %d rows to learn from, %d to test on",
        spec.name, counts["train_rows"], counts["test_rows"],
    )  # fmt: skip
    with closing(connect_arrow(context.url)) as reader:
        process = BuyTillYouDie.fit(read_base(reader, split.training[-1]))
    rivals = catalogue.fit_probability_rivals(
        lesson_of(spec, training, process, horizon_days), spec.outcome.rivals
    )
    candidate = fit_candidate(
        spec, rows, split, process,
        horizon_days=horizon_days, trials=minima.search_trials, seed=minima.seed,
    )  # fmt: skip
    for trial in candidate.trials:
        logger.info("%s: log loss %.6f of %s", spec.name, trial.loss, trial.settings or "defaults")
    return Trained(candidate, rivals, soundness, counts)


def _judge(
    context: RunContext,
    spec: ModelSpec,
    trained: Trained,
    test: LabelledRows,
    incumbent: Incumbent | None,
) -> Judgement:
    champion: FloatArray | None = None
    if incumbent and incumbent.scorer:
        champion = incumbent.scorer.probability(test.columns)
    minima = context.policy.training
    return judge_probability(
        trained.candidate.scorer.probability(test.columns),
        {
            name: spec.event(rival.probability(test.columns))
            for name, rival in trained.rivals.items()
        },
        test.happened,
        max_calibration_error=minima.max_calibration_error,
        seed=minima.seed,
        champion=champion,
        persons=np.unique(test.persons, return_inverse=True)[1],
    )


def _keep(
    context: RunContext,
    spec: ModelSpec,
    trained: Trained,
    rows: LabelledRows,
    split: Split,
    judgement: Judgement,
    incumbent: Incumbent | None,
) -> StepReport:
    """Stores what was trained with its verdict, and puts the winner in force."""
    candidate, best_rival = trained.candidate, judgement.best_rival
    test = rows.at(split.test)
    by_candidate = candidate.scorer.probability(test.columns)
    by_rival = spec.event(trained.rivals[best_rival].probability(test.columns))
    # The artefact, and so the version named after it, is the same whatever was in force.
    lasting: dict[str, Any] = {
        **trained.counts,
        "days": split.as_json(),
        "rounds": candidate.trials[0].rounds,
        "search": [trial.as_json() for trial in candidate.trials],
        "unknown_features": list(trained.soundness.unknown),
        "constant_features": list(trained.soundness.constant),
        **judgement.without_champion().as_json(),
        "curves": {
            "candidate": curves(by_candidate, test.happened),
            best_rival: curves(by_rival, test.happened),
        },
        "slices": slices(by_candidate, by_rival, test),
    }
    metrics = {
        **lasting,
        **judgement.as_json(),
        "champion": None if incumbent is None else incumbent.version,
        "champion_not_compared": None if incumbent is None else incumbent.not_compared,
    }
    shared = {
        "model_name": spec.name,
        "population": spec.population,
        "horizon_days": spec.outcome.horizon_days(context.policy),
        "metrics": lasting,
    }
    seed = context.policy.training.seed
    # What nobody was known by taught nothing: that it is known tonight moves no score.
    known = [name for name in spec.watched if name not in trained.soundness.unknown]
    watched = references(rows.at(split.training).columns, known)

    def watch(probability: FloatArray) -> dict[str, Any]:
        return {**watched, SCORE: Reference.of(probability).as_json()}

    contents = {
        **shared, **candidate.as_json(seed),
        "references": watch(by_candidate),
    }  # fmt: skip
    items = [artefacts.make("xgboost", context.as_of, contents, candidate.model)]
    if judgement.failings:
        rival = catalogue.as_json(trained.rivals[best_rival])
        contents = {**shared, "rival": rival, "references": watch(by_rival)}
        items.append(artefacts.make("rule", context.as_of, contents, None))
    outcome: Outcome = "promoted"
    if judgement.failings:
        outcome = "rule"
    elif judgement.behind:
        outcome = "kept"
    winner = items[-1]
    paths = [artefacts.save(context.settings.models_dir, spec.name, item) for item in items]
    with context.connection() as connection:
        for item, path in zip(items, paths, strict=True):
            registry.register(
                connection, spec.name, item, path, metrics=metrics, verdict=judgement.verdict
            )
        registry.record_training(
            connection, spec.name, context.as_of, outcome,
            version=winner.version, reason=judgement.verdict, metrics=metrics,
        )  # fmt: skip
        if outcome == "kept":
            registry.withdraw(connection, spec.name, context.as_of)
        else:
            registry.promote(connection, spec.name, winner.version, context.as_of)
    logger.info("%s: %s", spec.name, judgement.verdict)
    return StepReport(
        rows=trained.counts["train_rows"],
        facts={
            "outcome": outcome,
            "version": winner.version,
            "test_rows": trained.counts["test_rows"],
            "best_rival": best_rival,
            **{f"candidate_{name}": value for name, value in judgement.candidate.items()},
            **{f"rival_{name}": value for name, value in judgement.rivals[best_rival].items()},
        },
    )


def _incumbent(
    context: RunContext, connection: psycopg.Connection, spec: ModelSpec
) -> Incumbent | None:
    """Returns the champion of the day; one that is broken does not keep its successor away."""
    champion = registry.champion_for(connection, spec.name, context.as_of)
    if champion is None:
        return None
    try:
        stored = artefacts.load(context.settings.models_dir, champion)
        scorer = scorer_of(spec, stored, spec.outcome.horizon_days(context.policy))
        require_features(connection, scorer.features)
    except ModelError as error:
        logger.warning("%s: the champion is not compared. %s", spec.name, error)
        return Incumbent(champion.version, None, error.what)
    return Incumbent(champion.version, scorer, None)


def _snapshot_days(context: RunContext, spec: ModelSpec) -> list[date]:
    with context.connection() as connection:
        first = first_purchase_day(connection)
    return snapshot_days(spec.outcome, context.policy, context.as_of, first)


def _has_population(policy: Policy, spec: ModelSpec) -> bool:
    """Returns whether the policy puts anybody into the model's population."""
    has_contracts = policy.populations.contract_ends_within_days is not None
    return spec.population != "contract" or has_contracts
