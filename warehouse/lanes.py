"""Processes that have a heavy library in memory by the time a local walk needs it.

Great Expectations, dbt and XGBoost take longer to import than a quiet night's rows take to load. A
lane is a process of its own that warms up while earlier steps still run, and then runs the steps
that need its library, one at a time. A lane that is needed later is nicer to the others: on two
cores the waits are hidden behind the work. A lane ends with the process that made it, also when
that one is killed.
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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from warehouse.context import RunContext, StepReport
from warehouse.errors import LivingCrmError, WarehouseError
from warehouse.progress import configure_logging
from warehouse.walk import Step, run_step

_NICER = 5
_GRACE_SECONDS = 2.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class _Plan:
    """What a lane is for.

    Attributes:
        serves: modules whose steps run in it.
        at_once: what it does ahead; what is named `module:function` is called with the context.
        between: what it does ahead after a step, while another lane works, if one is to come.
    """

    serves: tuple[str, ...]
    at_once: tuple[str, ...]
    between: tuple[str, ...] = ()


# In the order of need. Guards and scores take turns with dbt, so they share a lane.
_PLANS = (
    _Plan(
        serves=("expectations.run", "ml.score"),
        at_once=("expectations.checks",),
        between=("ml.score:warm_up",),
    ),
    _Plan(
        serves=("warehouse.dbt",),
        at_once=("warehouse.dbt:warm_up",),
        between=("warehouse.dbt:warm_up_again",),
    ),
)


@dataclass(frozen=True)
class _Lane:
    process: BaseProcess
    pipe: Connection


class Lanes:
    """Runs steps, each in the lane of its library or, without one, in this process."""

    def __init__(self, lanes: Mapping[str, _Lane], steps: list[Step]) -> None:
        self._lanes = lanes
        self._own = [module for module in map(_module, steps) if module not in lanes]
        # The last step of each lane, as far as one walk goes.
        self._last = {lanes[_module(step)]: step for step in steps if _module(step) in lanes}

    def run(self, context: RunContext, step: Step) -> StepReport:
        """Runs one step as `run_step` does, with its report or its error."""
        lane = self._lanes.get(_module(step))
        if lane is None:
            return run_step(context, step)
        try:
            lane.pipe.send((context, step, step != self._last[lane]))
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
def open_lanes(context: RunContext, steps: list[Step]) -> Iterator[Lanes]:
    """Starts the lanes that `steps` need and ends them afterwards."""
    processes = _processes()
    needed = {_module(step) for step in steps}
    level = logging.getLogger().level
    lanes: dict[str, _Lane] = {}
    try:
        for place, plan in enumerate(_PLANS):
            if needed.intersection(plan.serves):
                ours, theirs = processes.Pipe()
                process = processes.Process(
                    target=_serve,
                    args=(theirs, context, plan, _NICER * place, os.getpid(), level),
                    daemon=True,
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


def _serve(
    pipe: Connection,
    context: RunContext,
    plan: _Plan,
    nicer: int,
    parent: int,
    level: int,
) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that made us decides
    os.nice(nicer)
    configure_logging(verbose=level <= logging.INFO)
    _warm_up(context, plan.at_once)
    while True:
        task = pipe.recv()
        if task is None:
            return
        of_day, step, is_followed = task
        pipe.send(_outcome(of_day, step))
        if is_followed:
            _warm_up(context, plan.between)


def _warm_up(context: RunContext, names: tuple[str, ...]) -> None:
    gc.disable()  # it finds nothing in what an import makes
    for name in names:
        module, _, function = name.partition(":")
        loaded = importlib.import_module(module)
        if function:
            with contextlib.suppress(LivingCrmError):  # the step will say it
                getattr(loaded, function)(context)
    gc.freeze()  # what is in memory by now stays; the collector need not look at it again
    gc.enable()


def _outcome(context: RunContext, step: Step) -> StepReport | BaseException:
    try:
        return run_step(context, step)
    except LivingCrmError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
        fault = RuntimeError(f"{step.name}: {type(error).__name__}")
        fault.add_note(traceback.format_exc())
        return fault
