"""What contact changes, learned from the demo company's campaigns, beside what was planted.

The order of the learner is judged by the effects that were planted, without any chance: a Qini
coefficient over planted effects instead of outcomes. Which kind of person somebody is stands in no
record; the order by the planted pace alone shows what can be had without knowing it.
"""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg

from benchmarks.result import Result, at_least, reported
from benchmarks.stage import COMPANY_DAY, Stage
from demo.company import assumptions
from demo.company.systems import truth
from ml.arrays import FloatArray
from ml.train import build_snapshots
from ml.uplift import train
from ml.uplift.experiment import Experiment, read_experiment, split_experiment
from ml.uplift.score import score_effects
from ml.uplift.settings import CONTACT_EFFECT, effect_specs
from ml.uplift.stored import load_effect
from warehouse.connections import connect_arrow
from warehouse.context import RunContext

CUSTOMERS = 20_000
_QINI_SHARE = 0.8
_ENRICHMENT = 3.0


def measure(stage: Stage, customers: int = CUSTOMERS) -> list[Result]:
    """Returns the learner's Qini over planted effects, and who is not to be woken."""
    tonight = stage.company(customers)
    before = replace(tonight, as_of=COMPANY_DAY - timedelta(days=1))
    build_snapshots(before)
    reports = {name: train.train(before, name) for name in effect_specs()}
    with tonight.connection() as connection, closing(connect_arrow(tonight.url)) as reader:
        score_effects(tonight, connection, reader)
        effect = load_effect(tonight, connection, CONTACT_EFFECT)
    name = f"uplift: {customers:,} customers"
    results = [
        reported(f"{name}, {model} {fact}", float(report.facts[fact]), unit)
        for model, report in reports.items()
        for fact, unit in (("signal", "t"), ("qini", "Qini"), ("average_effect", "effect"))
        if fact in report.facts
    ]
    if effect:
        found = read_experiment(before.url, before.policy, before.as_of, CONTACT_EFFECT)
        test = split_experiment(found, before.policy).test
        results += _orders(name, tonight, test, effect.model.effect(test.columns))
    return results + _asleep(name, tonight)


def _orders(name: str, context: RunContext, test: Experiment, score: FloatArray) -> list[Result]:
    planted, pace = _planted(context, test)
    known = ~np.isnan(planted)
    best = _qini(planted[known], planted[known])

    def share(order: FloatArray) -> float:
        return _qini(order[known], planted[known]) / best

    return [
        at_least(f"{name}, Qini beside the planted effects'", share(score), _QINI_SHARE, "share"),
        reported(f"{name}, the same of the planted pace alone", share(pace), "share"),
        reported(f"{name}, test rows whose person is known", float(known.mean()), "share"),
    ]


def _planted(context: RunContext, test: Experiment) -> tuple[FloatArray, FloatArray]:
    """Returns each row's planted purchases more, and how often the person was to buy by itself.

    Who has left buys nothing but may come back upon a win-back contact.
    """
    people, rates = _truth(context)
    goals = _rows(
        context.url,
        "select campaign_id, split_part(campaign_type, ' ', 2) from marts.dim_campaigns",
    )
    wins_back = {str(campaign) for campaign, goal in goals if goal == "win_back"}
    days = context.policy.contact.effect_days
    planted, pace = np.full(len(test.days), np.nan), np.zeros(len(test.days))
    months = test.days.astype("datetime64[M]").astype("datetime64[D]")
    for row, (person, campaign, month) in enumerate(
        zip(test.persons.tolist(), test.campaigns.tolist(), months.tolist(), strict=True)
    ):
        found = people.get(test.person_ids[person])
        if found is None:
            continue
        true_person, kind, gap = found
        hazard, rate = rates.get((true_person, month), (0.0, 0.0))
        pace[row] = rate
        planted[row] = 0.0
        if kind == "persuadable":
            planted[row] = assumptions.PERSUADABLE_PACE * rate * days
            if rate == 0 and test.campaign_ids[campaign] in wins_back:
                planted[row] = assumptions.PERSUADABLE_RETURNS * (1 + days / gap)
        elif kind == "do_not_wake":
            # Who decides to leave, half way on average, buys more slowly from then on.
            deciding = assumptions.WOKEN_HAZARD * hazard * days
            planted[row] = -deciding * rate * days / 2 * (1 - assumptions.FADING_PACE[0])
    return planted, pace


def _asleep(name: str, context: RunContext) -> list[Result]:
    people, _ = _truth(context)
    effects = _rows(
        context.url,
        "select person_id, is_do_not_wake from ml.contact_effects where as_of_date = %s",
        context.as_of,
    )
    planted = [
        (people[person][1] == "do_not_wake", marked)
        for person, marked in effects
        if person in people
    ]
    marked = [is_planted for is_planted, is_marked in planted if is_marked]
    base = float(np.mean([is_planted for is_planted, _ in planted])) if planted else 0.0
    share = float(np.mean(marked)) if marked else 0.0
    return [
        at_least(
            f"{name}, do-not-wakes among the marked beside all",
            share / base if base else 0.0, _ENRICHMENT,
        ),
        reported(f"{name}, marked", len(marked), "persons"),
    ]  # fmt: skip


def _truth(context: RunContext) -> tuple[dict[str, Any], dict[Any, tuple[float, float]]]:
    """Returns who each person truly is, of which kind and pace, and the rates month by month.

    A person of the shop's accounts is whoever opened most of them.
    """
    url = truth.truth_url(context.settings)
    members = dict(
        _rows(
            url,
            f"""
            select source_record_id, true_person_id from {truth.SCHEMA}.person_records
            where source = 'shop'
            """,
        )
    )
    kinds = {
        person: (person, kind, gap)
        for person, kind, gap in _rows(
            url,
            f"select true_person_id, contact_effect, base_gap_days from {truth.SCHEMA}.people",
        )
    }
    people = {
        person: kinds[members[record]]
        for person, record in _rows(
            context.url,
            """
            select distinct on (person_id) person_id, source_customer_id
            from identity.person_links where source = 'shop'
            order by person_id, source_customer_id
            """,
        )
        if record in members
    }
    rates = {
        (person, day): (hazard, rate)
        for person, day, hazard, rate in _rows(
            url,
            f"""
            select true_person_id, on_day, leaving_hazard_per_day, purchase_rate_per_day
            from {truth.SCHEMA}.hazards
            """,
        )
    }
    return people, rates


def _qini(score: FloatArray, planted: FloatArray) -> float:
    gains = np.cumsum(planted[np.argsort(-score, kind="stable")]) / len(planted)
    return float(gains.mean() - planted.mean() / 2)


def _rows(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode(), values).fetchall()
