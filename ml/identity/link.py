"""The step `identify`: finds pairs of records, makes persons of them, counts how well they connect.

A person keeps its id from night to night; every change stands in `identity.person_history` with
its cause. What is decided and when: docs/decisions/0026-when-a-link-is-refused.md and after it.
"""

import psycopg

from ml.identity.pairs import find_pairs
from ml.identity.settle import settle
from warehouse.context import RunContext, StepReport
from warehouse.errors import WarehouseError


def link(context: RunContext) -> StepReport:
    """Links every record first seen by the day's end and replaces what is counted of the day.

    Raises:
        WarehouseError: the unioned person records are not built.
    """
    with context.connection() as connection:
        _require_records(connection)
    found = find_pairs(context)
    with context.connection() as connection:
        decided = settle(connection, context)
    return StepReport(rows=int(decided["records"]), facts={**found, **decided})


def _require_records(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "select to_regclass('intermediate.int_persons__unioned') is null"
    ).fetchone()
    if row and row[0]:
        raise WarehouseError(
            "The person records intermediate.int_persons__unioned are not built.",
            "Run the step standardise first.",
        )
