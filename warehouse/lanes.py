"""Processes that have a heavy library in memory by the time a local walk needs it.

Great Expectations, dbt and XGBoost take longer to import than a quiet night's rows take to load. A
lane is a process of its own that warms up while earlier steps still run, and then runs the steps
that need its library, one at a time. A lane that is needed later is nicer to the others: on two
cores the waits are hidden behind the work. A lane ends with the process that made it, also when
that one is killed.
"""

import contextlib
import ctypes
import importlib
import logging
import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from warehouse.context import RunContext, StepReport
from warehouse.errors import LivingCrmError, WarehouseError
from warehouse.progress import configure_logging
from warehouse.walk import Step, run_step

# By the module a step's function is in, in the order of need: what its lane does ahead. What is
# named `module:function` is called with the run's context.
WARM_UP: Mapping[str, tuple[str, ...]] = {
    "expectations.run": ("great_expectations",),
    "warehouse.dbt": ("warehouse.dbt:parse",),
    "ml.score": ("adbc_driver_postgresql.dbapi", "xgboost"),
}
_NICER = 5
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class _Lane:
    process: SpawnProcess
    pipe: Connection


class Lanes:
    """Runs steps, each in the lane of its library or, without one, in this process."""

    def __init__(self, lanes: Mapping[str, _Lane]) -> None:
        self._lanes = lanes

    def run(self, context: RunContext, step: Step) -> StepReport:
        """Runs one step as `run_step` does, with its report or its error."""
        lane = self._lanes.get(_module(step))
        if lane is None:
            return run_step(context, step)
        try:
            lane.pipe.send((context, step))
            answer = lane.pipe.recv()
        except (EOFError, BrokenPipeError):
            raise WarehouseError(
                f"The process of step {step.name} ended unexpectedly.",
                "Run again: the walk is taken up at this step. If it persists, look at the memory.",
            ) from None
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, StepReport)
        return answer


@contextmanager
def open_lanes(context: RunContext, steps: list[Step]) -> Iterator[Lanes]:
    """Starts the lanes that `steps` need and ends them afterwards."""
    spawn = multiprocessing.get_context("spawn")
    needed = {_module(step) for step in steps}
    level = logging.getLogger().level
    lanes: dict[str, _Lane] = {}
    try:
        for place, (module, warm_up) in enumerate(WARM_UP.items()):
            if module in needed:
                ours, theirs = spawn.Pipe()
                process = spawn.Process(
                    target=_serve,
                    args=(theirs, context, warm_up, _NICER * place, os.getpid(), level),
                    daemon=True,
                )
                process.start()
                theirs.close()
                lanes[module] = _Lane(process, ours)
        yield Lanes(lanes)
    finally:
        for lane in lanes.values():
            lane.pipe.close()
            lane.process.terminate()
            lane.process.join()


def _module(step: Step) -> str:
    return step.function.partition(":")[0]


def _serve(
    pipe: Connection,
    context: RunContext,
    warm_up: tuple[str, ...],
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
    for name in warm_up:
        module, _, function = name.partition(":")
        loaded = importlib.import_module(module)
        if function:
            with contextlib.suppress(LivingCrmError):  # the step will say it
                getattr(loaded, function)(context)
    while True:
        try:
            context, step = pipe.recv()
        except EOFError:
            return
        pipe.send(_outcome(context, step))


def _outcome(context: RunContext, step: Step) -> StepReport | BaseException:
    try:
        return run_step(context, step)
    except LivingCrmError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
        fault = RuntimeError(f"{step.name}: {type(error).__name__}")
        fault.add_note(traceback.format_exc())
        return fault
