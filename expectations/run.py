"""The three guards: what comes in (raw), what is scored (customers), what goes out (lists).

A rule stands once: keys inside the warehouse are constraints, links and business identities dbt's
tests. A guard asks what no model can: whether the data of this night may be relied on.
"""

import gc
import importlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from expectations import contradictions, sources, vitality, vitality_page
from warehouse import runbooks
from warehouse.context import RunContext, StepReport
from warehouse.errors import GuardBlocked, SettingsError

if TYPE_CHECKING:
    from expectations.checks import Suite
    from expectations.validation import Result

logger = logging.getLogger(__name__)

Door = Literal["raw", "customers", "lists"]
DOORS: tuple[Door, ...] = ("raw", "customers", "lists")


def run_door(context: RunContext, door: str) -> StepReport:
    """Checks everything at one door and writes down what was found, good or bad.

    Results replace the day's results of the door in `ops.check_results`; the raw door also writes
    `ops.source_status` and `ops.field_vitality`, to which the customers door adds what rests on
    tonight's persons. Data Docs show the last run.

    Returns:
        The number of checks, and how many of them failed as a warning.

    Raises:
        GuardBlocked: a blocking check failed, or a table it reads is not there. Results are
            written all the same.
    """
    if door not in DOORS:
        raise SettingsError(f"There is no guard {door!r}.", f"Guards: {', '.join(DOORS)}.")
    # What an earlier run of the day found no longer holds, even if this one breaks off.
    _record(context, door, [])
    facts: dict[str, int | float | str] = {}
    states: list[sources.SourceState] = []
    if door == "raw":
        states = sources.measure(context)
        sources.record(context, states)
        vitality.record(context, vitality.measure(context, states))
        facts = {
            f"sources_{status}": sum(state.status == status for state in states)
            for status in ("fresh", "stale", "missing")
        }
    if door == "customers":
        contradictions.measure(context)
    if door in ("raw", "customers"):
        vitality_page.write(context)
    suites = _suites(context, door, states)
    _require_tables(context, door, suites)

    from expectations import validation

    results = validation.validate(context, door, suites)
    _record(context, door, results)
    failed = [result for result in results if not result.success]
    for result in failed:
        logger.warning(
            "%s %s: %s, expected %s",
            result.check.severity, result.check.check_id, result.observed, result.check.expected,
        )  # fmt: skip
    _block(context, door, [result for result in failed if result.check.severity == "block"])
    return StepReport(rows=len(results), facts={**facts, "warnings": len(failed)})


def _suites(
    context: RunContext, door: str, states: Sequence[sources.SourceState]
) -> "Sequence[Suite]":
    # The suites import Great Expectations, which takes about ten seconds: not before a door runs.
    # Without the collector, which finds nothing to collect in what an import makes, it is a fifth
    # less.
    gc.disable()
    try:
        module = importlib.import_module(f"expectations.suites.{door}")
    finally:
        gc.enable()
    found: Sequence[Suite] = (
        module.suites(context, states) if door == "raw" else module.suites(context)
    )
    return found


def _require_tables(context: RunContext, door: str, suites: "Sequence[Suite]") -> None:
    with context.connection() as connection:
        for table in sorted({table for suite in suites for table in suite.reads}):
            row = connection.execute("select to_regclass(%s) is null", (table,)).fetchone()
            if row and row[0]:
                raise GuardBlocked(
                    f"Guard {door}: table {table} is not there.",
                    f"Run living-crm run --as-of {context.as_of}: the step that makes it failed or "
                    "never ran.",
                )


def _record(context: RunContext, door: str, results: "Sequence[Result]") -> None:
    with context.connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            "delete from ops.check_results where as_of_date = %s and door = %s",
            (context.as_of, door),
        )
        cursor.executemany(
            """
            insert into ops.check_results (
                as_of_date, door, check_id, suite, table_name, column_name, severity, success,
                observed, expected
            ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    context.as_of, door, result.check.check_id, result.suite, result.check.table,
                    result.check.column, result.check.severity, result.success, result.observed,
                    result.check.expected,
                )
                for result in results
            ],
        )  # fmt: skip


def _block(context: RunContext, door: str, failed: "Sequence[Result]") -> None:
    if not failed:
        return
    first = "; ".join(
        f"{result.check.check_id}: {result.observed}, expected {result.check.expected}"
        for result in failed[:3]
    )
    more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
    pages = ", ".join(sorted({runbooks.page(result.check.check_id) for result in failed}))
    raise GuardBlocked(
        f"Guard {door} of {context.as_of}: {first}{more}.",
        f"See {pages}. The last published lists stay in force.",
    )
