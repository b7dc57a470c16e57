"""The churn model beside what is planted in the demo company: order, calibration and causes.

The model is held against what can be read of the planted rates and of the silence up to the day
(`benchmarks.planted_silence`, docs/decisions/0049). Beside it stands a yardstick that knows an
outcome: the two rates that the truth keeps for the first of each month, of the next purchase and of
leaving, where who had silently left by then stays away for certain. Which of the model's reason
groups names which planted cause is laid down here and in no other place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks.planted_silence import read as read_silence
from benchmarks.planted_silence import read_rates
from benchmarks.result import Result, at_least, at_most, reported
from benchmarks.stage import Stage
from benchmarks.true_owners import true_owners
from demo.company.systems import truth
from ml import artefacts, evaluate, registry
from ml.arrays import BoolArray, FloatArray
from ml.churn.settings import CHURN
from ml.features import read_labelled
from ml.reasons import explain
from ml.scorers import Scorer, scorer_of
from ml.train import build_snapshots, train
from warehouse.connections import connect, sibling_url
from warehouse.context import RunContext

CUSTOMERS = 20_000
# A cause counts as named where the first reason is of one of its groups. Symptoms, such as fewer
# visits or departments, name no cause. A move shows in the account's details.
GROUPS_OF_CAUSE: Mapping[str, tuple[str, ...]] = {
    "rhythm": ("rhythm", "frequency"),
    "complaint": ("complaint",),
    "contract_end": ("contract",),
    "price": ("price",),
    "moved": ("details",),
    "competitor": ("competition",),
}


@dataclass(frozen=True)
class Planted:
    """What is planted of the rows of the test.

    Attributes:
        known: whose person the truth knows.
        stays_away: the probability of no purchase within the horizon, knowing who has left.
        read: the same without knowing it, of the rates and the silence up to the day.
        hazard: of leaving, per day; infinite for who has left.
        cause: why somebody leaves by the end of the horizon; empty for who does not.
    """

    known: BoolArray
    stays_away: FloatArray
    read: FloatArray
    hazard: FloatArray
    cause: NDArray[np.str_]


def measure(stage: Stage, customers: int = CUSTOMERS) -> list[Result]:
    """Returns how the model in force does out of time beside the planted rates and its rivals."""
    context = stage.company(customers)
    build_snapshots(context)
    train(context, CHURN.name)
    return compare(context, f"churn: {customers:,} customers")


def compare(context: RunContext, name: str) -> list[Result]:
    """Returns the results of a company whose churn model was trained on its day."""
    with context.connection() as connection:
        champion = registry.champion_for(connection, CHURN.name, context.as_of + timedelta(days=1))
    if champion is None:
        raise RuntimeError("The training was refused: nothing is in force.")
    stored = artefacts.load(context.settings.models_dir, champion)
    scorer = scorer_of(CHURN, stored, context.policy.horizon_days)
    metrics = stored.manifest["metrics"]
    days = [date.fromisoformat(day) for day in metrics["days"]["test"]]
    spoken = [feature for group in CHURN.groups for feature in group.features]
    columns = list(dict.fromkeys((*scorer.features, *spoken)))
    horizon = context.policy.horizon_days
    test = read_labelled(context.url, CHURN, days, horizon, columns)
    planted = _planted(context, test.days, test.columns["recency_days"], horizon)
    known, happened = planted.known, test.happened
    probability, contributions = scorer.score(test.columns)
    reasons = explain(scorer.groups, contributions, test.columns, "en")
    first = [reason[0] for reason in reasons]

    of_model = evaluate.measure(probability[known], happened[known])
    of_planted = evaluate.measure(planted.stays_away[known], happened[known])
    of_hazard = evaluate.measure(-np.expm1(-horizon * planted.hazard[known]), happened[known])
    on_all = evaluate.measure(probability, happened)["average_precision"]
    best = max(rival["average_precision"] for rival in metrics["rivals"].values())
    leavers = known & happened & (planted.cause != "")
    named = _named(scorer, first, planted.cause)
    of_read = evaluate.measure(planted.read[known], happened[known])
    off = evaluate.measure(probability, happened)["calibration_error"]
    return [
        at_least(
            f"{name}: ROC-AUC beside the planted rates read from silence",
            of_model["roc_auc"] / of_read["roc_auc"],
            0.97,
        ),
        reported(
            f"{name}: ROC-AUC of the planted rates read from silence", of_read["roc_auc"], "AUC"
        ),
        reported(
            f"{name}: ROC-AUC beside the planted rates'",
            of_model["roc_auc"] / of_planted["roc_auc"],
            "x",
        ),
        reported(f"{name}: ROC-AUC of the planted rates", of_planted["roc_auc"], "AUC"),
        reported(f"{name}: ROC-AUC of the planted leaving alone", of_hazard["roc_auc"], "AUC"),
        reported(f"{name}: ROC-AUC of the model", of_model["roc_auc"], "AUC"),
        at_least(f"{name}: average precision beside the best rival's", on_all / best, 1.1),
        reported(
            f"{name}: the same of the planted rates", of_planted["average_precision"] / best, "x"
        ),
        reported(
            f"{name}: the same of the planted rates read from silence",
            of_read["average_precision"] / best,
            "x",
        ),
        at_most(f"{name}: calibration error", off, 0.02, "share"),
        at_least(f"{name}: planted causes named first", float(named[leavers].mean()), 0.8, "share"),
        *(
            result
            for cause in GROUPS_OF_CAUSE
            if (chosen := leavers & (planted.cause == cause)).any()
            for result in (
                reported(f"{name}: planted to leave by {cause}", float(chosen.sum()), "rows"),
                reported(f"{name}: named first of {cause}", float(named[chosen].mean()), "share"),
            )
        ),
    ]


def _named(scorer: Scorer, first: list[str | None], cause: NDArray[np.str_]) -> BoolArray:
    """Returns whose first reason is of a group that names the cause."""
    group_of = {phrase.code: group.name for group in scorer.groups for phrase in group.phrases}
    groups = [group_of[reason.partition(":")[0]] if reason else "" for reason in first]
    return np.array([
        group in GROUPS_OF_CAUSE.get(why, ()) for group, why in zip(groups, cause, strict=True)
    ])  # fmt: skip


def _planted(
    context: RunContext, days: NDArray[np.datetime64], silence: FloatArray, horizon: int
) -> Planted:
    """Returns what is planted of each row, by the rates of the first of its month or the next day.

    Somebody who buys at `rate` and leaves at `hazard` per day, both at random, stays away for the
    horizon if neither comes, or if leaving comes first.
    """
    with (
        context.connection() as warehouse,
        connect(sibling_url(context.url, truth.DATABASE)) as known,
    ):
        owner = true_owners(warehouse, known)
        persons = warehouse.execute(
            """
            select person_id from features.ftr_customers
            where population = %s and as_of_date = any(%s) order by as_of_date, person_id
            """,
            (CHURN.population, np.unique(days).tolist()),
        ).fetchall()
        people = {
            person: (left, cause)
            for person, left, cause in known.execute(
                "select true_person_id, left_on, leaving_cause from demo_truth.people"
            )
        }
        rates = {
            (person, day): (hazard, rate)
            for person, day, hazard, rate in known.execute(
                "select true_person_id, on_day, leaving_hazard_per_day, purchase_rate_per_day"
                " from demo_truth.hazards where on_day >= %s",
                (min(days).item().replace(day=1),),
            )
        }
        true_persons = [owner.get(person, 0) for (person,) in persons]
        read = _read(known, true_persons, days, silence, horizon)
    size = len(days)
    found = Planted(
        np.zeros(size, bool),
        np.ones(size),
        read,
        np.full(size, np.inf),
        np.full(size, "", "U12"),
    )
    for row, (day, (person,)) in enumerate(zip(days.tolist(), persons, strict=True)):
        true_person = owner.get(person)
        if true_person not in people:
            continue
        found.known[row] = True
        left, cause = people[true_person]
        if left and left <= day + timedelta(days=horizon):
            found.cause[row] = cause
        month = (day + timedelta(days=1)).replace(day=1)
        if (true_person, month) in rates:
            hazard, rate = rates[true_person, month]
            found.hazard[row] = hazard
            both = hazard + rate
            neither = np.exp(-both * horizon)
            found.stays_away[row] = neither + (1 - neither) * hazard / both
    return found


def _read(
    known: psycopg.Connection,
    true_persons: list[int],
    days: NDArray[np.datetime64],
    silence: FloatArray,
    horizon: int,
) -> FloatArray:
    """Returns how likely each stays away, as far as rates and silence tell on each day."""
    found = np.ones(len(days))
    for day in np.unique(days).tolist():
        rows = np.flatnonzero(days == np.datetime64(day))
        rates = read_rates(known, [true_persons[row] for row in rows], day)
        found[rows] = read_silence(rates, day, silence[rows].astype(np.int64), horizon).stays_away
    return found
