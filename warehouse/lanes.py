"""Processes that have a heavy library in memory by the time a local walk needs it.

Great Expectations, dbt and XGBoost take longer to import than a quiet night's rows take to load. A
lane is a process of its own that imports one of them while earlier steps still run, and then runs
the steps that need it, one at a time. The lanes import one after the other, in the order they are
needed: on two cores that hides the wait behind the work. A lane ends with the process that made it,
also when that one is killed.
"""

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
from multiprocessing.synchronize import Event

from warehouse.context import RunContext, StepReport
from warehouse.errors import LivingCrmError, WarehouseError
from warehouse.progress import configure_logging
from warehouse.walk import Step, run_step

# By the module a step's function is in: what its lane imports ahead.
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "expectations.run": ("great_expectations",),
    "warehouse.dbt": ("dbt.cli.main", "dbt.adapters.postgres"),
    "ml.score": ("adbc_driver_postgresql.dbapi", "xgboost"),
}
_POLL_SECONDS = 0.1
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
def open_lanes(steps: list[Step]) -> Iterator[Lanes]:
    """Starts the lanes that `steps` need and ends them afterwards."""
    spawn = multiprocessing.get_context("spawn")
    lanes: dict[str, _Lane] = {}
    level = logging.getLogger().level
    turns = [spawn.Event()]  # kept: a forgotten event is gone for the process that waits for it
    turns[0].set()
    try:
        for module in dict.fromkeys(_module(step) for step in steps):
            if module in LIBRARIES:
                ours, theirs = spawn.Pipe()
                turns.append(spawn.Event())
                process = spawn.Process(
                    target=_serve,
                    args=(theirs, LIBRARIES[module], os.getpid(), level, *turns[-2:]),
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
    libraries: tuple[str, ...],
    parent: int,
    level: int,
    turn: Event,
    next_turn: Event,
) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that made us decides
    configure_logging(verbose=level <= logging.INFO)
    while not turn.wait(_POLL_SECONDS) and not pipe.poll():  # who is asked for a step is in turn
        pass
    for name in libraries:
        importlib.import_module(name)
    next_turn.set()
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
