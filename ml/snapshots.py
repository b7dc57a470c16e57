"""Which day serves for what in a training, and whether there is enough to learn from.

A snapshot is the population as of one day with what it did in the horizon after. The latest
snapshots are the test. Between the last training snapshot and the first test one lies a whole
horizon, so that no purchase is learned from and tested on at once; and again between the days that
a model is fitted on and those that stop it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ml.features import LabelledRows
from ml.models import ModelSpec
from ml.outcomes import Outcome
from warehouse.errors import TooLittleData
from warehouse.policy import Policy, Training

# Fewer snapshots than this hold too few seasons of behaviour, whatever the policy asks for.
MIN_SNAPSHOTS = 8
VALIDATION_SNAPSHOTS = 2
MIN_FIT_SNAPSHOTS = 2


@dataclass(frozen=True)
class Split:
    """The days of the snapshots by what they are used for.

    Attributes:
        fit: where settings and rounds are tried.
        between: less than a horizon before the validation; only the last learning uses them.
        validation: where the trials are measured.
        embargoed: less than a horizon before the test; not used.
        test: what the gate looks at.
    """

    fit: tuple[date, ...]
    between: tuple[date, ...]
    validation: tuple[date, ...]
    embargoed: tuple[date, ...]
    test: tuple[date, ...]

    @property
    def training(self) -> tuple[date, ...]:
        """The days that the model and its rivals learn from in the end."""
        return self.fit + self.between + self.validation

    def as_json(self) -> dict[str, list[str]]:
        """Returns the days by use."""
        return {
            use: [day.isoformat() for day in getattr(self, use)]
            for use in ("fit", "between", "validation", "embargoed", "test")
        }


def snapshot_days(outcome: Outcome, policy: Policy, as_of: date, first_day: date) -> list[date]:
    """Returns the days of an outcome's snapshots, ascending.

    They end at the latest day whose outcome is known by `as_of`, and none is before `first_day`,
    the day the data begins. All outcomes take theirs from the same row of days, so that they share
    snapshots.
    """
    every = policy.training.snapshot_every_days
    waits = outcome.horizon_days(policy) - policy.horizon_days
    first = math.ceil(waits / every)
    ages = (
        policy.horizon_days + index * every
        for index in range(first, first + outcome.snapshot_count(policy))
    )
    days = (as_of - timedelta(days=age) for age in ages)
    return sorted(day for day in days if day >= first_day)


def split_days(days: Sequence[date], horizon_days: int, training: Training) -> Split:
    """Returns which snapshot serves for what.

    Args:
        days: the snapshots, ascending.
        horizon_days: how long it takes to know what came of one.
        training: the policy's.

    Raises:
        TooLittleData: there are too few days, or the embargoes leave too few to learn from.
    """
    horizon, every = timedelta(days=horizon_days), training.snapshot_every_days
    if len(days) < MIN_SNAPSHOTS:
        raise TooLittleData(
            f"There are {len(days)} snapshots, {MIN_SNAPSHOTS} are needed.",
            f"About {(MIN_SNAPSHOTS - len(days)) * every} more days of history would do, or a "
            "smaller training.snapshot_every_days.",
        )
    tests = training.test_snapshot_count
    test = tuple(days[-tests:])
    learning = [day for day in days if day <= test[0] - horizon]
    validation = tuple(learning[-VALIDATION_SNAPSHOTS:])
    fit = tuple(day for day in learning if day <= validation[0] - horizon)
    if len(fit) < MIN_FIT_SNAPSHOTS:
        embargo = math.ceil(horizon_days / every) - 1
        needed = MIN_FIT_SNAPSHOTS + embargo + VALIDATION_SNAPSHOTS + embargo + tests
        raise TooLittleData(
            f"{len(days)} snapshots leave {len(fit)} to fit on: a horizon of "
            f"{horizon_days} days lies before the validation and before the test.",
            f"training.snapshot_count of {needed}, with history for it, would do.",
        )
    return Split(
        fit=fit,
        between=tuple(day for day in learning if fit[-1] < day < validation[0]),
        validation=validation,
        embargoed=tuple(day for day in days if validation[-1] < day < test[0]),
        test=test,
    )


def count_rows(rows: LabelledRows, split: Split) -> dict[str, int]:
    """Returns rows and positives of the training, its slices and the test."""
    counts = {}
    for name, days in (
        ("train", split.training),
        ("fit", split.fit),
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
        ("of the rarer outcome to fit on", rarer("fit"), 1),
        ("of the rarer outcome to stop on", rarer("validation"), 1),
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
