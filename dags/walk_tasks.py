"""The tasks a walk is made of: begin_run, one task for each step, finish_run.

What a step does stands in the rooms, which steps there are in `warehouse.walk`. Here stands only
what Airflow adds: the day, the order, retries and alerts.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    TriggerRule,
    get_current_context,
    task,
)

from dags.alerts import RunIncomplete
from dags.business_day import as_of_date
from warehouse import ledger
from warehouse.airflow.runs import ledger_run_id
from warehouse.context import RunContext
from warehouse.errors import (
    LivingCrmError,
    WarehouseError,
)
from warehouse.schemas import ensure_schemas
from warehouse.settings import load_settings
from warehouse.walk import Step, context_for, run_step

# With begin_run before it, a tolerant step runs once all before it have ended, whatever became of
# them, but not if the run could not begin.
_TOLERANT = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS

_LOCAL_RUN = ("A run without Airflow is going on in this warehouse.", "Wait for its end.")


def walk(steps: Sequence[Step]) -> None:
    """Lays the steps out as tasks of the DAG being defined, between begin_run and finish_run."""
    # A run waits in begin_run for the one before it: three hours, without holding a worker.
    begin = task(task_id="begin_run", retries=36, retry_delay=timedelta(minutes=5))(_begin_run)()
    tasks: dict[str, Any] = {}
    for step in steps:
        tasks[step.name] = _step_task(step)
        [begin, *(tasks[name] for name in step.after)] >> tasks[step.name]
    [begin, *tasks.values()] >> _finish_task(tuple(tasks))


def _begin_run() -> None:
    """Prepares the schemas and opens the run in `ops.runs`."""
    context = _run_context()
    ti = get_current_context()["ti"]
    with context.connection() as connection:
        ensure_schemas(connection)
        if not ledger.take_local_walk(connection):
            raise WarehouseError(*_LOCAL_RUN)
        for dag_id, run_id in ledger.open_runs(connection):
            in_airflow = run_id.removeprefix(ledger_run_id(dag_id, ""))
            if run_id in (context.run_id, in_airflow):  # this one, or one without Airflow
                continue
            if ti.get_dagrun_state(dag_id, in_airflow) == "running":
                raise WarehouseError(
                    f"Run {run_id} is going on in this warehouse.",
                    "Wait for it; backfill with --max-active-runs 1.",
                )
        ledger.begin_run(connection, context.run_id, context.as_of, ti.dag_id)
        ledger.forget_steps(connection, context.run_id)


def _step_task(step: Step) -> Any:
    def run() -> int:
        context = _run_context()
        params = get_current_context()["params"]
        asked = replace(step, arguments={**step.arguments, **{k: params[k] for k in step.asks}})
        try:
            with context.connection() as connection:
                connection.autocommit = True  # it only holds the place
                if not ledger.share_walk(connection):
                    raise WarehouseError(*_LOCAL_RUN)
                return run_step(context, asked).rows
        except LivingCrmError as error:
            # The error's own line says all; the way it took through the room would hide it.
            raise error.with_traceback(None) from None

    return task(
        task_id=step.name,
        trigger_rule=_TOLERANT if step.tolerates_failure else TriggerRule.ALL_SUCCESS,
        doc_md=f"Room `{step.room}`: `{step.function}`.",
    )(run)()


def _finish_task(steps: Sequence[str]) -> Any:
    def finish_run() -> None:
        """Closes the run in `ops.runs`; fails if any step did, so that the run is red."""
        context = _run_context()
        with context.connection() as connection:
            failed = ledger.finish_run(connection, context.run_id, steps)
        if failed:
            raise RunIncomplete(
                f"The run for {context.as_of} failed at: {', '.join(failed)}.",
                "Mend the first of them, then clear the failed tasks and those after them.",
            )

    return task(task_id="finish_run", trigger_rule=TriggerRule.ALL_DONE, retries=0)(finish_run)()


def _run_context() -> RunContext:
    current = get_current_context()
    run_id = ledger_run_id(current["ti"].dag_id, current["ti"].run_id)
    return context_for(load_settings(), as_of_date(current), run_id)
