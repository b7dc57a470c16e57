"""The tasks a walk is made of: begin_run, one task for each step, finish_run.

What a step does stands in the rooms, which steps there are in `warehouse.walk`. Here stands only
what Airflow adds: the day, the order, retries and alerts.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import (
    ExceptionRetryPolicy,
    Param,
    RetryAction,
    RetryRule,
    TriggerRule,
    get_current_context,
    task,
)

from warehouse import ledger
from warehouse.airflow.runs import ledger_run_id
from warehouse.context import RunContext
from warehouse.days import parse_day
from warehouse.errors import (
    BuildError,
    GuardBlocked,
    LivingCrmError,
    ModelError,
    PolicyError,
    PublishError,
    SettingsError,
    SourceError,
    WarehouseError,
)
from warehouse.policy import load_policy
from warehouse.schemas import ensure_schemas
from warehouse.settings import load_settings
from warehouse.walk import Step, context_for, run_step

logger = logging.getLogger(__name__)


class RunIncomplete(LivingCrmError):
    """Steps of a run did not succeed."""


RUNBOOKS: Mapping[type[LivingCrmError], str] = {
    BuildError: "docs/runbooks/dbt_build.md",
    GuardBlocked: "docs/runbooks/guard_blocked.md",
    ModelError: "docs/runbooks/model.md",
    PolicyError: "docs/runbooks/policy.md",
    PublishError: "docs/runbooks/publish.md",
    RunIncomplete: "docs/runbooks/README.md",
    SettingsError: "docs/runbooks/settings.md",
    SourceError: "docs/runbooks/source.md",
    WarehouseError: "docs/runbooks/warehouse.md",
}
OTHER_RUNBOOK = "docs/runbooks/unexpected.md"

AS_OF = Param(
    default=None,
    type=["null", "string"],
    format="date",
    title="Business day",
    description="YYYY-MM-DD; left empty, the last day of the run's data interval.",
)


def alert(context: Mapping[str, Any]) -> None:
    """Logs one line for a task that has failed for good. Holds no secret and no personal field."""
    error = context.get("exception")
    known = isinstance(error, LivingCrmError)
    try:
        day = str(_as_of(context))
    except LivingCrmError:
        day = "unknown"
    logger.error(
        "ALERT dag=%s task=%s as_of=%s runbook=%s: %s",
        context["ti"].dag_id,
        context["ti"].task_id,
        day,
        next((page for kind, page in RUNBOOKS.items() if isinstance(error, kind)), OTHER_RUNBOOK),
        error if known else type(error).__name__,
    )


# With begin_run before it, a tolerant step runs once all before it have ended, whatever became of
# them, but not if the run could not begin.
_TOLERANT = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS

# Written once, given to every DAG. Faults that trying again cannot mend fail at the first try.
DEFAULT_ARGS: Mapping[str, Any] = {
    "owner": "data-engineering",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(
                exception=[BuildError, GuardBlocked, ModelError, PolicyError, SettingsError],
                action=RetryAction.FAIL,
                reason="trying again cannot mend it",
            )
        ]
    ),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": alert,
}


def business_day(as_of: str | None, interval_end: datetime | None, tz: ZoneInfo) -> date:
    """Returns the day a run is for: the named one, else the last whole day of its interval.

    Raises:
        SettingsError: no day is named and the run has no data interval, or the name is no day.
    """
    if as_of:
        return parse_day(as_of)
    if interval_end is None:
        raise SettingsError(
            "This run has no business day.",
            'Trigger it with as_of, such as {"as_of": "2017-11-30"}.',
        )
    return interval_end.astimezone(tz).date() - timedelta(days=1)


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
            raise WarehouseError(
                "A run without Airflow is going on in this warehouse.", "Wait for its end."
            )
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
        try:
            return run_step(_run_context(), step).rows
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
    return context_for(load_settings(), _as_of(current), run_id)


def _as_of(context: Mapping[str, Any]) -> date:
    settings = load_settings()
    return business_day(
        context["params"].get("as_of"),
        context.get("data_interval_end"),
        load_policy(settings.policy_file).tz,
    )
