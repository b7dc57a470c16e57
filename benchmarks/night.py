"""One first night in Airflow beside the same steps as plain processes and one bare dbt build."""

import json
from datetime import date, timedelta
from statistics import mean, median

from benchmarks.result import Result, at_most, reported
from benchmarks.stage import COMPANY_DAY, DAY, Stage, timed_process
from demo.complete_journey.lay_down import lay_down
from demo.demos import require_demo
from warehouse import airflow, ledger
from warehouse import dbt as dbt_room
from warehouse.connections import connect, dbt_environment, warehouse_url
from warehouse.parsed import PROJECT
from warehouse.policy import load_policy
from warehouse.schemas import ensure_schemas
from warehouse.settings import Settings
from warehouse.walk import nightly

NEXT_NIGHTS = 5
DBT_ROOMS = ("standardise", "model", "choose")
_ONE_STEP = """
import sys
from datetime import date
from warehouse.settings import load_settings
from warehouse.walk import context_for, nightly, run_step
settings = load_settings()
step = next(step for step in nightly(settings) if step.name == sys.argv[1])
run_step(context_for(settings, date.fromisoformat(sys.argv[2]), sys.argv[3]), step)
"""


def measure(stage: Stage) -> list[Result]:
    """Returns the DAG's time, dbt's time in it and each room's memory."""
    settings = stage.installation("airflow")
    airflow.up(settings)
    run_id = airflow.run_dag(settings, "customer_nightly", DAY)
    in_airflow = _seconds_of_run(settings, run_id)
    steps = _steps(settings, run_id)
    airflow.down(settings)

    results = [
        reported(f"night: peak memory of {name}", memory, "MB")
        for name, (_, memory) in steps.items()
    ]
    plain_settings = stage.installation("plain")
    plain = _plain_night(plain_settings)
    results.append(at_most("night: DAG beside plain processes", in_airflow / plain, 1.15))
    results.append(reported("night: DAG", in_airflow, "s"))
    results.append(reported("night: plain processes", plain, "s"))

    bare = _bare_dbt_build(plain_settings)
    in_dag = sum(steps[name][0] for name in DBT_ROOMS)
    results.append(at_most("night: dbt in the DAG beside one bare build", in_dag / bare, 1.3))
    results.append(reported("night: bare dbt build", bare, "s"))

    return results


def _plain_night(settings: Settings) -> float:
    """Returns the seconds of the walk's steps as processes, one after the other."""
    with connect(warehouse_url(settings)) as connection:
        ensure_schemas(connection)
        ledger.begin_run(connection, "plain", DAY, "customer_nightly")
    return sum(
        timed_process(["-c", _ONE_STEP, step.name, DAY.isoformat(), "plain"])
        for step in nightly(settings)
    )


def _bare_dbt_build(settings: Settings) -> float:
    """Returns the seconds of one `dbt build` of all rooms' models from nothing."""
    url = warehouse_url(settings)
    policy = load_policy(settings.policy_file)
    with connect(url) as connection:
        for schema in ("staging", "intermediate", "marts", "pii", "features", "snapshots"):
            connection.execute(f"drop schema if exists {schema} cascade".encode())
        connection.execute(
            "drop table if exists activation.target_list_entries, activation.outcomes cascade"
        )
        ensure_schemas(connection)
    target = settings.living_crm_home / "bare"
    return timed_process(
        [
            "-m", "dbt.cli.main", "build", "--quiet",
            "--select", *(f"config.meta.room:{room}" for room in DBT_ROOMS),
            "--exclude-resource-type", "unit_test",
            "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
            "--target-path", str(target), "--log-path", str(target),
            "--vars", json.dumps(dbt_room.variables(settings, policy)),
        ],
        {
            **dbt_environment(url),
            "LIVING_CRM_DATA": settings.data,
            "LIVING_CRM_AS_OF": DAY.isoformat(),
            "LIVING_CRM_FEATURE_DATES": DAY.isoformat(),
        },
    )  # fmt: skip


def measure_company(stage: Stage) -> list[Result]:
    """Returns the seconds of the demo company's first night and of its next, 10,000 customers."""
    settings = stage.installation("company", COMPANY_DAY, data="company")
    first = _night(COMPANY_DAY)
    next_day = COMPANY_DAY + timedelta(days=1)
    require_demo(settings).lay_down(settings, load_policy(settings.policy_file), next_day)
    second = _night(next_day)
    return [
        at_most("company: first night of 10,000 customers", first, 300, "s"),
        reported("company: next night of 10,000 customers", second, "s"),
    ]


def measure_next(stage: Stage) -> list[Result]:
    """Returns the time of the nights after the first beside the first's, all by `living-crm run`.

    A night is short enough for a busy disk to double it: of several, the one in the middle counts.
    The machine may be faster at one time than at another: a first night before those and one after
    them count alike.
    """
    settings = stage.installation("local")
    firsts = [_night(DAY)]
    nights = []
    for days in range(1, NEXT_NIGHTS + 1):
        day = DAY + timedelta(days=days)
        lay_down(settings, load_policy(settings.policy_file), day)
        # A day lies between nights, in which the server tidies up by itself; here we ask it to.
        with connect(warehouse_url(settings)) as connection:
            connection.autocommit = True
            connection.execute("vacuum (analyze)")
        nights.append(_night(day))
    stage.installation("local-again")
    firsts.append(_night(DAY))
    return [
        at_most("night: next beside first", median(nights) / mean(firsts), 0.35),
        reported("night: first, living-crm run", firsts[0], "s"),
        reported("night: first, the same after the others", firsts[1], "s"),
        reported(f"night: next, median of {NEXT_NIGHTS}, living-crm run", median(nights), "s"),
        reported("night: next, the longest", max(nights), "s"),
        reported("night: next, the shortest", min(nights), "s"),
    ]


def _night(day: date) -> float:
    """Returns the seconds of a night in the installation that the process uses."""
    return timed_process(["-m", "warehouse.cli", "run", "--as-of", day.isoformat()])


def _seconds_of_run(settings: Settings, run_id: str) -> float:
    with connect(warehouse_url(settings)) as connection:
        row = connection.execute(
            "select extract(epoch from finished_at - started_at) from ops.runs where run_id = %s",
            (run_id,),
        ).fetchone()
    assert row
    return float(row[0])


def _steps(settings: Settings, run_id: str) -> dict[str, tuple[float, float]]:
    """Returns seconds and peak megabytes of each step of a run."""
    with connect(warehouse_url(settings)) as connection:
        rows = connection.execute(
            """
            select step, extract(epoch from finished_at - started_at), peak_memory_mb
            from ops.run_steps where run_id = %s order by started_at, step
            """,
            (run_id,),
        ).fetchall()
    return {name: (float(seconds), float(memory)) for name, seconds, memory in rows}
