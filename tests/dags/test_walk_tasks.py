"""What Airflow makes of a walk: the day, the order after a failure, retries and alerts."""

import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from pydantic import SecretStr

from warehouse.errors import GuardBlocked, SettingsError, SourceError, WarehouseError
from warehouse.ledger import begin_run, share_walk, take_local_walk
from warehouse.settings import REPOSITORY, Settings

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2017, 11, 30)


@pytest.fixture(scope="module")
def walk_tasks(migrated: None) -> Any:  # noqa: ARG001
    from dags import walk_tasks

    return walk_tasks


@pytest.fixture(scope="module")
def alerts(migrated: None) -> Any:  # noqa: ARG001
    from dags import alerts

    return alerts


@pytest.fixture(scope="module")
def business_day(migrated: None) -> Any:  # noqa: ARG001
    from dags.business_day import business_day

    return business_day


@pytest.fixture(scope="module")
def tiny_walks(migrated: None) -> Any:  # noqa: ARG001
    from tests.dags.walks import tiny_walks

    return tiny_walks


@pytest.fixture
def warehouse_connection(airflow_settings: Settings) -> Iterator[psycopg.Connection]:
    assert airflow_settings.warehouse_url is not None
    with psycopg.connect(airflow_settings.warehouse_url.get_secret_value()) as connection:
        yield connection


@pytest.mark.parametrize(
    ("interval_end", "expected"),
    [
        (datetime(2017, 12, 1, 7, tzinfo=UTC), date(2017, 11, 30)),  # 02:00 in New York, winter
        (datetime(2017, 7, 1, 6, tzinfo=UTC), date(2017, 6, 30)),  # 02:00, summer
        (datetime(2017, 3, 12, 7, tzinfo=UTC), date(2017, 3, 11)),  # 02:00 does not exist: 03:00
        (datetime(2017, 3, 13, 6, tzinfo=UTC), date(2017, 3, 12)),  # the day of 23 hours
        (datetime(2017, 11, 6, 7, tzinfo=UTC), date(2017, 11, 5)),  # the day of 25 hours
    ],
)
def test_a_scheduled_run_is_for_the_day_that_has_just_ended(
    business_day: Any, interval_end: datetime, expected: date
) -> None:
    assert business_day(None, interval_end, NEW_YORK) == expected


def test_the_run_for_a_day_has_its_data_interval_begin_on_that_day(business_day: Any) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    from dags import customer_nightly

    timetable = coerce_to_core_timetable(customer_nightly.dag.timetable)
    restriction = TimeRestriction(
        earliest=datetime(2017, 3, 10, tzinfo=NEW_YORK),
        latest=datetime(2017, 3, 15, tzinfo=NEW_YORK),
        catchup=True,
    )
    info, days = None, []
    while info := timetable.next_dagrun_info(
        last_automated_data_interval=info and info.data_interval, restriction=restriction
    ):
        day = info.data_interval.start.astimezone(NEW_YORK).date()
        assert business_day(None, info.data_interval.end, NEW_YORK) == day
        days.append(day.day)
    assert days == [10, 11, 12, 13, 14]


def test_a_named_day_overrides_the_interval(business_day: Any) -> None:
    end = datetime(2026, 1, 2, 7, tzinfo=UTC)
    assert business_day("2017-11-30", end, NEW_YORK) == DAY


def test_a_run_without_a_day_is_refused(business_day: Any) -> None:
    with pytest.raises(SettingsError, match="no business day"):
        business_day(None, None, NEW_YORK)
    with pytest.raises(SettingsError, match=r"'30\.11\.2017' is not a day"):
        business_day("30.11.2017", None, NEW_YORK)


def test_every_error_with_a_remedy_has_a_runbook_page(alerts: Any) -> None:
    for page in {*alerts.RUNBOOKS.values(), alerts.OTHER_RUNBOOK}:
        assert re.fullmatch(r"docs/runbooks/[a-zA-Z_]+\.md", page)
        assert (REPOSITORY / page).exists(), page


class _Instance:
    dag_id, task_id, run_id = "customer_nightly", "load_shop", "manual__2017-11-30"
    others = "running"

    @classmethod
    def get_dagrun_state(cls, dag_id: str, run_id: str) -> str:
        assert (dag_id, run_id) == ("models_train", "scheduled__2017")
        return cls.others


def _alert(alerts: Any, caplog: pytest.LogCaptureFixture, error: BaseException) -> str:
    context = {"exception": error, "ti": _Instance, "params": {"as_of": "2017-11-30"}}
    caplog.clear()
    with caplog.at_level(logging.ERROR, logger=alerts.logger.name):
        alerts.alert(context)
    (record,) = caplog.records
    return record.getMessage()


def test_an_alert_is_one_line_with_the_remedy_and_the_runbook(
    alerts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    line = _alert(alerts, caplog, SourceError("shop is\nunreachable.", "Call its owner."))
    assert line == (
        "ALERT dag=customer_nightly task=load_shop as_of=2017-11-30"
        " runbook=docs/runbooks/source.md: shop is unreachable. Remedy: Call its owner."
    )


def test_an_alert_does_not_repeat_what_an_unknown_error_says(
    alerts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    line = _alert(alerts, caplog, ValueError("jane@example.com"))
    assert line.endswith("runbook=docs/runbooks/unexpected.md: ValueError")


def _run(tiny_walks: Any, dag_id: str, **params: str) -> tuple[str, dict[str, tuple[str, int]]]:
    """Runs a DAG by `dag.test()`; returns its state and each task's state and tries."""
    dag = tiny_walks.DAGS[dag_id]
    run = dag.test(logical_date=None, run_conf={"as_of": DAY.isoformat(), **params})
    tasks = {task.task_id: (str(task.state), task.try_number) for task in run.get_task_instances()}
    return str(run.state), tasks


def _steps(connection: psycopg.Connection, dag_id: str) -> dict[str, tuple[str, str | None]]:
    rows = connection.execute(
        """
        select step, run_steps.status, message from ops.run_steps
        join ops.runs using (run_id) where dag_id = %s and as_of_date = %s
        """,
        (dag_id, DAY),
    )
    return {step: (status, message) for step, status, message in rows}


def _status(connection: psycopg.Connection, dag_id: str) -> list[str]:
    rows = connection.execute(
        "select status from ops.runs where dag_id = %s and as_of_date = %s", (dag_id, DAY)
    )
    return [str(status) for (status,) in rows]


def test_a_guard_that_blocks_fails_at_once_and_turns_the_run_red_after_the_briefing(
    tiny_walks: Any, warehouse_connection: psycopg.Connection
) -> None:
    state, tasks = _run(tiny_walks, "tiny_blocked")
    assert state == "failed"
    assert tasks["check_raw"] == ("failed", 1)
    assert tasks["publish"][0] == "upstream_failed"
    assert tasks["brief"][0] == "success"
    assert tasks["finish_run"] == ("failed", 1)
    assert _status(warehouse_connection, "tiny_blocked") == ["failed"]
    steps = _steps(warehouse_connection, "tiny_blocked")
    assert steps["check_raw"] == (
        "failed", "1 of 1 checks failed on 2017-11-30. Remedy: Look at the checks.",
    )  # fmt: skip
    assert "publish" not in steps


def test_a_source_that_fails_is_tried_again_then_judged_and_the_run_is_red(
    tiny_walks: Any, warehouse_connection: psycopg.Connection
) -> None:
    state, tasks = _run(tiny_walks, "tiny_unreachable")
    assert state == "failed"
    assert tasks["load_shop"] == ("failed", 3)
    assert {tasks[name][0] for name in ("check_raw", "publish", "brief")} == {"success"}
    assert tasks["finish_run"][0] == "failed"
    assert _status(warehouse_connection, "tiny_unreachable") == ["failed"]


def test_a_step_is_given_the_parameters_of_the_run_that_it_asks_for(
    tiny_walks: Any, warehouse_connection: psycopg.Connection
) -> None:
    assert _run(tiny_walks, "tiny_asking", rows="17")[0] == "success"
    found = warehouse_connection.execute(
        "select row_count from ops.run_steps where step = 'count'"
    ).fetchone()
    assert found == (17,)


def test_a_run_that_cannot_begin_runs_no_step(
    tiny_walks: Any, warehouse_connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise GuardBlocked("Not today.", "Wait.")

    monkeypatch.setattr("dags.walk_tasks.ensure_schemas", refuse)
    state, tasks = _run(tiny_walks, "tiny_success")
    assert state == "failed"
    assert tasks["begin_run"] == ("failed", 1)
    assert {tasks[name][0] for name in ("load_shop", "check_raw", "brief")} == {"upstream_failed"}
    assert tasks["finish_run"][0] == "failed"
    assert _status(warehouse_connection, "tiny_success") == []


def test_a_run_waits_for_another_that_goes_on_but_not_for_one_that_died(
    walk_tasks: Any,
    airflow_settings: Settings,
    new_warehouse: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = new_warehouse()
    context = {"ti": _Instance, "params": {"as_of": DAY.isoformat()}}
    monkeypatch.setattr(walk_tasks, "get_current_context", lambda: context)
    renewed = airflow_settings.model_copy(update={"warehouse_url": SecretStr(url)})
    monkeypatch.setattr(walk_tasks, "load_settings", lambda: renewed)
    monkeypatch.setattr("dags.business_day.load_settings", lambda: renewed)
    with psycopg.connect(url, autocommit=True) as connection:
        begin_run(connection, "models_train__scheduled__2017", DAY, "models_train")
        begin_run(connection, "local__customer_nightly__2017-11-30__1", DAY, "customer_nightly")
        with pytest.raises(WarehouseError, match="models_train__scheduled__2017 is going on"):
            walk_tasks._begin_run()
        assert _status(connection, "customer_nightly") == ["running"]

        monkeypatch.setattr(_Instance, "others", "failed")
        walk_tasks._begin_run()
        assert _status(connection, "customer_nightly") == ["running", "running"]


def test_a_walk_in_airflow_and_one_without_it_exclude_each_other(
    new_warehouse: Callable[[], str],
) -> None:
    url = new_warehouse()
    with psycopg.connect(url) as airflow_step, psycopg.connect(url) as another_step:
        assert share_walk(airflow_step)
        assert share_walk(another_step)
        with psycopg.connect(url) as local:
            assert not take_local_walk(local)
    with psycopg.connect(url) as local, psycopg.connect(url) as airflow_step:
        assert take_local_walk(local)
        assert not share_walk(airflow_step)
