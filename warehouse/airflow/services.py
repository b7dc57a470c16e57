"""Starts and stops Airflow's four services, each a session of its own with a recorded process id.

What was recorded is a process id together with the moment that process began: a number that the
system has since given to somebody else is never taken for ours.
"""

import hashlib
import importlib.metadata
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path

import psycopg

from warehouse.airflow.api import Api
from warehouse.airflow.environment import (
    USER,
    base_url,
    command,
    ensure_secrets,
    environment,
    metadata_url,
)
from warehouse.connections import connect
from warehouse.errors import SettingsError, WarehouseError
from warehouse.files import write_private
from warehouse.settings import Settings

# Logs are read from disk, so no service opens a port of its own for them.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
}
START_SECONDS = 300
STOP_SECONDS = 6


@dataclass(frozen=True)
class Services:
    """Where a running Airflow is and how to log in. Log the URL only.

    Attributes:
        scheduler_is_new: no task can be running yet, because its scheduler was only just started.
    """

    url: str
    user: str
    password: str = field(repr=False)
    scheduler_is_new: bool


@dataclass(frozen=True)
class _Process:
    pid: int
    began: str


@dataclass(frozen=True)
class _Record:
    """What `up` left behind: the services it started and what they were started with."""

    processes: Mapping[str, _Process] = field(default_factory=dict)
    environment: str = ""
    migrated: str = ""


def up(settings: Settings) -> Services:
    """Starts Airflow unless it runs, and waits until all of it is healthy.

    A service that crashed is started again; services that run with other settings are restarted.

    Raises:
        SettingsError: the port is used by another program.
        WarehouseError: a service does not come up.
    """
    with _lock(settings):
        metadata = metadata_url(settings)
        variables = environment(settings, metadata)
        record = _read(settings)
        wanted = _digest(variables)
        if record.environment != wanted or not _alive(record.processes.get("api-server")):
            _stop(record)
            record = _Record(migrated=record.migrated)
            _require_free_port(settings)
        migrated = _migrate(settings, variables, metadata, record.migrated)
        began = datetime.now(UTC)
        processes = dict(record.processes)
        started = [name for name in COMMANDS if not _alive(processes.get(name))]
        for name in started:
            if name in processes:
                _end_session(processes[name])  # what a crashed service left behind
            processes[name] = _start(settings, name, variables)
            _write(settings, _Record(processes, wanted, migrated))
        try:
            _await_health(settings, processes, started, began)
        except BaseException:
            _stop(_Record(processes))
            raise
    password = ensure_secrets(settings).password
    return Services(base_url(settings), USER, password, scheduler_is_new="scheduler" in started)


def is_up(settings: Settings) -> bool:
    """Tells whether the services that `up` started are all alive."""
    processes = _read(settings).processes
    return all(_alive(processes.get(name)) for name in COMMANDS)


def down(settings: Settings) -> bool:
    """Stops the services that `up` started; returns whether any was running.

    Tasks that run are told to stop; their step is repeated when the run is taken up again.
    """
    if not settings.airflow_dir.exists():
        return False
    with _lock(settings):
        record = _read(settings)
        stopped = _stop(record)
        _write(settings, _Record(migrated=record.migrated))
    return stopped


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    """Lets one process at a time start or stop the services."""
    settings.airflow_dir.mkdir(parents=True, exist_ok=True)
    with (settings.airflow_dir / "services.lock").open("w") as handle:
        flock(handle, LOCK_EX)  # freed when the file is closed
        yield


def _read(settings: Settings) -> _Record:
    try:
        kept = json.loads((settings.airflow_dir / "services.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _Record()
    processes = {name: _Process(**process) for name, process in kept["processes"].items()}
    return _Record(processes, kept["environment"], kept["migrated"])


def _write(settings: Settings, record: _Record) -> None:
    write_private(settings.airflow_dir / "services.json", json.dumps(asdict(record)))


def _digest(variables: Mapping[str, str]) -> str:
    """Returns a fingerprint of what the services depend on; the caller's shell does not count."""
    chosen = sorted(
        (name, value)
        for name, value in variables.items()
        if name.startswith(("AIRFLOW", "LIVING_CRM_", "WAREHOUSE_", "SOURCE_", "POLICY", "CATALOG"))
    )
    return hashlib.sha256(json.dumps(chosen).encode()).hexdigest()


def _require_free_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.airflow_host, settings.airflow_port))
        except OSError as error:
            raise SettingsError(
                f"Port {settings.airflow_port} on {settings.airflow_host} cannot be used: {error}.",
                "Set AIRFLOW_PORT to a free port, or stop the other program.",
            ) from None


def _migrate(settings: Settings, variables: Mapping[str, str], metadata: str, migrated: str) -> str:
    """Brings the metadata database to this Airflow's shape; returns a mark of what was reached.

    Asking Airflow takes as long as starting it, so a database that bears the mark is left alone.
    """
    version = importlib.metadata.version("apache-airflow-core")
    if migrated and migrated == f"{version} {_revision(metadata)}":
        return migrated
    log = _log(settings, "migrate")
    with log.open("wb") as stream:
        done = subprocess.run(  # noqa: S603
            command("db", "migrate"), check=False, env=dict(variables), cwd=settings.airflow_dir,
            stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    if done.returncode != 0:
        raise WarehouseError(
            "Airflow's metadata database could not be brought up to date.", f"See {log}."
        )
    return f"{version} {_revision(metadata)}"


def _revision(metadata: str) -> str | None:
    with connect(metadata) as connection:
        try:
            row = connection.execute("select version_num from alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None


def _log(settings: Settings, name: str) -> Path:
    log = settings.airflow_dir / "logs" / "services" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch(mode=0o600)
    return log


def _start(settings: Settings, name: str, variables: Mapping[str, str]) -> _Process:
    with _log(settings, name).open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603
            command(*COMMANDS[name]),
            env=dict(variables),
            cwd=settings.airflow_dir,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # outlives the command that started it; `down` ends it
        )
    return _Process(process.pid, _began(process.pid) or "")


def _await_health(
    settings: Settings,
    processes: Mapping[str, _Process],
    started: list[str],
    began: datetime,
) -> None:
    api = Api(settings)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for name, process in processes.items():
            if not _alive(process):
                raise WarehouseError(
                    f"Airflow's {name} ended while it was starting.",
                    f"See {_log(settings, name)}.",
                )
        health = api.health()
        if health and _healthy(health, started, began):
            return
        time.sleep(0.5)
    raise WarehouseError(
        f"Airflow is not healthy after {START_SECONDS} s.",
        f"See the logs in {_log(settings, 'scheduler').parent}.",
    )


def _healthy(health: Mapping[str, Mapping[str, str]], started: list[str], began: datetime) -> bool:
    """Tells whether every service lives; a heartbeat of a service's earlier life does not count."""
    if health.get("metadatabase", {}).get("status") != "healthy":
        return False
    for service, heartbeat in HEARTBEATS.items():
        said = health.get(service, {})
        if said.get("status") != "healthy":
            return False
        fresh = datetime.fromisoformat(said[heartbeat]) >= began
        if service.replace("_", "-") in started and not fresh:
            return False
    return True


def _stop(record: _Record) -> bool:
    """Ends the recorded services and all their children; returns whether any lived."""
    living = [process for process in record.processes.values() if _members(process)]
    for process in living:
        if _alive(process):
            os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and any(_alive(process) for process in living):
        time.sleep(0.1)
    for process in living:
        _end_session(process)
    return bool(living)


def _end_session(process: _Process) -> None:
    """Kills what is left of a service's session: tasks and workers included."""
    while members := _members(process):
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _alive(process: _Process | None) -> bool:
    return process is not None and _began(process.pid) == process.began


def _members(process: _Process) -> list[int]:
    """Returns the living processes of a service's session, itself included.

    While a session has a member its number is not given to another process, so a leader with
    another beginning means that the whole of our session is gone.
    """
    leader = _began(process.pid)
    if leader is not None and leader != process.began:
        return []
    boot, _, ticks = process.began.partition(" ")
    if boot != _boot():
        return []
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            stat = _stat(int(entry.name))
            if stat and int(stat[3]) == process.pid and int(stat[19]) >= int(ticks):
                members.append(int(entry.name))
    return members


def _began(pid: int) -> str | None:
    """Returns when a living process began, or None if there is none: boot and clock ticks since."""
    stat = _stat(pid)
    return f"{_boot()} {stat[19]}" if stat else None


def _stat(pid: int) -> list[str] | None:
    """Returns /proc/<pid>/stat from the field `state` on, or None for a dead process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
