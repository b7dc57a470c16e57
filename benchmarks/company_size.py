"""A large demo company, simulated and laid down into its seven systems: seconds and memory."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.result import Result, at_most, reported
from benchmarks.stage import COMPANY_DAY, Stage
from warehouse.settings import REPOSITORY, Settings

CUSTOMERS = 1_000_000
_SECONDS = 900
_MEMORY_MB = 8 * 1024
_SECONDS_BETWEEN_LOOKS = 3.0  # a look takes a while itself
_TICKS_A_SECOND = 100
_LAY_DOWN = """
import sys
from datetime import date
from demo.company.lay_down import lay_down
from warehouse.policy import load_policy
from warehouse.settings import load_settings
settings = load_settings()
policy = load_policy(settings.policy_file)
lay_down(settings, policy, date.fromisoformat(sys.argv[1]), int(sys.argv[2]))
"""


def measure(stage: Stage, customers: int = CUSTOMERS) -> list[Result]:
    """Returns seconds, processor seconds and peak memory, the servers of the systems included.

    Memory that processes share is counted once (proportional set size). Seconds say something on a
    machine that does nothing else; processor seconds say how much else it did.
    """
    settings = stage.empty_installation("size", "company")
    started = time.monotonic()
    command = [sys.executable, "-c", _LAY_DOWN, f"{COMPANY_DAY}", f"{customers}"]
    laying = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL)
    roots = {laying.pid, postmaster(settings)}
    peak_all = peak_filling = peak_living = processor = 0.0
    while laying.poll() is None:
        tree = _with_children(roots)
        peak_all = max(peak_all, sum(_memory_mb(pid) for pid in tree))
        peak_filling = max(peak_filling, _memory_mb(laying.pid))
        peak_living = max(peak_living, *(_memory_mb(pid) for pid in tree if _is_living(pid)), 0.0)
        processor = max(processor, sum(_processor_seconds(pid) for pid in tree))
        with contextlib.suppress(subprocess.TimeoutExpired):
            laying.wait(_SECONDS_BETWEEN_LOOKS)
    seconds = time.monotonic() - started
    if laying.returncode:
        raise subprocess.CalledProcessError(laying.returncode, command)
    name = f"company: {customers:,} customers laid down"
    return [
        at_most(name, seconds, _SECONDS, "s"),
        reported(f"{name}, processor time", processor, "s"),
        at_most(f"{name}, memory of all processes", peak_all, _MEMORY_MB, "MB"),
        reported(f"{name}, memory of filling", peak_filling, "MB"),
        reported(f"{name}, memory of simulating", peak_living, "MB"),
    ]


def postmaster(settings: Settings) -> int:
    """Returns the process of the embedded server that parents all its others."""
    return int((settings.postgres_dir / "data" / "postmaster.pid").read_text().split()[0])


def _with_children(roots: set[int]) -> set[int]:
    """Returns the living processes among the roots and all they have started."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        fields = _fields(int(place.name))
        if fields:
            parents[int(place.name)] = int(fields[1])
    found = roots & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _is_living(pid: int) -> bool:
    return "multiprocessing.spawn" in _read(pid, "cmdline")


def _memory_mb(pid: int) -> float:
    lines = _read(pid, "smaps_rollup").splitlines()
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _processor_seconds(pid: int) -> float:
    """Returns the time of a process and of those of its children that have ended."""
    return sum(int(ticks) for ticks in _fields(pid)[11:15]) / _TICKS_A_SECOND


def _fields(pid: int) -> list[str]:
    """Returns the fields of /proc/<pid>/stat from the third on, the state."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _read(pid: int, file: str) -> str:
    """Returns a file of a process, nothing once it has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
