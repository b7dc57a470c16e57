"""Trains a model on point-in-time snapshots and ships it only if it beats the rules out of time.

A snapshot is the population as of one day with what it did in the horizon after. The latest
snapshots are the test. Between the last training snapshot and the first test one lies a whole
horizon, so that no purchase is learned from and tested on at once. The model stops growing, and is
calibrated, on the latest training snapshots.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import psycopg

from ml import calibration, evaluate, registry, rules
from ml.arrays import FloatArray
from ml.features import LabelledRows, matrix, read_labelled, require_features
from ml.models import ModelSpec, model_spec
from warehouse import dbt
from warehouse.context import RunContext, StepReport
from warehouse.errors import TooLittleData, WarehouseError
from warehouse.policy import Policy, Training

logger = logging.getLogger(__name__)

# Fewer snapshots than this hold too few seasons of behaviour, whatever the policy asks for.
MIN_SNAPSHOTS = 8
VALIDATION_SNAPSHOTS = 2
MIN_FIT_SNAPSHOTS = 2

MAX_ROUNDS = 1000
PATIENCE_ROUNDS = 40
# Small trees, slowly: a few thousand rows carry no more. One thread, so that the same data and seed
# give the same bytes on any number of cores, and because waiting threads cost more than they bring.
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


@dataclass(frozen=True)
class Split:
    """The days of the snapshots by what they are used for; embargoed ones are not used."""

    fit: tuple[date, ...]
    validation: tuple[date, ...]
    embargoed: tuple[date, ...]
    test: tuple[date, ...]

    @property
    def training(self) -> tuple[date, ...]:
        """The days that the model, its calibration and the rule learn from."""
        return self.fit + self.validation

    def as_json(self) -> dict[str, list[str]]:
        """Returns the days by use."""
        return {
            use: [day.isoformat() for day in getattr(self, use)]
            for use in ("fit", "validation", "embargoed", "test")
        }


@dataclass(frozen=True)
class Candidate:
    """A trained model before the gate."""

    model: bytes
    rounds: int
    calibration: calibration.Calibration


def build_snapshots(context: RunContext) -> StepReport:
    """Builds features and labels of every snapshot that training as of this day needs.

    Raises:
        WarehouseError: the marts are not built.
    """
    days = _snapshot_days(context)
    if not days:
        return StepReport(rows=0, facts={"snapshots": 0})
    report = dbt.run(context, ["build", "--selector", "train"], label="train", feature_dates=days)
    span = {"first": days[0].isoformat(), "last": days[-1].isoformat()}
    return StepReport(rows=report.rows, facts={**report.facts, "snapshots": len(days), **span})


def train(context: RunContext, model_name: str) -> StepReport:
    """Trains a model as of this day and puts the winner of the gate in force from the next day on.

    Too little data is no failure: it is recorded as refused, and what was in force stays so.

    Raises:
        ModelError: the model is not known, or features and labels do not fit.
        WarehouseError: the marts or the features are not built.
    """
    spec = model_spec(model_name)
    days = _snapshot_days(context)
    try:
        split = split_days(days, context.policy)
        with context.connection() as connection:
            require_features(connection, spec.features)
        rows = read_labelled(context.url, spec, days, context.policy.horizon_days)
        counts = count_rows(rows, split)
        require_enough(spec, counts, context.policy.training)
    except TooLittleData as refusal:
        return _refuse(context, spec, refusal)
    logger.info(
        "%s: %d rows to learn from, %d to test on",
        spec.name, counts["train_rows"], counts["test_rows"],
    )  # fmt: skip
    return _train(context, spec, rows, split, counts)


def snapshot_days(policy: Policy, as_of: date, first_day: date) -> list[date]:
    """Returns the snapshots' days, ascending.

    They end at the latest day whose horizon has passed by `as_of`, and none is before `first_day`,
    the day the data begins.
    """
    last = as_of - timedelta(days=policy.horizon_days)
    step = timedelta(days=policy.training.snapshot_every_days)
    days = [last - index * step for index in range(policy.training.snapshot_count)]
    return sorted(day for day in days if day >= first_day)


def split_days(days: Sequence[date], policy: Policy) -> Split:
    """Returns which snapshot serves for what.

    Raises:
        TooLittleData: there are too few days, or the embargo leaves too few to learn from.
    """
    horizon, every = policy.horizon_days, policy.training.snapshot_every_days
    if len(days) < MIN_SNAPSHOTS:
        raise TooLittleData(
            f"There are {len(days)} snapshots, {MIN_SNAPSHOTS} are needed.",
            f"About {(MIN_SNAPSHOTS - len(days)) * every} more days of history would do, or a "
            "smaller training.snapshot_every_days.",
        )
    test = tuple(days[-policy.training.test_snapshot_count :])
    end = test[0] - timedelta(days=horizon)
    learning = tuple(day for day in days if day <= end)
    needed = MIN_FIT_SNAPSHOTS + VALIDATION_SNAPSHOTS
    if len(learning) < needed:
        embargoed = len(days) - len(test) - len(learning)
        raise TooLittleData(
            f"{len(learning)} snapshots lie a horizon of {horizon} days before the first test "
            f"snapshot, {needed} are needed.",
            f"training.snapshot_count of {needed + embargoed + len(test)}, with history for it, "
            "would do.",
        )
    return Split(
        fit=learning[:-VALIDATION_SNAPSHOTS],
        validation=learning[-VALIDATION_SNAPSHOTS:],
        embargoed=tuple(day for day in days if end < day < test[0]),
        test=test,
    )


def count_rows(rows: LabelledRows, split: Split) -> dict[str, int]:
    """Returns rows and positives of the training, its validation slice and the test."""
    counts = {}
    for name, days in (
        ("train", split.training),
        ("validation", split.validation),
        ("test", split.test),
    ):
        happened = rows.at(days).happened
        counts[f"{name}_rows"] = len(happened)
        counts[f"{name}_positives"] = int(happened.sum())
    return counts


def require_enough(spec: ModelSpec, counts: dict[str, int], minima: Training) -> None:
    """Checks that there is enough of both outcomes to learn from and to judge by.

    Raises:
        TooLittleData: names every number that is missing and how much would do.
    """

    def rarer(name: str) -> int:
        positives = counts[f"{name}_positives"]
        return min(positives, counts[f"{name}_rows"] - positives)

    asked = (
        (f"{spec.population} rows to learn from", counts["train_rows"], minima.min_train_rows),
        ("of the rarer outcome to learn from", rarer("train"), minima.min_class_rows),
        ("of the rarer outcome to calibrate on", rarer("validation"), 1),
        ("of the rarer outcome to test on", rarer("test"), minima.min_test_class_rows),
    )
    missing = [(what, found, needed) for what, found, needed in asked if found < needed]
    if missing:
        raise TooLittleData(
            "There are too few "
            + "; ".join(f"{what}: {found}, {needed} would do" for what, found, needed in missing)
            + ".",
            "Wait for more history, or take more snapshots (training.snapshot_count).",
        )


def fit_candidate(spec: ModelSpec, rows: LabelledRows, split: Split, seed: int) -> Candidate:
    """Returns XGBoost grown on the fit days; stopped and calibrated on the validation days."""
    import xgboost

    fit, validation = rows.at(split.fit), rows.at(split.validation)
    names = list(spec.features)
    known, watched = (
        xgboost.DMatrix(matrix(part.columns, names), part.happened, feature_names=names)
        for part in (fit, validation)
    )
    grown = xgboost.train(
        {**PARAMETERS, "seed": seed},
        known,
        num_boost_round=MAX_ROUNDS,
        evals=[(watched, "validation")],
        early_stopping_rounds=PATIENCE_ROUNDS,
        verbose_eval=False,
    )
    rounds = grown.best_iteration + 1
    best = grown[:rounds]
    margin = best.predict(watched, output_margin=True).astype(np.float64)
    return Candidate(
        model=bytes(best.save_raw("ubj")),
        rounds=rounds,
        calibration=calibration.fit(margin, validation.happened),
    )


def candidate_probability(candidate: Candidate, spec: ModelSpec, rows: LabelledRows) -> FloatArray:
    """Returns the candidate's calibrated probability of each row."""
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(candidate.model))
    margin = booster.inplace_predict(
        matrix(rows.columns, spec.features), predict_type="margin"
    ).astype(np.float64)
    return candidate.calibration.probability(margin)


def fit_rules(spec: ModelSpec, rows: LabelledRows) -> dict[str, rules.FittedRule]:
    """Returns the model's rules by name, fitted on `rows`; the least log loss comes first."""
    fitted = {
        rule.name: rules.fit(rule.measure(rows.columns), rows.happened) for rule in spec.rules
    }

    def loss(name: str) -> float:
        probability = fitted[name].probability(spec.rule(name).measure(rows.columns))
        return float(evaluate.log_losses(probability, rows.happened).mean())

    return {name: fitted[name] for name in sorted(fitted, key=loss)}


def _train(
    context: RunContext, spec: ModelSpec, rows: LabelledRows, split: Split, counts: dict[str, int]
) -> StepReport:
    minima = context.policy.training
    test = rows.at(split.test)
    candidate = fit_candidate(spec, rows, split, minima.seed)
    fitted = fit_rules(spec, rows.at(split.training))
    by_candidate = candidate_probability(candidate, spec, test)
    by_rule = {
        name: rule.probability(spec.rule(name).measure(test.columns))
        for name, rule in fitted.items()
    }
    failings = evaluate.failings(
        by_candidate, by_rule, test.happened, max_calibration_error=minima.max_calibration_error
    )
    if candidate.calibration.slope <= 0:
        failings.append("its order is reversed on the validation snapshots")
    best_rule = next(iter(fitted))
    metrics: dict[str, Any] = {
        **counts,
        "days": split.as_json(),
        "rounds": candidate.rounds,
        "candidate": evaluate.measure(by_candidate, test.happened),
        "rule": best_rule,
        "rules": {
            name: _measure_rule(by_candidate, probability, test)
            for name, probability in by_rule.items()
        },
    }
    verdict = _verdict(spec, metrics, failings)
    shared = {
        "model_name": spec.name,
        "population": spec.population,
        "horizon_days": context.policy.horizon_days,
        "metrics": metrics,
    }
    items = [
        registry.artefact(
            "xgboost",
            context.as_of,
            {**shared, **_describe(candidate, spec, minima.seed)},
            candidate.model,
        )
    ]
    if failings:
        rule = {"name": best_rule, **fitted[best_rule].as_json()}
        items.append(registry.artefact("rule", context.as_of, {**shared, "rule": rule}, None))
    winner = items[-1]
    paths = [registry.save(context.settings.models_dir, spec.name, item) for item in items]
    outcome: Literal["rule", "promoted"] = "rule" if failings else "promoted"
    with context.connection() as connection:
        for item, path in zip(items, paths, strict=True):
            registry.register(connection, spec.name, item, path, metrics=metrics, verdict=verdict)
        registry.record_training(
            connection, spec.name, context.as_of, outcome,
            version=winner.version, reason=verdict, metrics=metrics,
        )  # fmt: skip
        registry.promote(connection, spec.name, winner.version, context.as_of)
    logger.info("%s: %s", spec.name, verdict)
    return StepReport(
        rows=counts["train_rows"],
        facts={
            "outcome": outcome,
            "version": winner.version,
            "test_rows": counts["test_rows"],
            "rule": best_rule,
            **{f"candidate_{name}": value for name, value in metrics["candidate"].items()},
            **{f"rule_{name}": value for name, value in metrics["rules"][best_rule].items()},
        },
    )


def _measure_rule(
    by_candidate: FloatArray, by_rule: FloatArray, test: LabelledRows
) -> dict[str, float]:
    """Returns how good a rule is, and how much better the candidate."""
    mean, error = evaluate.gain(by_candidate, by_rule, test.happened)
    return {
        **evaluate.measure(by_rule, test.happened),
        "gain": round(mean, 6),
        "gain_error": round(error, 6),
    }


def _describe(candidate: Candidate, spec: ModelSpec, seed: int) -> dict[str, Any]:
    """Returns what scoring needs to know of the model, beside its trees."""
    return {
        "features": [{"name": name, "type": "float32"} for name in spec.features],
        "reason_groups": [group.name for group in spec.groups for _ in group.features],
        "calibration": {"method": "platt", **asdict(candidate.calibration)},
        "parameters": {**PARAMETERS, "seed": seed, "rounds": candidate.rounds},
    }


def _verdict(spec: ModelSpec, metrics: dict[str, Any], failings: list[str]) -> str:
    rule = spec.rule(metrics["rule"])
    if failings:
        return f"The rule ships ({rule.says}), XGBoost does not: {'; '.join(failings)}."
    of_rule, own = metrics["rules"][rule.name], metrics["candidate"]
    return (
        f"XGBoost ships, it beats every rule out of time; the best ({rule.says}): "
        f"log loss {own['log_loss']:.4f} against {of_rule['log_loss']:.4f} (gain "
        f"{of_rule['gain']:.4f} ± {of_rule['gain_error']:.4f}), average precision "
        f"{own['average_precision']:.4f} against {of_rule['average_precision']:.4f}."
    )


def _refuse(context: RunContext, spec: ModelSpec, refusal: TooLittleData) -> StepReport:
    logger.warning("%s is not trained: %s", spec.name, refusal)
    with context.connection() as connection:
        registry.withdraw(connection, spec.name, context.as_of)
        registry.record_training(
            connection,
            spec.name,
            context.as_of,
            "refused",
            version=None,
            reason=str(refusal),
            metrics={},
        )
    return StepReport(rows=0, facts={"outcome": "refused", "reason": str(refusal)})


def _snapshot_days(context: RunContext) -> list[date]:
    with context.connection() as connection:
        return snapshot_days(context.policy, context.as_of, _first_day(connection))


def _first_day(connection: psycopg.Connection) -> date:
    found = connection.execute("select to_regclass('marts.fct_orders') is not null").fetchone()
    row = None
    if found and found[0]:
        row = connection.execute("select min(order_date) from marts.fct_orders").fetchone()
    if row is None or row[0] is None:
        raise WarehouseError(
            "The marts hold no purchases to learn from.", "Run the nightly walk first."
        )
    day: date = row[0]
    return day
