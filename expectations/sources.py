"""How old and how much every source table is: the rows of `ops.source_status`.

Ages and volumes are read from the rows' own times up to the end of the business day, never from the
order in which days were loaded: a day judged late, or again, is judged alike. A source whose load
has just failed is stale also within its promise.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from expectations.fields import is_placeholder, value_of
from warehouse.catalog import SourceTable, source_tables
from warehouse.context import RunContext
from warehouse.days import day_end

logger = logging.getLogger(__name__)

# The weekdays a day is compared with, and how many of them must lie in the table's lifetime.
WEEKS = 4
MIN_WEEKS = 3

Status = Literal["fresh", "stale", "missing"]


@dataclass(frozen=True)
class SourceState:
    """What was found of one source table at the end of a business day.

    Attributes:
        newest_row_at: None if nothing has come yet.
        age_hours: hours on the business clock from the newest row to the day's end.
        load_ids: tonight's loads.
        earlier_rows: rows of the 28 days before the day.
        earlier_filled: per column, how many of those rows hold a value.
        earlier_placeholders: per column that is checked for them, how many hold a placeholder.
        load_failed: the run's load of the source broke off, whatever is there from earlier nights.
        most_rejected: the share of tonight's rows above which the table cannot be relied on.
    """

    table: SourceTable
    newest_row_at: datetime | None
    age_hours: float | None
    rows_loaded: int
    rows_rejected: int
    rows_of_day: int | None
    usual_rows_of_day: float | None
    load_ids: tuple[str, ...]
    earlier_rows: int
    earlier_filled: Mapping[str, int]
    earlier_placeholders: Mapping[str, int]
    load_failed: bool
    most_rejected: float

    @property
    def status(self) -> Status:
        """Whether the source kept its promise, and could be loaded tonight."""
        if self.age_hours is None:
            return "missing"
        rows = self.rows_loaded + self.rows_rejected
        is_fresh = (
            self.age_hours <= self.table.fresh_within_hours
            and not self.load_failed
            and self.rows_rejected <= self.most_rejected * rows
        )
        return "fresh" if is_fresh else "stale"


def measure(context: RunContext) -> list[SourceState]:
    """Returns the state of every catalogued table, from its rows of the last weeks."""
    with context.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        failed = _failed_loads(cursor, context)
        return [
            _measure(cursor, context, table, load_failed=f"load_{table.source}" in failed)
            for table in source_tables(context.settings)
        ]


def record(context: RunContext, states: Sequence[SourceState]) -> None:
    """Replaces the day's rows of `ops.source_status`."""
    with context.connection() as connection, connection.cursor() as cursor:
        cursor.execute("delete from ops.source_status where as_of_date = %s", (context.as_of,))
        cursor.executemany(
            """
            insert into ops.source_status (
                as_of_date, source, table_name, newest_row_at, age_hours, promised_within_hours,
                rows_loaded, rows_rejected, rows_of_day, usual_rows_of_day, status
            ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    context.as_of, state.table.source, state.table.name, state.newest_row_at,
                    state.age_hours, state.table.fresh_within_hours, state.rows_loaded,
                    state.rows_rejected, state.rows_of_day, state.usual_rows_of_day, state.status,
                )
                for state in states
            ],
        )  # fmt: skip


def _measure(
    cursor: psycopg.Cursor[dict[str, Any]],
    context: RunContext,
    table: SourceTable,
    *,
    load_failed: bool,
) -> SourceState:
    loads = _loads(cursor, context, table)
    found = _rows(cursor, context, table) if _exists(cursor, table) else {}
    newest = _latest(found.get("newest"), loads["newest_drop"], context)
    oldest = _latest(found.get("oldest"), None, context)
    usual = [
        found[f"rows_before_{week}_weeks"]
        for week in range(1, WEEKS + 1)
        if oldest and oldest < day_end(context.as_of - timedelta(weeks=week), context.policy.tz)
    ]
    return SourceState(
        table=table,
        newest_row_at=newest,
        age_hours=_business_hours(newest, context) if newest else None,
        rows_loaded=loads["rows_loaded"],
        rows_rejected=loads["rows_rejected"],
        rows_of_day=found.get("rows_of_day"),
        usual_rows_of_day=float(median(usual)) if len(usual) >= MIN_WEEKS else None,
        load_ids=tuple(loads["load_ids"]),
        earlier_rows=found.get("earlier_rows", 0),
        earlier_filled={
            column: found.get(f"filled_{number}", 0) for number, column in enumerate(table.columns)
        },
        earlier_placeholders={
            column: found[f"placeholders_{number}"]
            for number, column in enumerate(table.columns)
            if f"placeholders_{number}" in found
        },
        load_failed=load_failed,
        most_rejected=context.policy.checks.max_rejected_share,
    )


def _failed_loads(cursor: psycopg.Cursor[dict[str, Any]], context: RunContext) -> set[str]:
    """Returns the steps of this run that failed to load a source."""
    cursor.execute(
        """
        select step from ops.run_steps
        where run_id = %s and room = 'load' and status != 'success'
        """,
        (context.run_id,),
    )
    return {row["step"] for row in cursor}


def _exists(cursor: psycopg.Cursor[dict[str, Any]], table: SourceTable) -> bool:
    cursor.execute(
        "select to_regclass(%s) is not null as found", (f"{table.raw_schema}.{table.name}",)
    )
    row = cursor.fetchone()
    return bool(row and row["found"])


def _loads(
    cursor: psycopg.Cursor[dict[str, Any]], context: RunContext, table: SourceTable
) -> dict[str, Any]:
    """Returns tonight's loads, and the newest drop read up to now: a drop may hold no row."""
    cursor.execute(
        """
        select
            coalesce(sum(rows_loaded), 0)::bigint as rows_loaded,
            coalesce(sum(rows_rejected), 0)::bigint as rows_rejected,
            coalesce(array_agg(load_id order by load_id) filter (where rows_loaded > 0), '{}')
                as load_ids,
            (
                select max(file_date) from ops.loaded_files
                where source = %(source)s and table_name = %(table)s and file_date <= %(day)s
                    -- A file of which nothing could be read brought nothing.
                    and (rows_read = 0 or rows_read > rows_rejected)
            ) as newest_drop
        from ops.loads
        where source = %(source)s and table_name = %(table)s and as_of_date = %(day)s
        """,
        {"day": context.as_of, "source": table.source, "table": table.name},
    )
    row = cursor.fetchone()
    assert row is not None
    return row


def _rows(
    cursor: psycopg.Cursor[dict[str, Any]], context: RunContext, table: SourceTable
) -> dict[str, Any]:
    """Returns times, counts and gaps of the rows up to the day's end.

    Rows of the last weeks are counted; of the older ones it is only asked whether there are any,
    and how new they are where nothing came since.
    """

    def within(first: date, last: date) -> sql.Composed:
        return sql.SQL("{cursor} >= {begin} and {cursor} < {end}").format(
            cursor=sql.Identifier(table.cursor),
            begin=sql.Literal(end_of(table, first - timedelta(days=1), context)),
            end=sql.Literal(end_of(table, last, context)),
        )

    def count(what: sql.Composable, where: sql.Composable, name: str) -> sql.Composed:
        return sql.SQL("count({}) filter (where {}) as {}").format(
            what, where, sql.Identifier(name)
        )

    today, every = context.as_of, sql.SQL("*")
    before = within(today - timedelta(weeks=WEEKS), today - timedelta(days=1))
    cursor_of_rows = sql.Identifier(table.cursor)
    begin = sql.Literal(end_of(table, today - timedelta(weeks=WEEKS, days=1), context))
    older = sql.SQL("from {table} where {cursor} < {begin}").format(
        table=sql.Identifier(table.raw_schema, table.name), cursor=cursor_of_rows, begin=begin
    )
    measures = [
        sql.SQL(
            "case when exists (select {older}) then {begin} else min({cursor}) end as oldest"
        ).format(older=older, begin=begin, cursor=cursor_of_rows),
        sql.SQL("coalesce(max({cursor}), (select max({cursor}) {older})) as newest").format(
            cursor=cursor_of_rows, older=older
        ),
        count(every, within(today, today), "rows_of_day"),
        count(every, before, "earlier_rows"),
    ]
    for week in range(1, WEEKS + 1):
        day = today - timedelta(weeks=week)
        measures.append(count(every, within(day, day), f"rows_before_{week}_weeks"))
    for number, (column, kind) in enumerate(table.columns.items()):
        value = sql.SQL(value_of(column, kind))
        measures.append(count(value, before, f"filled_{number}"))
        placeholder = is_placeholder(value, table.fields.get(column), context.policy)
        if placeholder:
            where = sql.SQL("{} and {}").format(before, placeholder)
            measures.append(count(every, where, f"placeholders_{number}"))
    cursor.execute(
        sql.SQL(
            "select {measures} from {table} where {cursor} >= {begin} and {cursor} < {end}"
        ).format(
            measures=sql.SQL(", ").join(measures),
            table=sql.Identifier(table.raw_schema, table.name),
            cursor=cursor_of_rows,
            begin=begin,
            end=sql.Literal(end_of(table, today, context)),
        )
    )
    row = cursor.fetchone()
    assert row is not None
    return row


def end_of(table: SourceTable, day: date, context: RunContext) -> date | datetime:
    """Returns the first value of the table's cursor that no longer belongs to the business day."""
    return day + timedelta(days=1) if table.arrives_in_drops else day_end(day, context.policy.tz)


def _latest(row: datetime | date | None, drop: date | None, context: RunContext) -> datetime | None:
    """Returns the later of newest row and newest drop; a drop is dated by its day's start."""
    times = [
        value
        if isinstance(value, datetime)
        else datetime.combine(value, time.min, tzinfo=context.policy.tz)
        for value in (row, drop)
        if value is not None
    ]
    return max(times, default=None)


def _business_hours(moment: datetime, context: RunContext) -> float:
    """Returns the hours to the day's end as a wall clock shows them.

    On the clock a day has 24 hours, so the day that the clocks go back makes no daily drop late.
    """
    end = datetime.combine(context.as_of + timedelta(days=1), time.min)
    local = moment.astimezone(context.policy.tz).replace(tzinfo=None)
    return round((end - local).total_seconds() / 3600, 2)
