"""The walk: which steps a night has, in which order, and how one step is run and recorded.

The nightly DAG and `living-crm run` read the same table, so there is one walk. Rooms are named as
`module:function` and imported when their step runs: heavy libraries stay out of a DAG's parsing and
out of every other step.
"""

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg

from warehouse import ledger
from warehouse.connections import warehouse_url
from warehouse.context import RunContext, StepReport
from warehouse.errors import LivingCrmError, WarehouseError
from warehouse.policy import load_policy
from warehouse.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One step of a walk.

    Attributes:
        name: a verb, also the Airflow task's name.
        room: the room of the design it belongs to.
        function: `module:function`, called with a `RunContext` and `arguments`.
        after: steps it waits for.
        tolerates_failure: runs although a step before it failed; the run as a whole still fails.
        asks: parameters of the run that the function is given beside its arguments.
    """

    name: str
    room: str
    function: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    tolerates_failure: bool = False
    asks: tuple[str, ...] = ()


def sources(settings: Settings) -> list[str]:
    """Returns the names of the catalogued sources, sorted."""
    return sorted(path.stem for path in settings.catalog_dir.glob("*.yml"))


def nightly(settings: Settings) -> list[Step]:
    """Returns the steps of `customer_nightly` in an order that respects `after`."""
    loads = [
        Step(f"load_{name}", "load", "sources.load:load_source", {"source": name})
        for name in sources(settings)
    ]
    loaded = tuple(step.name for step in loads)
    dbt, door = "warehouse.dbt:build", "expectations.run:run_door"
    return [
        *loads,
        # A source that failed to load is judged by the guard: it may be stale or it may block.
        Step("check_raw", "check_raw", door, {"door": "raw"}, loaded, tolerates_failure=True),
        Step("standardise", "standardise", dbt, {"selector": "standardise"}, ("check_raw",)),
        Step("identify", "identify", "ml.identity.link:link", after=("standardise",)),
        Step("model", "model", dbt, {"selector": "model"}, ("identify",)),
        Step("check_customers", "check_customers", door, {"door": "customers"}, ("model",)),
        Step("score", "score", "ml.score:score", after=("check_customers",)),
        Step("choose", "choose", dbt, {"selector": "choose"}, ("score",)),
        Step("check_lists", "check_lists", door, {"door": "lists"}, ("choose",)),
        Step("publish", "publish", "publishing.publish:publish", after=("check_lists",)),
        # The briefing is written whatever happened: a bad night is what it is most needed for.
        Step(
            "brief", "brief", "publishing.briefing.write:write",
            after=("publish",), tolerates_failure=True,
        ),
    ]  # fmt: skip


def training(_settings: Settings) -> list[Step]:
    """Returns the steps of `models_train`."""
    train, snapshots = "ml.train:train", ("build_snapshots",)
    train_effect = "ml.uplift.train:train"
    return [
        Step("build_snapshots", "train", "ml.train:build_snapshots"),
        Step("train_churn", "train", train, {"model_name": "churn"}, snapshots),
        Step("train_winback", "train", train, {"model_name": "winback"}, snapshots),
        Step("train_contract_churn", "train", train, {"model_name": "contract_churn"}, snapshots),
        Step("train_value", "train", "ml.value.train:train", after=snapshots),
        Step(
            "train_contact_effect", "train", train_effect,
            {"model_name": "contact_effect"}, snapshots,
        ),
        Step(
            "train_contact_harm", "train", train_effect,
            {"model_name": "contact_harm"}, snapshots,
        ),
    ]  # fmt: skip


def identity_training(_settings: Settings) -> list[Step]:
    """Returns the steps of `identity_train`."""
    return [Step("train_identity", "train", "ml.identity.train:train")]


def unmerging(_settings: Settings) -> list[Step]:
    """Returns the steps of `identity_unmerge`, whose run names the person."""
    return [
        Step(
            "unmerge", "identify", "ml.identity.unmerge:unmerge_step",
            asks=("person_id", "by", "because", "apart"),
        )
    ]  # fmt: skip


WALKS: Mapping[str, Callable[[Settings], list[Step]]] = {
    "customer_nightly": nightly,
    "identity_train": identity_training,
    "identity_unmerge": unmerging,
    "models_train": training,
}


def context_for(settings: Settings, as_of: date, run_id: str) -> RunContext:
    """Returns the context of a run: policy read and validated, warehouse reachable."""
    return RunContext(
        settings=settings,
        policy=load_policy(settings.policy_file),
        as_of=as_of,
        run_id=run_id,
        url=warehouse_url(settings),
    )


def run_step(context: RunContext, step: Step) -> StepReport:
    """Runs one step and records it in `ops.run_steps`.

    Raises:
        LivingCrmError: the room's own error, or a database error stripped of row values, which
            may be personal.
    """
    module_name, _, function_name = step.function.partition(":")
    with context.connection() as connection:
        ledger.begin_step(connection, context.run_id, step.name, step.room)
    started = time.monotonic()
    _reset_peak_memory()
    logger.info("%s begins for %s", step.name, context.as_of)
    try:
        room: Callable[..., StepReport] = getattr(
            importlib.import_module(module_name), function_name
        )
        report = room(context, **step.arguments)
    except BaseException as error:
        fault = _without_row_values(error)
        with context.connection() as connection:
            ledger.end_step(
                connection, context.run_id, step.name, "failed",
                message=str(fault) if isinstance(fault, LivingCrmError) else type(fault).__name__,
                peak_memory_mb=_peak_memory_mb(),
            )  # fmt: skip
        if fault is error:
            raise
        raise fault from None
    with context.connection() as connection:
        ledger.end_step(
            connection, context.run_id, step.name, "success",
            row_count=report.rows, facts=dict(report.facts), peak_memory_mb=_peak_memory_mb(),
        )  # fmt: skip
    logger.info("%s done: %d rows, %.1f s", step.name, report.rows, time.monotonic() - started)
    return report


def _without_row_values(error: BaseException) -> BaseException:
    if isinstance(error, psycopg.Error):
        return WarehouseError(
            f"PostgreSQL refused a statement: {type(error).__name__} "
            f"(SQLSTATE {error.sqlstate or 'none'}).",
            "Run the step again; if it persists, the code names the fault in PostgreSQL's manual.",
        )
    return error


def _reset_peak_memory() -> None:
    """Lets the next reading of the peak belong to this step alone, where the kernel offers it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        logger.debug("The kernel does not let the peak memory be reset.")


def _peak_memory_mb() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0
