"""Runs a walk through Airflow and follows it, task by task."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from warehouse.airflow.api import Api, path_part
from warehouse.airflow.services import up
from warehouse.connections import connect, warehouse_url
from warehouse.errors import LivingCrmError, WarehouseError
from warehouse.settings import Settings

POLL_SECONDS = 1.0
PARSE_SECONDS = 90
_FINISHED = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})


@dataclass(frozen=True)
class TaskProgress:
    """A task that changed its state.

    Attributes:
        state: Airflow's word: running, success, failed, up_for_retry, upstream_failed, ...
        seconds: how long it ran, if it has ended.
        done: tasks of the run that have ended by now, this one included.
        total: tasks of the run.
    """

    task: str
    state: str
    seconds: float | None
    done: int
    total: int


class RunFailed(LivingCrmError):
    """A run in Airflow failed; names the first step at fault and its reason."""


def run_dag(
    settings: Settings,
    dag_id: str,
    as_of: date,
    on_progress: Callable[[TaskProgress], None] = lambda _: None,
) -> str:
    """Runs `dag_id` for the business day in Airflow, waits for its end and returns its run id.

    There is one such run a day. If it goes on already it is followed; if it failed, the failed
    tasks and what comes after them are run again; if it succeeded, all of it is run again.

    Raises:
        RunFailed: a task failed.
        WarehouseError: Airflow does not answer or does not know the DAG.
    """
    services = up(settings)
    api = Api(settings)
    run_id = f"manual__{as_of}"
    _await_dag(api, dag_id)
    _begin(api, dag_id, run_id, as_of, scheduler_is_new=services.scheduler_is_new)
    state = _follow(api, dag_id, run_id, on_progress)
    if state != "success":
        raise _failure(settings, dag_id, run_id)
    return ledger_run_id(dag_id, run_id)


def ledger_run_id(dag_id: str, run_id: str) -> str:
    """Returns the id in `ops.runs` of an Airflow run: the same through all its retries."""
    return f"{dag_id}__{run_id}"


def _await_dag(api: Api, dag_id: str) -> None:
    """Waits until the DAG's file is parsed, and lets its runs start."""
    began = datetime.now(UTC)
    deadline = time.monotonic() + PARSE_SECONDS
    while (dag := api.get(f"/dags/{path_part(dag_id)}")) is None or dag["has_import_errors"]:
        for fault in (api.get("/importErrors") or {}).get("import_errors", []):
            # An older fault may have been mended since; the file is parsed again soon.
            if datetime.fromisoformat(fault["timestamp"]) >= began:
                reason = str(fault["stack_trace"]).strip().splitlines()[-1]
                raise WarehouseError(
                    f"{fault['filename']} cannot be imported: {reason}", "Mend it and try again."
                )
        if time.monotonic() > deadline:
            raise WarehouseError(
                f"Airflow does not know the DAG {dag_id}.", "See that its file is in dags/."
            )
        time.sleep(POLL_SECONDS)
    if dag["is_paused"]:
        api.patch(f"/dags/{path_part(dag_id)}", {"is_paused": False})


def _begin(api: Api, dag_id: str, run_id: str, as_of: date, *, scheduler_is_new: bool) -> None:
    path = _run_path(dag_id, run_id)
    run = api.get(path)
    body: dict[str, Any]
    if run is None:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": {"as_of": as_of.isoformat()}}
        api.post(f"/dags/{path_part(dag_id)}/dagRuns", body)
        return
    if run["state"] == "success":
        api.post(f"{path}/clear", {"dry_run": False})
        return
    if run["state"] != "failed":
        if not scheduler_is_new:
            return  # it goes on
        # Its tasks died with the services that ran them; Airflow would notice after minutes only.
        api.patch(path, {"state": "failed"})
    tasks = _tasks(api, dag_id, run_id)
    body = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": [name for name, task in tasks.items() if task["state"] != "success"],
        "only_failed": False,
        "include_downstream": True,
        "reset_dag_runs": True,
    }
    api.post(f"/dags/{path_part(dag_id)}/clearTaskInstances", body)


def _follow(api: Api, dag_id: str, run_id: str, on_progress: Callable[[TaskProgress], None]) -> str:
    seen: dict[str, Any] = {}
    while True:
        # The run is read before its tasks: when it has ended, so have all of them.
        run = api.get(_run_path(dag_id, run_id))
        if run is None:
            raise WarehouseError(f"Run {run_id} of {dag_id} was deleted.", "Start it again.")
        tasks = _tasks(api, dag_id, run_id)
        done = sum(task["state"] in _FINISHED for task in tasks.values())
        for name, task in sorted(tasks.items(), key=_by_start):
            sign = (task["state"], task["try_number"])
            if task["state"] not in (None, "scheduled", "queued") and seen.get(name) != sign:
                seconds = task["duration"] if task["state"] in _FINISHED else None
                on_progress(TaskProgress(name, task["state"], seconds, done, len(tasks)))
                seen[name] = sign
        if run["state"] in ("success", "failed"):
            return str(run["state"])
        time.sleep(POLL_SECONDS)


def _by_start(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, str, str]:
    name, task = item
    return task["start_date"] is None, task["start_date"] or "", name


def _tasks(api: Api, dag_id: str, run_id: str) -> dict[str, Mapping[str, Any]]:
    answer = api.get(f"{_run_path(dag_id, run_id)}/taskInstances?limit=100") or {}
    instances: Sequence[Mapping[str, Any]] = answer.get("task_instances", [])
    return {str(instance["task_id"]): instance for instance in instances}


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{path_part(dag_id)}/dagRuns/{path_part(run_id)}"


def _failure(settings: Settings, dag_id: str, run_id: str) -> RunFailed:
    """Returns the error of the first step that failed, as the step itself told it."""
    with connect(warehouse_url(settings)) as connection:
        row = connection.execute(
            """
            select step, message from ops.run_steps
            where run_id = %s and status != 'success'
            order by started_at, step limit 1
            """,
            (ledger_run_id(dag_id, run_id),),
        ).fetchone()
    where = f"See the task's log in Airflow: make up, {dag_id}, run {run_id}."
    if row is None:
        return RunFailed(f"{dag_id} failed outside its steps.", where)
    step, message = row
    what, _, remedy = str(message or "it was interrupted").partition(" Remedy: ")
    return RunFailed(f"{dag_id} failed at {step}: {what}", remedy or where)
