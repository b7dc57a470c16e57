"""Training beside bare `xgboost.train` on the same matrices, with the same settings and rounds.

Inside the ratio is how a candidate comes about: the rivals' expectations as inputs, both matrices,
the search with the rows that stop it, the last learning, and the model as bytes. Bare is what
XGBoost does of that when it is told settings and rounds: it grows as many trees on matrices that
are there, without rows that stop it. Beside it stands the same with XGBoost's own early stopping,
which looks at those rows after every round; ours looks after every tenth (docs/decisions/0050).
Around it are the reading, the rivals and the gate with its bootstrap; each is reported apart. It
works in one thread, so processor time is compared: other work on the machine is not in it.
"""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import xgboost

from benchmarks.planted_world import lay_down_world
from benchmarks.result import Result, at_most, reported
from benchmarks.stage import Stage
from ml.boosting import MAX_ROUNDS, PARAMETERS, PATIENCE_ROUNDS
from ml.candidate import Candidate, fit_candidate, lesson_of
from ml.churn.settings import CHURN
from ml.features import LabelledRows, read_base, read_labelled
from ml.inputs import ModelInputs
from ml.rivals import catalogue
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.snapshots import Split, snapshot_days, split_days
from ml.train import train
from tests.ml.world import AS_OF, FIRST_DAY, World
from warehouse.connections import connect_arrow

CUSTOMERS_A_DAY = 10_000
TRIES = 2


def measure(stage: Stage, customers: int = CUSTOMERS_A_DAY) -> list[Result]:
    """Returns the candidate's processor time as a multiple of the bare one, and what is around."""
    context = lay_down_world(stage, "training", World(live=customers, lapsed=0))
    url, policy = context.url, context.policy
    horizon, minima = policy.horizon_days, policy.training
    days = snapshot_days(CHURN.outcome, policy, AS_OF, FIRST_DAY)
    split = split_days(days, horizon, minima)

    reading, rows = _timed(lambda: read_labelled(url, CHURN, days, horizon, CHURN.columns))
    training = rows.at(split.training)
    with closing(connect_arrow(url)) as reader:
        learning, process = _timed(lambda: BuyTillYouDie.fit(read_base(reader, split.training[-1])))
    lesson = lesson_of(CHURN, training, process, horizon)
    rivals, _ = _timed(lambda: catalogue.fit_probability_rivals(lesson))

    def candidate() -> Candidate:
        return fit_candidate(
            CHURN, rows, split, process,
            horizon_days=horizon, trials=minima.search_trials, seed=minima.seed,
        )  # fmt: skip

    ours: list[float] = []
    bare: list[float] = []
    stopped: list[float] = []
    for _ in range(TRIES):
        seconds, found = _timed(candidate)
        ours.append(seconds)
        for times, stops in ((bare, False), (stopped, True)):
            times.append(_timed(_bare(found, rows, split, minima.seed, stops=stops))[0])
    whole, _ = _timed(lambda: train(context, CHURN.name))
    name = f"training: {len(training.happened):,} rows"
    least = min(bare)
    return [
        at_most(f"{name}, candidate beside bare xgboost.train", min(ours) / least, 1.15),
        reported(f"{name}, candidate beside it with early stopping", min(ours) / min(stopped), "x"),
        reported(f"{name}, everything beside bare xgboost.train", whole / least, "x"),
        reported(f"{name}, bare xgboost.train", least, "s"),
        reported(f"{name}, reading", reading, "s"),
        reported(f"{name}, rivals", learning + rivals, "s"),
        reported(
            f"{name}, gate, soundness and storing",
            whole - min(ours) - reading - learning - rivals,
            "s",
        ),
    ]


def _bare(
    found: Candidate, rows: LabelledRows, split: Split, seed: int, *, stops: bool
) -> Callable[[], None]:
    """Returns the bare work: to grow what the search grew, and the last model.

    Args:
        stops: XGBoost looks at the validation rows after every round, as its early stopping does.
    """

    def matrix(part: LabelledRows, inputs: ModelInputs) -> Any:
        return inputs.matrix(part.columns), part.happened.astype(float)

    # The trees of a trial cost the same whichever days the rivals' expectations are learned from.
    fit, validation, training = (
        matrix(rows.at(days), found.inputs)
        for days in (split.fit, split.validation, split.training)
    )

    def grow() -> None:
        known, all_known = xgboost.DMatrix(*fit), xgboost.DMatrix(*training)
        watched = [(xgboost.DMatrix(*validation), "validation")] if stops else []
        for trial in found.trials:
            parameters = {**PARAMETERS, **trial.settings, "seed": seed}
            rounds = min(trial.rounds + PATIENCE_ROUNDS, MAX_ROUNDS)
            # As many rounds on both sides: patience that never ends looks without stopping.
            xgboost.train(
                parameters,
                known,
                rounds,
                evals=watched,
                early_stopping_rounds=MAX_ROUNDS if stops else None,
                verbose_eval=False,
            )
        best = found.trials[0]
        xgboost.train({**PARAMETERS, **best.settings, "seed": seed}, all_known, best.rounds)

    return grow


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Returns the processor seconds that work took, and what came of it."""
    started = time.process_time()
    found = work()
    return time.process_time() - started, found
