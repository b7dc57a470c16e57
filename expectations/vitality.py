"""How alive every field of every source is: the rows of `ops.field_vitality`.

Rows that last, such as members, are judged as they stand at the day's end: each by its newest
version, and by whether that still says what the version in force so many days ago said. Of what
happened, such as orders, the 28 days before the day are judged: the guard has counted them already.

A day is judged alike whenever it is judged: rows dated after it are not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from expectations.fields import is_placeholder, value_of
from expectations.sources import SourceState, end_of
from warehouse.catalog import SourceTable
from warehouse.context import RunContext


@dataclass(frozen=True)
class FieldState:
    """What was found of one field; counts of rows.

    Attributes:
        filled: rows with a value that is no placeholder.
        placeholders: None where the policy knows none for this field.
        unchanged: of the filled ones, those known to be old; None where nothing so old is known of
            the table, or a value cannot grow old.
    """

    table: SourceTable
    field: str
    rows: int
    filled: int
    placeholders: int | None
    unchanged: int | None


def measure(context: RunContext, states: Sequence[SourceState]) -> list[FieldState]:
    """Returns the state of every field; a lasting table costs one statement, others none."""
    found: list[FieldState] = []
    with context.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        for state in states:
            is_there = state.newest_row_at is not None
            if state.table.lasting and is_there:
                found += _of_what_lasts(cursor, context, state.table)
            else:
                found += _of_what_happened(state)
    return found


def record(context: RunContext, fields: Sequence[FieldState]) -> None:
    """Replaces the day's rows of `ops.field_vitality`."""
    with context.connection() as connection, connection.cursor() as cursor:
        cursor.execute("delete from ops.field_vitality where as_of_date = %s", (context.as_of,))
        cursor.executemany(
            """
            insert into ops.field_vitality (
                as_of_date, source, table_name, field, kind, row_count, filled_rows,
                placeholder_rows, unchanged_rows
            ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    context.as_of, field.table.source, field.table.name, field.field,
                    field.table.fields.get(field.field), field.rows, field.filled,
                    field.placeholders, field.unchanged,
                )
                for field in fields
            ],
        )  # fmt: skip


def _of_what_happened(state: SourceState) -> list[FieldState]:
    placeholders = state.earlier_placeholders
    return [
        FieldState(
            table=state.table,
            field=column,
            rows=state.earlier_rows,
            filled=state.earlier_filled[column] - placeholders.get(column, 0),
            placeholders=placeholders.get(column),
            unchanged=None,
        )
        for column in state.table.columns
    ]


def _of_what_lasts(
    cursor: psycopg.Cursor[dict[str, Any]], context: RunContext, table: SourceTable
) -> list[FieldState]:
    long_ago = context.as_of - timedelta(days=context.policy.checks.old_value_days)
    standing: list[sql.Composable] = [
        *map(sql.Identifier, table.columns),
        sql.SQL("{} as _is_edited_long_ago").format(_is_edited_by(context, table, long_ago)),
    ]
    measures: list[sql.Composable] = [
        sql.SQL("count(*) as row_count"),
        sql.SQL("coalesce(bool_or(_is_edited_long_ago), false) or count(_key_0) > 0 as has_old"),
    ]
    for number, (column, column_type) in enumerate(table.columns.items()):
        value = sql.SQL(value_of(column, column_type))
        is_filled = sql.SQL("{} is not null").format(value)
        placeholder = is_placeholder(value, table.fields.get(column), context.policy)
        if placeholder:
            is_one = sql.Identifier(f"_is_placeholder_{number}")
            standing.append(sql.SQL("{} as {}").format(placeholder, is_one))
            measures.append(_count(is_one, f"placeholders_{number}"))
            is_filled = sql.SQL("{} and {} is not true").format(is_filled, is_one)
        measures.append(_count(is_filled, f"filled_{number}"))
        if _grows_old(table, column):
            is_old = sql.SQL("{} and (_is_edited_long_ago or {} = {})").format(
                is_filled, value, sql.SQL(value_of(f"_then_{number}", column_type))
            )
            measures.append(_count(is_old, f"unchanged_{number}"))
    earlier = [
        sql.SQL("{} as {}").format(sql.Identifier(column), sql.Identifier(f"{prefix}_{number}"))
        for columns, prefix in ((table.key, "_key"), (table.columns, "_then"))
        for number, column in enumerate(columns)
    ]
    cursor.execute(
        sql.SQL(
            "with standing as ({standing}), earlier as ({earlier}) "
            "select {measures} from standing left join earlier on {same_key}"
        ).format(
            standing=_in_force(context, table, context.as_of, standing),
            earlier=_in_force(context, table, long_ago, earlier),
            measures=sql.SQL(", ").join(measures),
            same_key=sql.SQL(" and ").join(
                sql.SQL("{} = {}").format(sql.Identifier(column), sql.Identifier(f"_key_{number}"))
                for number, column in enumerate(table.key)
            ),
        )
    )
    found = cursor.fetchone()
    assert found is not None
    return [
        FieldState(
            table=table,
            field=column,
            rows=found["row_count"],
            filled=found[f"filled_{number}"],
            placeholders=found.get(f"placeholders_{number}"),
            unchanged=found.get(f"unchanged_{number}") if found["has_old"] else None,
        )
        for number, column in enumerate(table.columns)
    ]


def _in_force(
    context: RunContext, table: SourceTable, day: date, columns: Sequence[sql.Composable]
) -> sql.Composed:
    """Returns the query of each thing's newest version at the end of a day.

    What a snapshot no longer holds is not there; of an upsert table, nobody tells.
    """
    names = {
        "columns": sql.SQL(", ").join(columns),
        "table": sql.Identifier(table.raw_schema, table.name),
        "key": sql.SQL(", ").join(map(sql.Identifier, table.key)),
        "cursor": sql.Identifier(table.cursor),
        "end": sql.Literal(end_of(table, day, context)),
    }
    newest = sql.SQL(
        " and {cursor} = (select max({cursor}) from {table} where {cursor} < {end})"
    ).format(**names)
    return sql.SQL(
        "select distinct on ({key}) {columns} from {table} where {cursor} < {end}{newest} "
        "order by {key}, {cursor} desc, _dlt_load_id desc, _dlt_id desc"
    ).format(**names, newest=newest if table.mode == "snapshot" else sql.SQL(""))


def _is_edited_by(context: RunContext, table: SourceTable, day: date) -> sql.Composable:
    """Returns the condition that a row says of itself that nobody has changed it since `day`."""
    edited = next((c for c, kind in table.fields.items() if kind == "edited_on"), None)
    if edited is None:
        return sql.SQL("false")
    as_date = {
        "text": "case when pg_input_is_valid({value}, 'date') then cast({value} as date) end",
        "timestamptz": "cast({value} at time zone {time_zone} as date)",
        "date": "{value}",
    }[table.columns[edited]]
    value = sql.SQL(as_date).format(
        value=sql.SQL(value_of(edited, table.columns[edited])),
        time_zone=sql.Literal(context.policy.time_zone),
    )
    return sql.SQL("coalesce({} <= {}, false)").format(value, sql.Literal(day))


def _count(condition: sql.Composable, name: str) -> sql.Composed:
    return sql.SQL("count(*) filter (where {}) as {}").format(condition, sql.Identifier(name))


def _grows_old(table: SourceTable, column: str) -> bool:
    """Whether a value's age says anything: a key never changes, a clock always does."""
    clocks = {table.cursor, *(c for c, kind in table.fields.items() if kind == "edited_on")}
    return column not in {*table.key, *clocks}
