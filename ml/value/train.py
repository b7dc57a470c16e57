"""Trains the value model and ships it only if a year that it has not seen speaks for it.

The gate judges the recipe as it stood a year before the day of the training: what was known then,
against the year since. What ships, model or best rival, has learned by the same recipe all that is
known on the day of the training; the interval around it is how far the judged one was off.
"""

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from ml import artefacts, registry
from ml.arrays import Columns, FloatArray
from ml.features import LabelledRows, first_purchase_day, read_base, require_features
from ml.gate import Judgement, judge_value
from ml.rivals import contract
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import ValueRival
from ml.soundness import Soundness, require_sound
from ml.threads import one_thread
from ml.value.days import YEAR_DAYS, YearPlan, plan_year
from ml.value.learn import Tried, fit_rivals, grow_trees, spread_of, try_rounds
from ml.value.model import COLUMNS, FEATURES, MODEL_NAME, Forecast, RivalModel, TreeModel
from ml.value.rows import SpendRows, read_spend
from ml.value.spread import LEVEL, Spread, covered
from warehouse.connections import connect_arrow
from warehouse.context import RunContext, StepReport
from warehouse.errors import TooLittleData, UnsoundData, WarehouseError
from warehouse.policy import Training

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """The recipe as it stood a year ago, and what the year since says of it.

    Attributes:
        test: the customers of the day of the test, with their year since.
        expected: what the model expected of them, and each rival by name.
        coverage: the share of them within the interval of each.
    """

    model: TreeModel
    tried: Tried
    test: SpendRows
    judgement: Judgement
    expected: dict[str, FloatArray]
    coverage: dict[str, float]
    soundness: Soundness
    rows: int

    @property
    def winner(self) -> str:
        """What ships: the model, or the best rival."""
        return self.judgement.best_rival if self.judgement.failings else MODEL_NAME


@one_thread
def train(context: RunContext) -> StepReport:
    """Trains the value model as of this day; what wins is in force from the next day on.

    Data that is too little or unsound is no failure: it is recorded as refused, and what was in
    force stays so; where nothing is, the baseline is published.

    Raises:
        ModelError: features and labels do not fit.
        WarehouseError: the marts or the features are not built.
    """
    with context.connection() as connection:
        require_features(connection, COLUMNS)
        first_day = first_purchase_day(connection)
    try:
        plan = plan_year(context.as_of, first_day)
        judged = judge(context.url, plan, context.policy.training)
    except (TooLittleData, UnsoundData) as refusal:
        return registry.refuse(context, MODEL_NAME, str(refusal))
    return _keep(context, plan, judged)


def judge(url: str, plan: YearPlan, minima: Training) -> Judged:
    """Returns the recipe of the day of the test, measured on the year since.

    Raises:
        TooLittleData: there are too few customers to learn from or to test on.
        UnsoundData: a feature gives the spend away, or none can teach anything.
    """
    rows = read_spend(url, plan.judged, COLUMNS, trained=plan.trained, known=plan.test)
    test = read_spend(url, (plan.test,), COLUMNS, trained=plan.trained, known=plan.trained)
    _require_enough(rows, test, minima)
    # Who spent more than half of all do: both kinds are always there.
    above = rows.spend > np.median(rows.spend)
    halves = LabelledRows(rows.days, rows.persons, above, rows.columns)
    soundness = require_sound(halves, FEATURES, contract.INPUTS)
    base = _base(url, plan.test)
    process = BuyTillYouDie.fit(base)
    tried = try_rounds(rows, process, minima.seed)
    model = grow_trees(rows, process, tried.rounds, minima.seed)
    rivals = fit_rivals(rows, process)
    expected = {name: rival.spend(test.columns) for name, rival in rivals.items()}
    known = {name: rival.spend(rows.columns) for name, rival in rivals.items()}
    by_model = model.spend(test.columns)
    judgement = judge_value(by_model, expected, test.spend, seed=minima.seed)
    logger.info("value: %d rows to learn from, %d to test on", len(above), len(test.spend))
    expected[MODEL_NAME], known[MODEL_NAME] = by_model, tried.left_out
    coverage = {}
    for name, of_test in expected.items():
        spread = spread_of(known[name], rows, process, base, minima.seed)
        coverage[name] = round(covered(*spread.interval(of_test), test.spend), 4)
    return Judged(model, tried, test, judgement, expected, coverage, soundness, len(above))


def ship(url: str, plan: YearPlan, judged: Judged, seed: int) -> Forecast:
    """Returns the winner, learned anew from all that is known on the day of the training."""
    rows = read_spend(url, plan.shipped, COLUMNS, trained=plan.trained, known=plan.trained)
    process = BuyTillYouDie.fit(_base(url, plan.trained))
    spread = Spread.fit(judged.expected[judged.winner], judged.test.spend)
    if judged.judgement.failings:
        rival: ValueRival = fit_rivals(rows, process)[judged.winner]
        return Forecast(RivalModel(rival), spread, process)
    return Forecast(grow_trees(rows, process, judged.tried.rounds, seed), spread, process)


def _require_enough(rows: SpendRows, test: SpendRows, minima: Training) -> None:
    asked = (
        ("customers to learn from, counted on each day", len(rows.spend), minima.min_train_rows),
        ("of them who spent", int((rows.spend > 0).sum()), minima.min_class_rows),
        (
            "customers on the day of the test who spent",
            int((test.spend > 0).sum()),
            minima.min_test_class_rows,
        ),
    )
    missing = [(what, found, needed) for what, found, needed in asked if found < needed]
    if missing:
        raise TooLittleData(
            "There are too few "
            + "; ".join(f"{what}: {found}, {needed} would do" for what, found, needed in missing)
            + ".",
            "Wait for more history.",
        )


def _base(url: str, day: date) -> Columns:
    with closing(connect_arrow(url)) as reader:
        base = read_base(reader, day)
    if not len(base["recency_days"]):
        raise WarehouseError(
            f"features.ftr_customers holds nobody who had bought by {day}.",
            "Run the step build_snapshots.",
        )
    return base


def _keep(context: RunContext, plan: YearPlan, judged: Judged) -> StepReport:
    """Stores what ships with its verdict, and puts it in force."""
    judgement, seed = judged.judgement, context.policy.training.seed
    forecast = ship(context.url, plan, judged, seed)
    coverage = judged.coverage[judged.winner]
    spend = judged.test.spend
    metrics: dict[str, Any] = {
        "train_rows": judged.rows,
        "test_rows": len(spend),
        "days": plan.as_json(),
        "rounds": judged.tried.rounds,
        "unknown_features": list(judged.soundness.unknown),
        "constant_features": list(judged.soundness.constant),
        **judgement.as_json(),
        "interval_level": LEVEL,
        "interval_coverage": judged.coverage,
        "foretold_over_came": round(
            float(judged.expected[judged.winner].sum() / max(spend.sum(), 1.0)), 4
        ),
    }
    outcome: Literal["promoted", "rule"] = "rule" if judgement.failings else "promoted"
    verdict = f"{judgement.verdict} Of its {LEVEL:.0%} intervals {coverage:.1%} held the year."
    contents = {
        "model_name": MODEL_NAME,
        "population": "customers",
        "horizon_days": YEAR_DAYS,
        "metrics": metrics,
        "parameters": {"seed": seed, "rounds": judged.tried.rounds},
        **forecast.as_json(),
    }
    model = forecast.model
    trees = bytes(model.booster.save_raw("ubj")) if isinstance(model, TreeModel) else None
    item = artefacts.make("rule" if trees is None else "xgboost", context.as_of, contents, trees)
    path = artefacts.save(context.settings.models_dir, MODEL_NAME, item)
    with context.connection() as connection:
        registry.register(connection, MODEL_NAME, item, path, metrics=metrics, verdict=verdict)
        registry.record_training(
            connection, MODEL_NAME, context.as_of, outcome,
            version=item.version, reason=verdict, metrics=metrics,
        )  # fmt: skip
        registry.promote(connection, MODEL_NAME, item.version, context.as_of)
    logger.info("value: %s", verdict)
    return StepReport(
        rows=judged.rows,
        facts={
            "outcome": outcome,
            "version": item.version,
            "test_rows": len(spend),
            "best_rival": judgement.best_rival,
            "interval_coverage": coverage,
            **{f"candidate_{name}": value for name, value in judgement.candidate.items()},
            **{
                f"rival_{name}": value
                for name, value in judgement.rivals[judgement.best_rival].items()
            },
        },
    )
