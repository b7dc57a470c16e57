"""The embedded server: started, found running, crashed, port in use, stopped."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from warehouse import embedded
from warehouse.connections import connect, warehouse_url
from warehouse.errors import SettingsError, WarehouseError
from warehouse.settings import Settings, load_settings


@pytest.fixture
def own(isolated_settings: Settings) -> Iterator[Settings]:
    yield isolated_settings
    embedded.stop(isolated_settings)


def _version(settings: Settings) -> str:
    with psycopg.connect(embedded.ensure_started(settings).url()) as connection:
        row = connection.execute("show server_version_num").fetchone()
    assert row
    return str(row[0])


def test_it_starts_is_found_running_survives_a_crash_and_stops(own: Settings) -> None:
    first = embedded.ensure_started(own)
    assert _version(own).startswith("18")
    assert embedded.ensure_started(own) == first

    with psycopg.connect(first.url()) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (1)")
    os.kill(first.pid, signal.SIGKILL)
    while embedded.is_alive(first.pid):
        time.sleep(0.01)
    second = embedded.ensure_started(own)
    assert second.pid != first.pid
    with psycopg.connect(second.url()) as connection:
        assert connection.execute("select n from kept").fetchall() == [(1,)]

    assert embedded.stop(own)
    assert not embedded.stop(own)
    assert not embedded.is_alive(second.pid)


def test_it_listens_on_loopback_and_wants_the_password(own: Settings) -> None:
    server = embedded.ensure_started(own)
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url().replace(server.password, "wrong"))
    assert (own.postgres_dir / "password").stat().st_mode & 0o077 == 0


def test_a_used_port_is_said_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(_env_file=None, living_crm_home=tmp_path, warehouse_port=port)  # type: ignore[call-arg]
        with pytest.raises(WarehouseError, match=f"Port {port}.*WAREHOUSE_PORT"):
            embedded.ensure_started(settings)


def test_the_pid_of_another_program_is_not_taken_for_the_server(own: Settings) -> None:
    server = embedded.ensure_started(own)
    pid_file = own.postgres_dir / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    assert embedded.stop(own)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    pid_file.chmod(0o600)
    again = embedded.ensure_started(own)
    assert again.pid not in (server.pid, os.getpid())


def test_a_named_server_is_used_and_nothing_is_embedded(server_url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, living_crm_home=tmp_path, warehouse_url=server_url)  # type: ignore[call-arg,arg-type]
    with connect(warehouse_url(settings)) as connection:
        connection.execute("select 1")
    assert not settings.postgres_dir.exists()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:p@h/db",
        "postgresql://u:hunter2@127.0.0.1:5432",
        "postgresql://u:hunter2@127.0.0.1:70000/db",
    ],
)
def test_a_url_of_another_kind_is_refused_without_showing_it(url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, living_crm_home=tmp_path, warehouse_url=url)  # type: ignore[call-arg,arg-type]
    with pytest.raises(SettingsError, match="WAREHOUSE_URL is not a PostgreSQL URL") as error:
        warehouse_url(settings)
    assert "hunter2" not in str(error.value)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(WarehouseError, match=r"127\.0\.0\.1:1/nowhere") as error:
        connect("postgresql://someone:hunter2@127.0.0.1:1/nowhere")
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_setting_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_PORT", "seventy")
    load_settings.cache_clear()
    with pytest.raises(SettingsError, match="WAREHOUSE_PORT"):
        load_settings()
    load_settings.cache_clear()


def test_stopping_waits_until_the_server_is_gone(own: Settings) -> None:
    server = embedded.ensure_started(own)
    started = time.monotonic()
    assert embedded.stop(own)
    assert time.monotonic() - started < embedded.START_SECONDS
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url(), connect_timeout=2)
