"""The page of Data Docs that shows how alive every field is, beside the pages of the guards."""

from itertools import groupby
from operator import attrgetter
from pathlib import Path

from psycopg.rows import namedtuple_row

from expectations.pages import environment, write_page
from warehouse.context import RunContext


def write(context: RunContext) -> Path:
    """Writes the page of the day in the place of an earlier one and returns where it stands."""
    with (
        context.connection() as connection,
        connection.cursor(row_factory=namedtuple_row) as cursor,
    ):
        fields = cursor.execute(
            """
            select * from ops.field_vitality_trend where as_of_date = %s
            order by source, table_name, kind is null, field
            """,
            (context.as_of,),
        ).fetchall()
    environment.filters |= {"share": _share, "change": _change}
    return write_page(
        context.settings.docs_dir / "data_docs" / "vitality" / "index.html",
        "vitality.html.j2",
        as_of=context.as_of,
        company=context.policy.company,
        old_value_days=context.policy.checks.old_value_days,
        tables=[
            (key, list(rows)) for key, rows in groupby(fields, attrgetter("source", "table_name"))
        ],
    )


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _change(change: float | None) -> str:
    """Returns a change in percentage points; nothing where there is none to see."""
    return "" if change is None or round(change, 3) == 0 else f"{100 * change:+.1f}"
