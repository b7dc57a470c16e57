"""The run ledger: `ops.runs` and `ops.run_steps`.

The only place that asks the database's clock: when a run happened is a fact about the run, not
about the business day.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import psycopg
from psycopg.types.json import Jsonb


def begin_run(connection: psycopg.Connection, run_id: str, as_of: date, dag_id: str) -> None:
    """Opens a run, or opens it again when it is retried; its finished steps stay finished."""
    connection.execute(
        """
        insert into ops.runs (run_id, as_of_date, dag_id, started_at, status)
        values (%s, %s, %s, clock_timestamp(), 'running')
        on conflict (run_id) do update set status = 'running', finished_at = null
        """,
        (run_id, as_of, dag_id),
    )


def open_runs(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Returns DAG and id of the runs that are not closed; no other run begins until commit."""
    connection.execute("select pg_advisory_xact_lock(hashtext('living-crm begin run'))")
    rows = connection.execute(
        "select dag_id, run_id from ops.runs where status = 'running' order by started_at, run_id"
    )
    return [(str(dag_id), str(run_id)) for dag_id, run_id in rows]


def take_local_walk(connection: psycopg.Connection) -> bool:
    """Takes the warehouse's one place for a walk without Airflow; tells whether it was free.

    The place is freed with the connection, also when its process is killed.
    """
    row = connection.execute("select pg_try_advisory_lock(hashtext('living-crm walk'))").fetchone()
    return bool(row and row[0])


def share_walk(connection: psycopg.Connection) -> bool:
    """Keeps walks without Airflow out while the connection lasts; tells whether none goes on."""
    row = connection.execute(
        "select pg_try_advisory_lock_shared(hashtext('living-crm walk'))"
    ).fetchone()
    return bool(row and row[0])


def forget_steps(connection: psycopg.Connection, run_id: str) -> None:
    """Forgets the steps of an earlier try, when the whole of a run is run again."""
    connection.execute("delete from ops.run_steps where run_id = %s", (run_id,))


def finish_run(connection: psycopg.Connection, run_id: str, steps: Sequence[str]) -> list[str]:
    """Closes a run and returns the names of its failed steps; with any, the run has failed.

    Args:
        steps: all of the run's; one that left no trace has failed too.
    """
    failed = sorted(set(steps) - finished_steps(connection, run_id))
    connection.execute(
        "update ops.runs set finished_at = clock_timestamp(), status = %s where run_id = %s",
        ("failed" if failed else "success", run_id),
    )
    return failed


def begin_step(connection: psycopg.Connection, run_id: str, step: str, room: str) -> None:
    """Opens a step; a retry replaces the earlier try."""
    connection.execute(
        """
        insert into ops.run_steps (run_id, step, room, started_at, status)
        values (%s, %s, %s, clock_timestamp(), 'running')
        on conflict (run_id, step) do update set
            started_at = excluded.started_at, finished_at = null, status = 'running',
            row_count = null, peak_memory_mb = null, facts = '{}', message = null
        """,
        (run_id, step, room),
    )


def end_step(
    connection: psycopg.Connection,
    run_id: str,
    step: str,
    status: str,
    *,
    row_count: int | None = None,
    facts: Mapping[str, int | float | str] | None = None,
    message: str | None = None,
    peak_memory_mb: int | None = None,
) -> None:
    """Closes a step with what it says of itself."""
    connection.execute(
        """
        update ops.run_steps set
            finished_at = clock_timestamp(), status = %s, row_count = %s, facts = %s,
            message = %s, peak_memory_mb = %s
        where run_id = %s and step = %s
        """,
        (status, row_count, Jsonb(dict(facts or {})), message, peak_memory_mb, run_id, step),
    )


def unfinished_run(
    connection: psycopg.Connection, as_of: date, dag_id: str, prefix: str
) -> str | None:
    """Returns that day's latest run with this prefix if it did not succeed, to take up again."""
    row = connection.execute(
        """
        select run_id, status from ops.runs
        where as_of_date = %s and dag_id = %s and starts_with(run_id, %s)
        order by started_at desc, run_id desc limit 1
        """,
        (as_of, dag_id, prefix),
    ).fetchone()
    return str(row[0]) if row and row[1] != "success" else None


def new_run_id(connection: psycopg.Connection, as_of: date, dag_id: str, prefix: str) -> str:
    """Returns the next free run id of that day: prefix, DAG, day and a running number."""
    row = connection.execute(
        """
        select count(*) from ops.runs
        where as_of_date = %s and dag_id = %s and starts_with(run_id, %s)
        """,
        (as_of, dag_id, prefix),
    ).fetchone()
    return f"{prefix}{dag_id}__{as_of}__{(row[0] if row else 0) + 1}"


def finished_steps(connection: psycopg.Connection, run_id: str) -> set[str]:
    """Returns the steps of a run that succeeded."""
    rows = connection.execute(
        "select step from ops.run_steps where run_id = %s and status = 'success'", (run_id,)
    )
    return {str(name) for (name,) in rows}
