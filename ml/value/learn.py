"""Learns the spend of the next year: the trees, the rivals, and how far both are off."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrays import Columns, FloatArray
from ml.boosting import MAX_ROUNDS, PARAMETERS, PATIENCE_ROUNDS, SPEND_OBJECTIVE
from ml.candidate import USUAL_SHARE
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.catalogue import fit_value_rivals
from ml.rivals.contract import Lesson, ValueRival
from ml.value.days import YEAR_DAYS
from ml.value.model import FEATURES, Inputs, TreeModel
from ml.value.rows import SpendRows
from ml.value.spread import Spread

FOLDS = 4
# Fewer rows than this tell no spread: draws from the process tell it instead.
MIN_SPREAD_ROWS = 200
_DRAWS = 20_000
# Trees begin at an expectation and have little left to say: larger steps do as well as small ones.
_ETA = 0.08


@dataclass(frozen=True)
class Tried:
    """What the trees learned with some persons left out showed of those.

    Attributes:
        rounds: after how many trees the persons left out were foretold best, on average.
        left_out: each row's expected spend over a whole year, by trees that do not know its person.
    """

    rounds: int
    left_out: FloatArray


def try_rounds(rows: SpendRows, process: BuyTillYouDie, seed: int) -> Tried:
    """Returns how many trees to grow, by folds of persons."""
    import xgboost

    inputs = inputs_for(rows, process)
    fold = rows.persons % FOLDS
    left_out, rounds = np.zeros(len(rows.spend)), []
    for number in range(FOLDS):
        known, others = rows.take(fold != number), rows.take(fold == number)
        grown = xgboost.train(
            _parameters(seed),
            _lesson(known, inputs),
            num_boost_round=MAX_ROUNDS,
            evals=[(_lesson(others, inputs), "left_out")],
            early_stopping_rounds=PATIENCE_ROUNDS,
            verbose_eval=False,
        )
        rounds.append(grown.best_iteration + 1)
        best = grown[: grown.best_iteration + 1]
        left_out[fold == number] = TreeModel(best, inputs, ()).spend(others.columns)
    return Tried(round(float(np.mean(rounds))), left_out)


def grow_trees(rows: SpendRows, process: BuyTillYouDie, rounds: int, seed: int) -> TreeModel:
    """Returns the trees learned from all rows."""
    import xgboost

    inputs = inputs_for(rows, process)
    booster = xgboost.train(_parameters(seed), _lesson(rows, inputs), num_boost_round=rounds)
    usual = tuple(
        name for name in FEATURES if (~np.isnan(rows.columns[name])).mean() >= USUAL_SHARE
    )
    return TreeModel(booster, inputs, usual)


def inputs_for(rows: SpendRows, process: BuyTillYouDie) -> Inputs:
    """Returns the model's inputs; amounts are counted in the mean spend of the rows."""
    return Inputs(FEATURES, process, float(rows.spend.mean()))


def fit_rivals(rows: SpendRows, process: BuyTillYouDie) -> dict[str, ValueRival]:
    """Returns every rival by name, learned from the same rows.

    A rival learns a whole year: what is missing of a row's year is added at the pace that BG/NBD
    expects of it, which did better than a steady pace (docs/decisions/0040).
    """
    so_far = process.expected_spend(rows.columns, rows.days_passed)
    whole = process.expected_spend(rows.columns)
    factor = np.divide(whole, so_far, out=np.ones(len(whole)), where=so_far > 0)
    return fit_value_rivals(
        Lesson(rows.columns, rows.spend > 0, rows.spend * factor, YEAR_DAYS, process)
    )


def spread_of(
    expected: FloatArray, rows: SpendRows, process: BuyTillYouDie, base: Columns, seed: int
) -> Spread:
    """Returns the spread of the rows whose year has passed; of draws where they are too few."""
    whole = rows.is_whole
    if whole.sum() >= MIN_SPREAD_ROWS:
        return Spread.fit(expected[whole], rows.spend[whole])
    return drawn_spread(process, base, seed)


def drawn_spread(process: BuyTillYouDie, base: Columns, seed: int) -> Spread:
    """Returns the spread of a year drawn from the process for customers of a base."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(base["recency_days"]), _DRAWS)
    drawn = {name: values[chosen] for name, values in base.items()}
    return Spread.fit(process.expected_spend(drawn), process.draw_spend(drawn, rng))


def _parameters(seed: int) -> dict[str, Any]:
    return {**PARAMETERS, **SPEND_OBJECTIVE, "eta": _ETA, "seed": seed}


def _lesson(rows: SpendRows, inputs: Inputs) -> Any:
    """Returns rows as XGBoost learns them: spend so far, expectation of as many days."""
    import xgboost

    return xgboost.DMatrix(
        inputs.matrix(rows.columns),
        np.maximum(rows.spend, 0.0) / inputs.unit,
        base_margin=inputs.margin(rows.columns, rows.days_passed),
    )
