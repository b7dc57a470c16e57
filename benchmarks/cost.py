"""What a piece of work costs in a process of its own: seconds, and peak memory."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds of the work alone, and the peak memory of its process, libraries included, in MB."""

    seconds: float
    memory_mb: float


def cost_of(work: Callable[..., object], *arguments: object) -> Cost:
    """Runs `work` in a new process, so that no memory of earlier work is counted.

    The module of `work` is imported before the clock starts: what it imports costs no seconds.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_run, work, arguments).result()


def by_turns(tries: int, *works: Callable[[], Cost]) -> list[Cost]:
    """Returns the fastest of the tries of each work, taken in turns so that noise falls on all."""
    turns = [[work() for work in works] for _ in range(tries)]
    return [min(costs, key=lambda cost: cost.seconds) for costs in zip(*turns, strict=True)]


def _run(work: Callable[..., object], arguments: tuple[object, ...]) -> Cost:
    started = time.monotonic()
    work(*arguments)
    seconds = time.monotonic() - started
    return Cost(seconds, _peak_memory_mb())


def _peak_memory_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
