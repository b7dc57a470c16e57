"""Processes that have ready what the next steps of a local walk need.

Great Expectations, dbt and XGBoost take longer to import than a quiet night's rows take to load,
and dbt reads and asks half a second before it builds. A lane is a process of its own that does
this while earlier steps still run, and then runs the steps that need it, one at a time. A lane
ends with the process that made it, also when that one is killed.
"""

import contextlib
import ctypes
import gc
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from warehouse.context import RunContext, StepReport
from warehouse.errors import LivingCrmError, WarehouseError
from warehouse.progress import configure_logging
from warehouse.walk import Step, run_step

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class _Plan:
    """What a lane is for.

    Attributes:
        serves: modules whose steps run in it. One that offers `warm_up`, called as the step is, has
            the step made ready while it may not run yet.
        imports: modules that it imports at once.
    """

    serves: tuple[str, ...]
    imports: tuple[str, ...]


# In the order of need. Guards and scores take turns with dbt, so they share a lane.
_PLANS = (
    _Plan(serves=("expectations.run", "ml.score"), imports=("expectations.checks",)),
    _Plan(serves=("warehouse.dbt",), imports=("warehouse.dbt", "dbt.cli.main")),
)


class _Task(NamedTuple):
    """What a lane is told: a step to run and answer for, if any, and steps to make ready then."""

    context: RunContext
    run: Step | None
    ready: tuple[Step, ...]


@dataclass(frozen=True)
class _Lane:
    process: BaseProcess
    pipe: Connection


class Lanes:
    """Runs steps, each in the lane of its library or, without one, in this process."""

    def __init__(self, lanes: Mapping[str, _Lane], steps: list[Step]) -> None:
        self._lanes = lanes
        self._own = [module for module in map(_module, steps) if module not in lanes]
        self._to_come: dict[_Lane, list[Step]] = {}
        self._readied: set[str] = set()

    def begin(self, context: RunContext, steps: Iterable[Step]) -> None:
        """Tells each lane which of a walk's steps it will run, so that it makes the first ready."""
        self._to_come = {lane: [] for lane in self._lanes.values()}
        self._readied = set()
        for step in steps:
            if lane := self._lanes.get(_module(step)):
                self._to_come[lane].append(step)
        for lane, to_come in self._to_come.items():
            self._tell(lane, context, None, to_come[:1])

    def _tell(self, lane: _Lane, context: RunContext, run: Step | None, ready: list[Step]) -> None:
        ready = [step for step in ready if step.name not in self._readied]
        self._readied.update(step.name for step in ready)
        with contextlib.suppress(ConnectionError):  # it died, as asking for its answer will tell
            lane.pipe.send(_Task(context, run, tuple(ready)))

    def run(self, context: RunContext, step: Step) -> StepReport:
        """Runs one step as `run_step` does, with its report or its error."""
        lane = self._lanes.get(_module(step))
        if lane is None:
            return run_step(context, step)
        to_come = self._to_come[lane]
        to_come.remove(step)
        # Of each kind of step the next: they are made ready while another lane works.
        following = {_module(step): step for step in reversed(to_come)}
        try:
            self._tell(lane, context, step, list(following.values()))
            self._import_ahead()
            answer = lane.pipe.recv()
        except (EOFError, ConnectionError):
            raise WarehouseError(
                f"The process of step {step.name} ended unexpectedly.",
                "Run again: the walk is taken up at this step. If it persists, look at the memory.",
            ) from None
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, StepReport)
        return answer

    def _import_ahead(self) -> None:
        """Imports, while a lane works, what this process's own next step needs."""
        ahead = next((module for module in self._own if module not in sys.modules), None)
        if ahead is not None:
            if "duckdb" not in sys.modules:  # it complains of what is not freed
                gc.freeze()  # what is in memory stays to the end, where freeing it takes long
            with contextlib.suppress(ImportError):  # the step will say it
                importlib.import_module(ahead)


@contextmanager
def open_lanes(steps: list[Step]) -> Iterator[Lanes]:
    """Starts the lanes that `steps` need and ends them afterwards."""
    processes = _processes()
    needed = {_module(step) for step in steps}
    level = logging.getLogger().level
    lanes: dict[str, _Lane] = {}
    try:
        for plan in _PLANS:
            if needed.intersection(plan.serves):
                ours, theirs = processes.Pipe()
                process = processes.Process(
                    target=_serve, args=(theirs, plan, os.getpid(), level), daemon=True
                )
                process.start()
                theirs.close()
                lane = _Lane(process, ours)
                lanes.update(dict.fromkeys(plan.serves, lane))
        yield Lanes(lanes, steps)
    finally:
        for lane in set(lanes.values()):
            with contextlib.suppress(OSError):  # it may have died
                lane.pipe.send(None)  # an idle lane ends by itself and tidies up
        for lane in set(lanes.values()):
            lane.process.join(_GRACE_SECONDS)
            lane.process.terminate()
            lane.process.join()
            lane.pipe.close()


def _processes() -> ForkContext | SpawnContext:
    """Returns how lanes are made: a fork has imported already what this process has.

    Only a process of one thread may be forked: a lock that another thread held would stay locked.
    """
    if len(list(Path("/proc/self/task").iterdir())) == 1:
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")


def _module(step: Step) -> str:
    return step.function.partition(":")[0]


def _serve(pipe: Connection, plan: _Plan, parent: int, level: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that made us decides
    configure_logging(verbose=level <= logging.INFO)
    with _uncollected():
        for name in plan.imports:
            importlib.import_module(name)
    while True:
        task: _Task | None = pipe.recv()
        if task is None:
            return
        if task.run:
            pipe.send(_outcome(task.context, task.run))
        with _uncollected():
            for step in task.ready:
                _make_ready(task.context, step)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Stops the collector, which finds nothing in what an import makes, and has it never look."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _make_ready(context: RunContext, step: Step) -> None:
    warm_up = getattr(importlib.import_module(_module(step)), "warm_up", None)
    if warm_up:
        try:
            warm_up(context, **step.arguments)
        except Exception as error:  # noqa: BLE001 - the step will say it
            logger.info("%s could not be made ready: %s", step.name, type(error).__name__)


def _outcome(context: RunContext, step: Step) -> StepReport | BaseException:
    try:
        return run_step(context, step)
    except LivingCrmError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
        fault = RuntimeError(f"{step.name}: {type(error).__name__}")
        fault.add_note(traceback.format_exc())
        return fault
