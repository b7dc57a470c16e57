"""Holds the model against every rival, out of time, on a bare purchase log.

The test is one day: every customer known by then, and what each did in the horizon after. Whatever
is learned was known on that day: the days learned from end a whole horizon before it.
"""

import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from ml import gate
from ml.arrays import BoolArray, FloatArray
from ml.gate import Judgement
from ml.purchase_log.candidate import Learning, fit_probability, fit_spend
from ml.purchase_log.read import PurchaseLog
from ml.purchase_log.snapshots import Snapshot, shift, snapshot, stack
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.catalogue import fit_probability_rivals, fit_value_rivals
from warehouse.errors import ModelError, SettingsError, TooLittleData
from warehouse.policy import Training

logger = logging.getLogger(__name__)

MAX_DAYS = 26
MIN_STEP_DAYS = 7
VALIDATION_DAYS = 2
TASKS = ("churn", "winback", "value")


@dataclass(frozen=True)
class Plan:
    """Which day serves for what."""

    fit: tuple[date, ...]
    embargoed: tuple[date, ...]
    validation: tuple[date, ...]
    test: date
    horizon_days: int

    @property
    def learning(self) -> tuple[date, ...]:
        """Every day learned from."""
        return self.fit + self.embargoed + self.validation


@dataclass(frozen=True)
class Outcome:
    """What came of one of churn, winback and value: a judgement, or why there is none."""

    task: str
    learning_rows: int
    test_rows: int
    test_events: int | None
    judgement: Judgement | None
    refusal: str | None

    def as_json(self) -> dict[str, Any]:
        """Returns everything, in plain types."""
        return {
            "learning_rows": self.learning_rows,
            "test_rows": self.test_rows,
            "test_events": self.test_events,
            "refusal": self.refusal,
            **(self.judgement.as_json() if self.judgement else {}),
        }


@dataclass(frozen=True)
class Evaluation:
    """The whole evaluation of a log."""

    plan: Plan
    live_within_days: int
    customers: int
    outcomes: tuple[Outcome, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns everything, in plain types."""
        plan = self.plan
        return {
            "as_of": plan.test.isoformat(),
            "horizon_days": plan.horizon_days,
            "live_within_days": self.live_within_days,
            "customers": self.customers,
            "days": {
                "fit": [day.isoformat() for day in plan.fit],
                "embargoed": [day.isoformat() for day in plan.embargoed],
                "validation": [day.isoformat() for day in plan.validation],
            },
            "tasks": {outcome.task: outcome.as_json() for outcome in self.outcomes},
        }


def evaluate(
    log: PurchaseLog,
    as_of: date,
    *,
    horizon_days: int,
    live_within_days: int,
    minima: Training,
) -> Evaluation:
    """Returns how churn, win-back and value come out against all rivals as of a day.

    Raises:
        SettingsError: the log does not reach a horizon past the day.
        TooLittleData: there is too little before the day to learn anything from.
    """
    plan = plan_days(log, as_of, horizon_days)
    parts = {day: snapshot(log, day, horizon_days) for day in plan.learning}
    test = snapshot(log, as_of, horizon_days)
    process = BuyTillYouDie.fit(test.columns)
    outcomes = []
    for task in TASKS:
        chosen = {
            day: part.take(_population(task, part, live_within_days)) for day, part in parts.items()
        }
        learning = Learning(
            fit=stack([chosen[day] for day in plan.fit]),
            validation=stack([chosen[day] for day in plan.validation]),
            all=stack([chosen[day] for day in plan.learning]),
            horizon_days=horizon_days,
            process=process,
        )
        judged = test.take(_population(task, test, live_within_days))
        logger.info(
            "%s: %d rows to learn from, %d to test on",
            task, len(learning.all.bought), len(judged.bought),
        )  # fmt: skip
        outcomes.append(_evaluate(task, log, learning, judged, minima))
    return Evaluation(plan, live_within_days, len(test.bought), tuple(outcomes))


def plan_days(log: PurchaseLog, as_of: date, horizon_days: int) -> Plan:
    """Returns which days to learn from, at even steps.

    The first lies a horizon after the log begins, so that something is known of its customers; the
    last ends its horizon on `as_of`. Between fit and validation lies a horizon too.

    Raises:
        SettingsError: the log does not reach a horizon past `as_of`.
        TooLittleData: too few days lie before it.
    """
    latest = shift(log.last_day, -horizon_days)
    if as_of > latest:
        raise SettingsError(
            f"The log ends on {log.last_day}: what {horizon_days} days after {as_of} bring is not "
            "known.",
            f"Name a day up to {latest} by --as-of, or a shorter --horizon.",
        )
    step = max(MIN_STEP_DAYS, horizon_days // 4)
    day = shift(as_of, -horizon_days)
    days: list[date] = []
    while day >= shift(log.first_day, horizon_days) and len(days) < MAX_DAYS:
        days.append(day)
        day = shift(day, -step)
    days.sort()
    validation = tuple(days[-VALIDATION_DAYS:])
    fit = tuple(d for d in days if validation and d <= shift(validation[0], -horizon_days))
    if not fit:
        needed = 3 * horizon_days + (VALIDATION_DAYS - 1) * step
        raise TooLittleData(
            f"The log begins on {log.first_day}, {(as_of - log.first_day).days} days before "
            f"{as_of}; at a horizon of {horizon_days} days {needed} are needed: one to know "
            "customers by, one to fit on, one to validate on.",
            "Name a later day by --as-of, or a shorter --horizon.",
        )
    embargoed = tuple(d for d in days if fit[-1] < d < validation[0])
    return Plan(fit, embargoed, validation, as_of, horizon_days)


def _population(task: str, part: Snapshot, live_within_days: int) -> BoolArray:
    recency = part.columns["recency_days"]
    if task == "churn":
        return recency <= live_within_days
    if task == "winback":
        return recency > live_within_days
    return np.ones(len(recency), dtype=np.bool_)


def _evaluate(
    task: str, log: PurchaseLog, learning: Learning, test: Snapshot, minima: Training
) -> Outcome:
    events = None if task == "value" else int(_happened(task, test).sum())
    judgement, refusal = None, None
    try:
        if task == "value":
            _require_value(log, learning, test, minima)
            judgement = _judge_value(learning, test, minima)
        else:
            _require_both(task, learning, test, minima)
            judgement = _judge_probability(task, learning, test, minima)
    except (TooLittleData, ModelError) as error:
        refusal = str(error)
    return Outcome(task, len(learning.all.bought), len(test.bought), events, judgement, refusal)


def _judge_probability(
    task: str, learning: Learning, test: Snapshot, minima: Training
) -> Judgement:
    def event(bought: FloatArray) -> FloatArray:
        return 1 - bought if task == "churn" else bought

    rivals = fit_probability_rivals(learning.lesson(learning.all))
    candidate = fit_probability(learning, minima.seed)
    return gate.judge_probability(
        event(candidate.predict(test.columns)),
        {name: event(rival.probability(test.columns)) for name, rival in rivals.items()},
        _happened(task, test),
        max_calibration_error=minima.max_calibration_error,
        seed=minima.seed,
    )


def _judge_value(learning: Learning, test: Snapshot, minima: Training) -> Judgement:
    rivals = fit_value_rivals(learning.lesson(learning.all))
    candidate = fit_spend(learning, minima.seed)
    return gate.judge_value(
        candidate.predict(test.columns),
        {name: rival.spend(test.columns) for name, rival in rivals.items()},
        test.spend,
        seed=minima.seed,
    )


def _happened(task: str, rows: Snapshot) -> BoolArray:
    """Returns the event that the task foretells: no purchase, or a purchase."""
    return ~rows.bought if task == "churn" else rows.bought


def _require_both(task: str, learning: Learning, test: Snapshot, minima: Training) -> None:
    """Checks that there is enough of both outcomes; raises `TooLittleData` with every number."""

    def rarer(rows: Snapshot) -> int:
        events = int(rows.bought.sum())
        return min(events, len(rows.bought) - events)

    who = "live" if task == "churn" else "lapsed"
    _require(
        (f"{who} rows to learn from", len(learning.all.bought), minima.min_train_rows),
        ("of the rarer outcome to learn from", rarer(learning.all), minima.min_class_rows),
        ("of the rarer outcome to fit on", rarer(learning.fit), 1),
        ("of the rarer outcome to stop on", rarer(learning.validation), 1),
        ("of the rarer outcome to test on", rarer(test), minima.min_test_class_rows),
    )


def _require_value(log: PurchaseLog, learning: Learning, test: Snapshot, minima: Training) -> None:
    if log.has_one_amount:
        raise TooLittleData(
            "Every day with a purchase has the same amount: there is no spend to tell apart.",
            "Name the column with the amounts paid by --amount.",
        )

    def spenders(rows: Snapshot) -> int:
        return int((rows.spend > 0).sum())

    _require(
        ("rows to learn from", len(learning.all.spend), minima.min_train_rows),
        ("rows with spend to fit on", spenders(learning.fit), minima.min_class_rows),
        ("rows with spend to stop on", spenders(learning.validation), 1),
        ("customers with spend to test on", spenders(test), minima.min_test_class_rows),
    )


def _require(*asked: tuple[str, int, int]) -> None:
    missing = [(what, found, needed) for what, found, needed in asked if found < needed]
    if missing:
        raise TooLittleData(
            "There are too few "
            + "; ".join(f"{what}: {found}, {needed} would do" for what, found, needed in missing)
            + ".",
            "Take a longer log with more customers, or another --horizon or --live-within.",
        )
