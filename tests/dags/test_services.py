"""Airflow's real services: started, used, killed, started again, stopped."""

import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from warehouse import airflow
from warehouse.airflow import services
from warehouse.airflow.health import is_healthy
from warehouse.airflow.runs import RunFailed
from warehouse.errors import SettingsError
from warehouse.settings import Settings

DAY = date(2017, 11, 29)


@pytest.fixture(scope="module")
def running(
    airflow_settings: Settings,
    migrated: None,  # noqa: ARG001
) -> Iterator[airflow.Services]:
    yield airflow.up(airflow_settings)
    airflow.down(airflow_settings)


def _begun(settings: Settings, run_id: str) -> dict[str, object]:
    assert settings.warehouse_url is not None
    with psycopg.connect(settings.warehouse_url.get_secret_value()) as connection:
        rows = connection.execute(
            "select step, started_at from ops.run_steps where run_id = %s", (run_id,)
        )
        return dict(rows.fetchall())


def test_the_login_and_the_secrets_are_only_their_owners_to_read(
    airflow_settings: Settings, running: airflow.Services
) -> None:
    assert running.url == f"http://127.0.0.1:{airflow_settings.airflow_port}"
    assert running.password not in repr(running)
    for name in ("secrets.json", "passwords.json", "services.json", "logs/services/scheduler.log"):
        mode = (airflow_settings.airflow_dir / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600, name


def test_no_command_line_or_service_log_holds_a_secret(
    airflow_settings: Settings, running: airflow.Services
) -> None:
    assert airflow_settings.warehouse_url is not None
    password = psycopg.conninfo.conninfo_to_dict(airflow_settings.warehouse_url.get_secret_value())[
        "password"
    ]
    lines = [
        Path(f"/proc/{pid}/cmdline").read_text()
        for process in services._read(airflow_settings).processes.values()
        for pid in services._members(process)
    ]
    logs = (airflow_settings.airflow_dir / "logs" / "services").glob("*.log")
    for text in [*lines, *(log.read_text() for log in logs)]:
        assert str(password) not in text
        assert running.password not in text


@pytest.mark.usefixtures("running")
def test_a_walk_is_run_task_by_task_and_truly_run_again(airflow_settings: Settings) -> None:
    said: list[airflow.TaskProgress] = []
    run_id = airflow.run_dag(airflow_settings, "tiny_success", DAY, said.append)
    assert run_id == "tiny_success__manual__2017-11-29"
    ended = [task.task for task in said if task.state == "success"]
    assert ended[0] == "begin_run"
    assert ended[-1] == "finish_run"
    assert said[-1].done == said[-1].total == len(ended) == 7
    first = _begun(airflow_settings, run_id)
    assert set(first) == {"load_shop", "load_crm", "check_raw", "publish", "brief"}

    assert airflow.run_dag(airflow_settings, "tiny_success", DAY) == run_id
    second = _begun(airflow_settings, run_id)
    assert second.keys() == first.keys()
    assert all(second[step] != first[step] for step in first)


@pytest.mark.usefixtures("running")
def test_a_failed_run_names_its_step_and_reason_and_is_taken_up_where_it_failed(
    airflow_settings: Settings,
) -> None:
    tries = []
    for _ in range(2):
        with pytest.raises(RunFailed) as caught:
            airflow.run_dag(airflow_settings, "tiny_blocked", DAY)
        assert str(caught.value) == (
            "tiny_blocked failed at check_raw: 1 of 1 checks failed on 2017-11-29."
            " Remedy: Look at the checks."
        )
        tries.append(_begun(airflow_settings, "tiny_blocked__manual__2017-11-29"))
    first, second = tries
    assert {step for step in first if first[step] != second[step]} == {"check_raw", "brief"}


@pytest.mark.usefixtures("running")
def test_a_run_whose_scheduler_was_killed_is_taken_up_at_the_interrupted_step(
    airflow_settings: Settings,
) -> None:
    def leave_while_it_publishes(task: airflow.TaskProgress) -> None:
        if (task.task, task.state) == ("publish", "running"):
            raise KeyboardInterrupt

    before = services._read(airflow_settings).processes
    assert not airflow.up(airflow_settings).scheduler_is_new
    assert services._read(airflow_settings).processes == before
    with pytest.raises(KeyboardInterrupt):
        airflow.run_dag(airflow_settings, "tiny_stalled", DAY, leave_while_it_publishes)
    first = _begun(airflow_settings, "tiny_stalled__manual__2017-11-29")
    os.kill(before["scheduler"].pid, signal.SIGKILL)
    while services._alive(before["scheduler"]):
        time.sleep(0.05)
    assert not airflow.is_up(airflow_settings)

    (airflow_settings.living_crm_home / "go").touch()
    airflow.run_dag(airflow_settings, "tiny_stalled", DAY)
    second = _begun(airflow_settings, "tiny_stalled__manual__2017-11-29")
    assert {step for step in second if second[step] != first.get(step)} == {"publish", "brief"}
    after = services._read(airflow_settings).processes
    assert {name for name in after if after[name] != before[name]} == {"scheduler"}
    assert services._members(before["scheduler"]) == []


@pytest.mark.usefixtures("running")
def test_down_stops_all_of_it(airflow_settings: Settings) -> None:
    processes = services._read(airflow_settings).processes
    assert is_healthy("scheduler")
    assert airflow.down(airflow_settings)
    assert [services._members(process) for process in processes.values()] == [[], [], [], []]
    assert not is_healthy("scheduler")
    assert not airflow.down(airflow_settings)


def test_a_recycled_process_id_is_not_taken_for_ours() -> None:
    impostor = services._Process(os.getpid(), f"{services._boot()} 1")
    assert not services._alive(impostor)
    assert services._members(impostor) == []
    assert not services._stop(services._Record({"scheduler": impostor}))


def test_a_used_port_is_named(airflow_settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = airflow_settings.model_copy(update={"airflow_port": port})
        with pytest.raises(SettingsError, match=rf"Port {port} .*AIRFLOW_PORT"):
            airflow.up(busy)


def test_damaged_secrets_are_named(isolated_settings: Settings) -> None:
    from warehouse.airflow.environment import ensure_secrets
    from warehouse.files import write_private

    write_private(isolated_settings.airflow_dir / "secrets.json", "{}")
    with pytest.raises(SettingsError, match="is damaged"):
        ensure_secrets(isolated_settings)
