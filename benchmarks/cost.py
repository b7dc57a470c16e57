"""What a piece of work costs in a process of its own: seconds, processor time, peak memory."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

_TICKS_A_SECOND = 100
# A connection's process has ended by then, and its time is counted.
_SERVER_SECONDS = 1.0


@dataclass(frozen=True)
class Cost:
    """What work costs.

    Attributes:
        seconds: of the work alone.
        processor_seconds: of the work and of what the database server did meanwhile.
        memory_mb: at the peak of the process, libraries included; the server is not in it.
    """

    seconds: float
    processor_seconds: float
    memory_mb: float


def cost_of(server: int, work: Callable[..., object], *arguments: object) -> Cost:
    """Runs `work` in a new process, so that no memory of earlier work is counted.

    The module of `work` is imported before the clocks start: what it imports costs nothing.

    Args:
        server: the process of the database server that parents all others.
        work: a function at the top of a module.
        arguments: what it is called with.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, server, work, arguments).result()


def _run(server: int, work: Callable[..., object], arguments: tuple[object, ...]) -> Cost:
    started, before = time.monotonic(), _processor_seconds(server)
    work(*arguments)
    seconds = time.monotonic() - started
    time.sleep(_SERVER_SECONDS)
    return Cost(seconds, _processor_seconds(server) - before, _peak_memory_mb())


def _processor_seconds(server: int) -> float:
    """Returns the time of this process and of the server's that have ended, connections too."""
    fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + sum(int(ticks) for ticks in fields[11:15]) / _TICKS_A_SECOND


def _peak_memory_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
