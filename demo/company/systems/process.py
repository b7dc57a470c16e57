"""A server process that outlives the command that started it: its pid and port stand in a folder.

The folder's path is part of the process's command line, so that a recycled pid of some other
program is never taken for it, and never ended.
"""

import os
import signal
import socket
import subprocess
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from warehouse.errors import SourceError
from warehouse.files import write_whole
from warehouse.settings import REPOSITORY

_SECONDS = 60
# Below the ports of outgoing connections: one of those could hold ours for a while.
_PORTS = range(20_000, 32_000)
_TRIES = 200
_MOMENT = 2.0


def pid(folder: Path) -> int | None:
    """Returns the pid of the server of this folder, or None when it does not run."""
    try:
        number = int((folder / "pid").read_text())
        command = Path(f"/proc/{number}/cmdline").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return number if str(folder) in command else None  # a process that has ended shows no command


def port(folder: Path) -> int:
    """Returns the port the server of this folder listens on."""
    return int((folder / "port").read_text())


def choose_port(folder: Path) -> int:
    """Returns a free port of 127.0.0.1 and records it: the last one unless it is taken by now."""
    if (folder / "port").exists():
        last = port(folder)
        # A server that has just ended holds its port for a moment longer than its process.
        deadline = time.monotonic() + _MOMENT
        while not _is_free(last) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _is_free(last):
            return last
    first = zlib.crc32(str(folder).encode())
    for number in range(_TRIES):
        wanted = _PORTS[(first + number) % len(_PORTS)]
        if _is_free(wanted):
            write_whole(folder / "port", str(wanted).encode())
            return wanted
    raise SourceError("No port of 127.0.0.1 is free.", "End some other program.")


def _is_free(wanted: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return False
    return True


def launch(folder: Path, command: Sequence[str], is_ready: Callable[[], bool]) -> None:
    """Starts the server of this folder and waits until it is ready; its output goes to a log.

    Raises:
        SourceError: it ended or took too long.
    """
    log = folder / "server.log"
    log.touch(mode=0o600)
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd=REPOSITORY,
            start_new_session=True,
        )
    write_whole(folder / "pid", str(process.pid).encode())
    deadline = time.monotonic() + _SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if is_ready():
            return
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
    raise SourceError(f"The server {Path(command[0]).name} did not start.", f"See {log}.")


def stop(folder: Path) -> bool:
    """Ends the server of this folder in order; returns whether it ran.

    Raises:
        SourceError: it does not end.
    """
    running = pid(folder)
    if running is None:
        return False
    os.kill(running, signal.SIGTERM)
    deadline = time.monotonic() + _SECONDS
    while pid(folder) is not None:
        if time.monotonic() > deadline:
            raise SourceError(f"Process {running} does not end.", f"See {folder / 'server.log'}.")
        time.sleep(0.05)
    return True
