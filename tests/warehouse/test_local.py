"""A local walk: order, failures, taking up an interrupted run, and what stands in the ledger."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from warehouse import lanes, walk
from warehouse.context import RunContext, StepReport
from warehouse.errors import SourceError, WarehouseError
from warehouse.local import run_walks
from warehouse.settings import Settings
from warehouse.walk import Step

DAY = date(2017, 3, 1)
HERE = "tests.warehouse.test_local"


def note(context: RunContext, name: str) -> StepReport:
    """Writes its name: the order of the walk can be read from the table."""
    with context.connection() as connection:
        connection.execute("create table if not exists visited (n serial, name text)")
        connection.execute("insert into visited (name) values (%s)", (name,))
    return StepReport(rows=1, facts={"noted": 1})


def fail_once(context: RunContext) -> StepReport:
    """Fails until the table `mended` is there."""
    with context.connection() as connection:
        row = connection.execute("select to_regclass('mended') is not null").fetchone()
    if not (row and row[0]):
        raise SourceError("The feed is broken.", "Mend it.")
    return StepReport(rows=0)


def leak(context: RunContext) -> StepReport:
    """Fails in PostgreSQL with a value in the message."""
    with context.connection() as connection:
        connection.execute("select cast(%s as integer)", ("kim@example.com",))
    return StepReport(rows=0)


def die(_context: RunContext) -> StepReport:
    """Is killed as by the kernel."""
    os.kill(os.getpid(), signal.SIGKILL)
    return StepReport(rows=0)


def warm_up(context: RunContext, name: str = "") -> None:
    """Writes that a step is made ready; one called doomed takes its lane with it."""
    if name == "doomed":
        die(context)
    note(context, f"{name} is ready")


def _note(name: str, *after: str, tolerates_failure: bool = False) -> Step:
    return Step(name, "test", f"{HERE}:note", {"name": name}, after, tolerates_failure)


@pytest.fixture
def installation(warehouse: str, tmp_path: Path) -> Settings:
    return Settings(_env_file=None, living_crm_home=tmp_path, warehouse_url=warehouse)  # type: ignore[call-arg,arg-type]


@pytest.fixture
def set_walk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def put(*steps: Step) -> None:
        monkeypatch.setitem(walk.WALKS, "test_walk", lambda _settings: list(steps))

    yield put


@pytest.fixture
def own_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the steps of this module run in a lane."""
    monkeypatch.setattr(lanes, "_PLANS", (lanes._Plan(serves=(HERE,), imports=()),))


def _visited(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("select name from visited order by n")]


def _steps(url: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        return dict(connection.execute("select step, status from ops.run_steps").fetchall())


def test_steps_run_in_order_and_are_recorded(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    set_walk(_note("a"), _note("b", "a"))
    (report,) = run_walks(installation, "test_walk", [DAY])
    assert _visited(warehouse) == ["a", "b"]
    assert list(report.ran) == ["a", "b"]
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select status, as_of_date from ops.runs").fetchall() == [
            ("success", DAY)
        ]
        row = connection.execute(
            "select row_count, facts, peak_memory_mb > 0 from ops.run_steps where step = 'a'"
        ).fetchone()
    assert row == (1, {"noted": 1}, True)


def test_a_failure_stops_what_depends_on_it_and_a_second_run_takes_up_there(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    set_walk(
        _note("a"),
        Step("broken", "test", f"{HERE}:fail_once", after=("a",)),
        _note("c", "broken"),
        _note("brief", "c", tolerates_failure=True),
    )
    with pytest.raises(SourceError, match="The feed is broken"):
        run_walks(installation, "test_walk", [DAY])
    assert _visited(warehouse) == ["a", "brief"]
    assert _steps(warehouse) == {"a": "success", "broken": "failed", "brief": "success"}
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select status from ops.runs").fetchone() == ("failed",)
        connection.execute("create table mended ()")

    (report,) = run_walks(installation, "test_walk", [DAY])
    assert report.taken_over == ("a", "brief")
    assert _visited(warehouse) == ["a", "brief", "c"]
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select status from ops.runs").fetchall() == [("success",)]


def test_a_finished_day_runs_whole_again(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    set_walk(_note("a"))
    (first,) = run_walks(installation, "test_walk", [DAY])
    (second,) = run_walks(installation, "test_walk", [DAY])
    assert first.run_id != second.run_id
    assert _visited(warehouse) == ["a", "a"]


def test_a_killed_run_is_taken_up_at_the_killed_step(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    script = """
import datetime, os
from warehouse import walk
from warehouse.local import run_walks
from warehouse.settings import Settings
from tests.warehouse.test_local import _note, HERE
from warehouse.walk import Step
walk.WALKS["test_walk"] = lambda _: [_note("a"), Step("b", "test", HERE + ":die", after=("a",))]
home, url = os.environ["TEST_HOME"], os.environ["TEST_URL"]
run_walks(Settings(_env_file=None, living_crm_home=home, warehouse_url=url), "test_walk",
          [datetime.date(2017, 3, 1)])
"""
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TEST_HOME": str(installation.living_crm_home), "TEST_URL": warehouse},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert _steps(warehouse) == {"a": "success", "b": "running"}

    set_walk(_note("a"), _note("b", "a"))
    run_walks(installation, "test_walk", [DAY])
    assert _visited(warehouse) == ["a", "b"]


@pytest.mark.usefixtures("own_lane")
def test_a_lane_makes_ready_what_it_will_run_next(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    set_walk(_note("a"), _note("b", "a"))
    run_walks(installation, "test_walk", [DAY])
    first = ["a is ready", "a", "b is ready", "b"]
    assert _visited(warehouse) == first
    run_walks(installation, "test_walk", [DAY, date(2017, 3, 2)])
    assert _visited(warehouse) == 3 * first


@pytest.mark.usefixtures("own_lane")
def test_what_a_run_took_over_is_not_made_ready_again(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    broken = Step("broken", "test", f"{HERE}:fail_once", after=("a",))
    set_walk(_note("a"), broken, _note("c", "broken"))
    with pytest.raises(SourceError, match="The feed is broken"):
        run_walks(installation, "test_walk", [DAY])
    with psycopg.connect(warehouse) as connection:
        connection.execute("create table mended ()")
        connection.execute("truncate visited")
    run_walks(installation, "test_walk", [DAY])
    assert _visited(warehouse) == [" is ready", "c is ready", "c"]


@pytest.mark.usefixtures("own_lane")
def test_a_step_that_never_began_fails_its_run(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    set_walk(_note("doomed"))
    with pytest.raises(WarehouseError, match="ended unexpectedly"):
        run_walks(installation, "test_walk", [DAY])
    assert _steps(warehouse) == {}
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select status from ops.runs").fetchall() == [("failed",)]


def test_two_local_walks_do_not_run_at_once(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    set_walk(_note("a"))
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(hashtext('living-crm walk'))")
        with pytest.raises(WarehouseError, match="Another run is going on"):
            run_walks(installation, "test_walk", [DAY])


def test_a_database_error_shows_its_code_and_no_value(
    installation: Settings, warehouse: str, set_walk: Callable[..., None]
) -> None:
    set_walk(Step("leak", "test", f"{HERE}:leak"))
    with pytest.raises(WarehouseError, match="22P02") as error:
        run_walks(installation, "test_walk", [DAY])
    assert "kim@example.com" not in str(error.value)
    with psycopg.connect(warehouse) as connection:
        row = connection.execute("select message from ops.run_steps").fetchone()
    assert row is not None
    assert "kim@example.com" not in row[0]


def test_every_step_of_the_real_walks_waits_only_for_earlier_steps(settings: Settings) -> None:
    for steps_of in walk.WALKS.values():
        seen: set[str] = set()
        for step in steps_of(settings):
            assert seen.issuperset(step.after), step.name
            seen.add(step.name)
        assert seen
