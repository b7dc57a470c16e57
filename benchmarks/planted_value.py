"""The value model beside what is planted in the demo company: ranks, and how often intervals hold.

The day of the test lies a year before the company's day; the rates planted in each person are known
to the truth alone. The model is held against what can be read of them and of the silence up to that
day (docs/decisions/0049); beside it stand the planted expectations, which know who has left.
"""

from collections import defaultdict
from contextlib import closing

import numpy as np
import psycopg

from benchmarks.planted_silence import read as read_silence
from benchmarks.planted_silence import read_rates
from benchmarks.result import Result, at_least, at_most, reported
from benchmarks.stage import Stage
from benchmarks.true_owners import true_owners
from demo.company.systems import truth
from ml.arrays import FloatArray
from ml.bootstrap import rank_correlation
from ml.features import first_purchase_day, read_base, read_population
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.train import build_snapshots
from ml.value.days import YearPlan, plan_year
from ml.value.learn import try_rounds
from ml.value.model import COLUMNS, MODEL_NAME, SpendModel
from ml.value.rows import POPULATIONS
from ml.value.spread import LEVEL
from ml.value.train import judge
from warehouse.connections import connect, connect_arrow, sibling_url
from warehouse.context import RunContext

CUSTOMERS = 20_000


def measure(stage: Stage, customers: int = CUSTOMERS) -> list[Result]:
    """Returns rank correlations with the spend of the test's year, and the intervals' coverage."""
    context = stage.company(customers)
    build_snapshots(context)
    return compare(context, f"value: {customers:,} customers")


def compare(context: RunContext, name: str) -> list[Result]:
    """Returns the results of a company whose snapshots are built."""
    seed = context.policy.training.seed
    with context.connection() as connection:
        plan = plan_year(context.as_of, first_purchase_day(connection))
    judged = judge(context.url, plan, context.policy.training)
    planted, read, expected, spend = _by_true_person(context, plan, judged.model)
    of_planted, of_read, of_model = (_ranks(guess, spend) for guess in (planted, read, expected))
    # What the same learner makes of the test's own year, of other persons.
    with closing(connect_arrow(context.url)) as reader:
        process = BuyTillYouDie.fit(read_base(reader, plan.test))
    foreseen = _ranks(try_rounds(judged.test, process, seed).left_out, judged.test.spend)
    judgement = judged.judgement
    on_test = judgement.candidate["rank_correlation"]
    rival = judgement.rivals[judgement.best_rival]["rank_correlation"]
    coverage = judged.coverage[MODEL_NAME]
    return [
        at_least(
            f"{name}: rank correlation beside the planted rates read from silence",
            of_model / of_read,
            0.9,
        ),
        reported(
            f"{name}: rank correlation of the planted rates read from silence", of_read, "rho"
        ),
        reported(f"{name}: rank correlation beside the planted rates'", of_model / of_planted, "x"),
        reported(f"{name}: rank correlation of the planted rates", of_planted, "rho"),
        reported(f"{name}: rank correlation of the model", of_model, "rho"),
        reported(f"{name}: beside the learner's own in the test's year", on_test / foreseen, "x"),
        reported(f"{name}: beside the best rival's", on_test / rival, "x"),
        reported(f"{name}: failings before the gate", len(judgement.failings), ""),
        at_most(f"{name}: intervals off their {LEVEL:.0%}", abs(coverage - LEVEL), 0.05, "share"),
    ]


def _by_true_person(
    context: RunContext, plan: YearPlan, model: SpendModel
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Returns what is planted, what can be read, what the model expects and what came.

    What is planted knows who has left; what can be read are the planted rates and the silence since
    the last purchase. One entry a true person.

    A person of the warehouse counts for the true one whom most of its records are of.
    """
    with (
        context.connection() as warehouse,
        connect(sibling_url(context.url, truth.DATABASE)) as known,
    ):
        planted = _planted(known, plan)
        owner = true_owners(warehouse, known)
        rates = read_rates(known, people := sorted(planted), plan.test)
        came = dict(
            warehouse.execute(
                "select person_id, spend_within_year from features.customer_labels"
                " where as_of_date = %s",
                (plan.test,),
            ).fetchall()
        )
    totals: dict[int, FloatArray] = defaultdict(lambda: np.zeros(2))
    silence: dict[int, int] = {}
    with closing(connect_arrow(context.url)) as reader:
        for population in POPULATIONS:
            for persons, columns in read_population(reader, population, plan.test, COLUMNS):
                values = zip(
                    persons,
                    columns["recency_days"].tolist(),
                    model.spend(columns).tolist(),
                    strict=True,
                )
                for person, days, value in values:
                    # Whoever has a contract and never bought has no expectation.
                    if owner.get(person) in planted and not np.isnan(value):
                        true_person = owner[person]
                        totals[true_person] += (value, came[person])
                        silence[true_person] = min(int(days), silence.get(true_person, int(days)))
    bought = np.array([silence.get(person, 0) for person in people])
    read = dict(zip(people, read_silence(rates, plan.test, bought, 1).spend.tolist(), strict=True))
    rows = np.array([(planted[who], read[who], *both) for who, both in totals.items()])
    return rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]


def _planted(known: psycopg.Connection, plan: YearPlan) -> dict[int, float]:
    """Returns what is expected from the first of a month on, the last one by the test's end."""
    return dict(
        known.execute(
            """
            select true_person_id, spend_365d from demo_truth.expectations
            where on_day = (
                select max(on_day) from demo_truth.expectations where on_day <= %s::date + 1
            )
            """,
            (plan.test,),
        ).fetchall()
    )


def _ranks(expected: FloatArray, spend: FloatArray) -> float:
    return rank_correlation(expected, spend)(np.ones(len(spend)))
