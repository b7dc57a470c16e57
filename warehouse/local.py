"""Runs a walk without Airflow, step after step: what `living-crm run` and `train` do.

The same steps as the DAG's. A run that was killed or failed is taken up again at
the first step that did not succeed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date

from warehouse import ledger
from warehouse.connections import connect
from warehouse.context import RunContext, StepReport
from warehouse.errors import LivingCrmError, WarehouseError
from warehouse.lanes import Lanes, open_lanes
from warehouse.schemas import ensure_schemas
from warehouse.settings import Settings
from warehouse.walk import WALKS, Step, context_for

Watch = Callable[[Step, int, int], AbstractContextManager[None]]


@dataclass(frozen=True)
class WalkReport:
    """What a walk did: the reports of the steps it ran, and the steps it found done before."""

    run_id: str
    ran: dict[str, StepReport]
    taken_over: tuple[str, ...]


def _unwatched(step: Step, number: int, of: int) -> AbstractContextManager[None]:  # noqa: ARG001
    return nullcontext()


def run_walks(
    settings: Settings,
    dag_id: str,
    days: Sequence[date],
    *,
    prepare: Callable[[date], None] = lambda _day: None,
    fresh: bool = False,
    watch: Watch = _unwatched,
) -> list[WalkReport]:
    """Runs the walk `dag_id` for one business day after another, in the order they come.

    Args:
        days: at least one.
        prepare: called with each day before its walk begins.
        fresh: begin a new run even if a day's last one is unfinished.
        watch: a context manager around each step, given the step, its number and their count.

    Raises:
        LivingCrmError: the first step's error, after the steps that tolerate it have run. Days
            after that one are not run.
    """
    steps = WALKS[dag_id](settings)
    context = context_for(settings, days[0], run_id="none")
    reports = []
    with (
        open_lanes(steps) as lanes,  # first: a lane shares no connection with us
        _alone(context.url),
        connect(context.url) as connection,
    ):
        connection.autocommit = True
        ensure_schemas(connection)
        for day in days:
            prepare(day)
            run_id = None if fresh else ledger.unfinished_run(connection, day, dag_id, "local__")
            run_id = run_id or ledger.new_run_id(connection, day, dag_id, "local__")
            ledger.begin_run(connection, run_id, day, dag_id)
            done = ledger.finished_steps(connection, run_id)
            of_day = replace(context, as_of=day, run_id=run_id)
            lanes.begin(of_day, [step for step in steps if step.name not in done])
            ran, first_error = _run_steps(lanes, of_day, steps, done, watch)
            ledger.finish_run(connection, run_id, [step.name for step in steps])
            if first_error:
                raise first_error
            taken_over = tuple(step.name for step in steps if step.name in done)
            reports.append(WalkReport(run_id, ran, taken_over))
    return reports


def _run_steps(
    lanes: Lanes, context: RunContext, steps: list[Step], done: set[str], watch: Watch
) -> tuple[dict[str, StepReport], LivingCrmError | None]:
    ran: dict[str, StepReport] = {}
    succeeded = set(done)
    first_error: LivingCrmError | None = None
    for number, step in enumerate(steps, start=1):
        if step.name in done:
            continue
        if not step.tolerates_failure and not succeeded.issuperset(step.after):
            continue
        try:
            with watch(step, number, len(steps)):
                ran[step.name] = lanes.run(context, step)
            succeeded.add(step.name)
        except LivingCrmError as error:
            first_error = first_error or error
    return ran, first_error


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """Holds the warehouse's one place for a local walk; PostgreSQL frees it if we are killed."""
    with connect(url) as connection:
        connection.autocommit = True
        if not ledger.take_local_walk(connection):
            raise WarehouseError(
                "Another run is going on in this warehouse.", "Wait for it, or end it first."
            )
        yield
