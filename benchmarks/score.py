"""Scoring end to end beside a bare read, prediction and COPY of the same customers."""

import time
from contextlib import closing
from dataclasses import replace
from datetime import date

import adbc_driver_postgresql.dbapi
import psycopg
import xgboost

from benchmarks.result import Result, at_most, reported
from benchmarks.stage import Stage
from ml import registry
from ml.inputs import ModelInputs
from ml.score import score
from ml.train import train
from tests.ml.world import AS_OF, World, build
from warehouse.connections import connect, ensure_database, warehouse_url
from warehouse.context import RunContext
from warehouse.policy import load_policy
from warehouse.schemas import ensure_schemas

NIGHT = date(2017, 11, 30)
COPIES = 400
TRIES = 2


def measure(stage: Stage) -> list[Result]:
    """Returns our scoring of 200,000 customers as a multiple of the bare steps."""
    settings = stage.empty_installation("score")
    policy = load_policy(settings.policy_file)
    url = ensure_database(warehouse_url(settings), "bench_score")
    with connect(url) as connection:
        ensure_schemas(connection)
    build(url, policy, World(live=500, lapsed=500))
    context = RunContext(settings=settings, policy=policy, as_of=AS_OF, run_id="bench", url=url)
    train(context, "churn")
    tonight = replace(context, as_of=NIGHT)
    rows = _multiply(url)
    with connect(url) as connection:
        champion = registry.champion_for(connection, "churn", NIGHT)
    if champion is None or champion.kind != "xgboost":
        raise RuntimeError("The planted world did not train an XGBoost champion.")
    artefact = registry.load(settings.models_dir, champion)
    booster = xgboost.Booster(model_file=bytearray(artefact.model or b""))
    inputs = ModelInputs.from_json(artefact.manifest["inputs"])

    ours = min(_ours(tonight) for _ in range(TRIES))
    bare = min(_bare(url, booster, inputs, reasons=False) for _ in range(TRIES))
    bare_reasons = min(_bare(url, booster, inputs, reasons=True) for _ in range(TRIES))
    return [
        at_most("score: beside read + inplace_predict + COPY", ours / bare, 1.5),
        at_most("score: the same with pred_contribs", ours / bare_reasons, 2.0),
        reported("score: customers/s with reasons", rows / ours, "rows/s"),
        reported("score: customers/s of inplace_predict alone", rows / bare, "rows/s"),
    ]


def _multiply(url: str) -> int:
    """Copies the night's live customers under new ids and returns how many there are."""
    with psycopg.connect(url) as connection:
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
            f"""
            insert into features.ftr_customers (person_id, {names})
            select person_id || '-' || number, {names}
            from features.ftr_customers, generate_series(2, {COPIES}) as number
            where as_of_date = '{NIGHT}' and population = 'live'
            """.encode()
        )
        connection.execute(
            "delete from features.ftr_customers where as_of_date = %s and population != 'live'",
            (NIGHT,),
        )
        row = connection.execute(
            "select count(*) from features.ftr_customers where as_of_date = %s", (NIGHT,)
        ).fetchone()
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze features.ftr_customers")
    assert row
    return int(row[0])


def _ours(context: RunContext) -> float:
    started = time.monotonic()
    score(context)
    return time.monotonic() - started


def _bare(url: str, booster: xgboost.Booster, inputs: ModelInputs, *, reasons: bool) -> float:
    started = time.monotonic()
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
    return time.monotonic() - started
