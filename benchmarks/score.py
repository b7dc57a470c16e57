"""Scoring end to end beside a bare read, prediction and COPY of the same customers.

Ours is the step `score` as the night runs it: besides the churn scores with their reasons it writes
percentiles, abstentions, drift and everybody's expected spend. Bare is ADBC, XGBoost and COPY: all
customers in memory at once, and person and probability alone are written. Processor time is
compared, that of the database server included: other work on the machine is not in it.
"""

from contextlib import closing
from dataclasses import replace
from datetime import date

import adbc_driver_postgresql.dbapi
import psycopg
import xgboost

from benchmarks.company_size import postmaster
from benchmarks.cost import cost_of
from benchmarks.planted_world import lay_down_world
from benchmarks.result import Result, at_most, reported
from benchmarks.stage import Stage
from ml import artefacts, registry
from ml.churn.settings import CHURN
from ml.inputs import ModelInputs
from ml.score import score
from ml.scorers import XGBoostScorer, scorer_of
from ml.train import train
from tests.ml.world import World
from warehouse.connections import connect
from warehouse.context import RunContext

NIGHT = date(2017, 11, 30)
CUSTOMERS = 1_000_000
FEWER = 10  # times fewer customers, for the growth
PLANTED = 500


def measure(stage: Stage, customers: int = CUSTOMERS) -> list[Result]:
    """Returns our scoring as a multiple of the bare steps, how it grows, and its memory."""
    context = lay_down_world(stage, "score", World(live=PLANTED, lapsed=PLANTED))
    settings, url = context.settings, context.url
    train(context, "churn")
    tonight = replace(context, as_of=NIGHT)
    with connect(url) as connection:
        champion = registry.champion_for(connection, "churn", NIGHT)
    if champion is None or champion.kind != "xgboost":
        raise RuntimeError("The planted world did not train an XGBoost champion.")
    artefact = artefacts.load(settings.models_dir, champion)
    scorer = scorer_of(CHURN, artefact, context.policy.horizon_days)
    assert isinstance(scorer, XGBoostScorer)
    model = (artefact.model or b"", scorer.inputs)

    server = postmaster(settings)
    _grow_to(url, customers // FEWER)
    fewer = cost_of(server, _ours, tonight)
    rows = _grow_to(url, customers)
    ours = cost_of(server, _ours, tonight)
    bare = cost_of(server, _bare, url, *model, False)
    bare_reasons = cost_of(server, _bare, url, *model, True)
    spent = ours.processor_seconds
    name = f"score: {rows:,} customers"
    return [
        at_most(f"{name} beside read, predict and COPY", spent / bare.processor_seconds, 1.5),
        at_most(f"{name}, reasons on both sides", spent / bare_reasons.processor_seconds, 2.0),
        at_most(f"{name} beside {FEWER} times fewer", spent / fewer.processor_seconds, 1.1 * FEWER),
        reported(f"{name}, processor time", spent, "s"),
        reported(f"{name}, processor time of the bare steps", bare_reasons.processor_seconds, "s"),
        reported(f"{name}, in a second", rows / ours.seconds, "rows/s"),
        reported(f"{name}, memory", ours.memory_mb, "MB"),
        reported(f"{name}, memory of {FEWER} times fewer", fewer.memory_mb, "MB"),
        reported(f"{name}, memory of the bare steps", bare_reasons.memory_mb, "MB"),
    ]


def _grow_to(url: str, customers: int) -> int:
    """Copies the night's planted live customers under new ids; returns how many there are then."""
    with psycopg.connect(url, autocommit=True) as connection:
        columns = [
            name
            for (name,) in connection.execute(
                """
                select column_name from information_schema.columns
                where table_schema = 'features' and table_name = 'ftr_customers'
                    and column_name != 'person_id' order by ordinal_position
                """
            )
        ]
        names = ", ".join(columns)
        connection.execute(
            "delete from features.ftr_customers where as_of_date = %s and population != 'live'",
            (NIGHT,),
        )
        found = _count(connection)
        connection.execute(
            f"""
            insert into features.ftr_customers (person_id, {names})
            select person_id || '-' || number, {names}
            from features.ftr_customers,
                generate_series({found // PLANTED + 1}, {customers // PLANTED}) as number
            where as_of_date = '{NIGHT}' and person_id not like '%-%'
            """.encode()
        )
        # As dbt does it.
        connection.execute(
            "create unique index if not exists of_day on features.ftr_customers"
            " (as_of_date, person_id)"
        )
        connection.execute("vacuum analyze features.ftr_customers")
        return _count(connection)


def _count(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "select count(*) from features.ftr_customers where as_of_date = %s", (NIGHT,)
    ).fetchone()
    assert row
    return int(row[0])


def _ours(context: RunContext) -> None:
    # A function of this module, so that both sides find the same libraries in memory.
    score(context)


def _bare(url: str, model: bytes, inputs: ModelInputs, reasons: bool) -> None:
    booster = xgboost.Booster(model_file=bytearray(model))
    names = ", ".join(inputs.columns)
    query = (
        f"select person_id, {names} from features.ftr_customers"
        f" where as_of_date = '{NIGHT}' and population = 'live'"
    )
    with (
        closing(adbc_driver_postgresql.dbapi.connect(url)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.execute(query)
        table = cursor.fetch_arrow_table()
    matrix = inputs.matrix({name: table[name].to_numpy() for name in inputs.columns})
    probability = booster.inplace_predict(matrix)
    if reasons:
        booster.predict(xgboost.DMatrix(matrix), pred_contribs=True)
    lines = "".join(
        f"{person}\t{value}\n"
        for person, value in zip(table["person_id"].to_pylist(), probability.tolist(), strict=True)
    )
    with psycopg.connect(url) as target:
        target.execute("create temporary table bare (person_id text, probability double precision)")
        with target.cursor().copy("copy bare from stdin") as copy:
            copy.write(lines)
