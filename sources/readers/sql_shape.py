"""What a database's tables look like, in the catalog's words, and where they differ from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from sources.catalog import SqlCatalog, SqlTable
from sources.readers.shape import SchemaChange, changed, differences, stopping
from warehouse.errors import SourceError

ZONELESS = "timestamp without time zone"
_KINDS: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.Boolean, "boolean"),
    (sa.Integer, "bigint"),
    (sa.Float, "double"),
    (sa.Numeric, "numeric"),
    (sa.String, "text"),
    (sa.Date, "date"),
)


@dataclass(frozen=True)
class TableShape:
    """A catalogued table as the database has it.

    Attributes:
        changes: how it differs from the catalog.
        added: its columns that the catalog does not list.
        cursor_may_be_null: whether a row may lack its cursor.
    """

    changes: tuple[SchemaChange, ...]
    added: tuple[str, ...]
    cursor_may_be_null: bool


def kinds(found: sa.types.TypeEngine[Any], backend: str) -> tuple[str, ...]:
    """Returns the catalog types a column can be read as; its own name where there is none.

    MySQL has no type for an instant: a DATETIME is taken as UTC. Its boolean is a TINYINT(1).
    """
    if isinstance(found, sa.DateTime):
        return ("timestamptz",) if found.timezone or backend == "mysql" else (ZONELESS,)
    if isinstance(found, mysql.TINYINT) and found.display_width == 1:
        return ("boolean", "bigint")
    for kind, name in _KINDS:
        if isinstance(found, kind):
            return (name,)
    return (str(found),)


def shapes(catalog: SqlCatalog, connection: sa.Connection) -> dict[str, TableShape | None]:
    """Returns every catalogued table's shape; None where the table is missing."""
    backend = connection.dialect.name
    found = sa.inspect(connection).get_multi_columns(
        schema=catalog.db_schema,
        filter_names=[table.name for table in catalog.tables],
        kind=sa.engine.ObjectKind.ANY,
    )
    result: dict[str, TableShape | None] = {}
    for table in catalog.tables:
        columns = found.get((catalog.db_schema, table.name))
        if columns is None:
            result[table.name] = None
            continue
        types = {column["name"]: kinds(column["type"], backend) for column in columns}
        result[table.name] = TableShape(
            changes=tuple(differences(table.name, table.columns, types)),
            added=tuple(name for name in types if name not in table.columns),
            cursor_may_be_null=any(
                column["name"] == table.cursor and column["nullable"] for column in columns
            ),
        )
    return result


def faults(
    source: str,
    catalog: SqlCatalog,
    connection: sa.Connection,
    found: dict[str, TableShape | None],
    end: datetime | None,
) -> Iterable[SourceError]:
    """Yields what keeps the tables from being loaded: their shape, their times, their rows.

    Args:
        end: the first instant after the business day; None: a table need not have begun.
    """
    for table in catalog.tables:
        shape = found[table.name]
        if shape is None:
            yield SourceError(
                f"Source {source} has no table {table.name}.",
                f"Restore it, or correct {source}.yml; what is loaded stays as it is.",
            )
            continue
        if stopping(shape.changes):
            yield changed(source, f"{source}.{table.name}", shape.changes)
            continue
        yield from _begun(source, catalog, table, connection, end)
        if shape.cursor_may_be_null:
            yield from _without_cursor(source, catalog, table, connection)
    if connection.dialect.name == "mysql":
        yield from _clock(source, connection)


def described(catalog: SqlCatalog, table: SqlTable, backend: str, *more: str) -> sa.Table:
    """Returns the table as the catalog describes it, and `more` columns beside."""
    times = sa.DateTime(timezone=backend != "mysql")
    return sa.Table(
        table.name,
        sa.MetaData(schema=catalog.db_schema),
        *(
            sa.Column(name, times if kind == "timestamptz" else sa.Text())
            for name, kind in table.columns.items()
        ),
        *(sa.Column(name, sa.Text()) for name in more),
    )


def instant(moment: datetime, backend: str) -> datetime:
    """Returns a moment as the database writes it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if backend == "mysql" else moment


def _begun(
    source: str,
    catalog: SqlCatalog,
    table: SqlTable,
    connection: sa.Connection,
    end: datetime | None,
) -> Iterable[SourceError]:
    """Yields the fault of a required table that holds nothing before `end`."""
    if not table.required:
        return
    backend = connection.dialect.name
    columns = described(catalog, table, backend)
    if connection.scalar(sa.select(1).select_from(columns).limit(1)) is None:
        yield SourceError(
            f"{source}.{table.name} is empty.", "See why; what is loaded stays as it is."
        )
        return
    if end is None or table.mode == "snapshot":
        return
    cursor = columns.c[table.cursor]
    before = sa.select(1).where(cursor < instant(end, backend)).limit(1)
    if connection.scalar(before) is None:
        first = connection.scalar(sa.select(sa.func.min(cursor)))
        if first is None:
            return  # told of as rows without a cursor
        yield SourceError(
            f"{source}.{table.name} begins at {first:%Y-%m-%d %H:%M} UTC, after the business day.",
            "Choose a later as-of date.",
        )


def _without_cursor(
    source: str, catalog: SqlCatalog, table: SqlTable, connection: sa.Connection
) -> Iterable[SourceError]:
    """Yields the fault of rows that have no cursor: they would never be read."""
    cursor = described(catalog, table, connection.dialect.name).c[table.cursor]
    if connection.scalar(sa.select(1).where(cursor.is_(None)).limit(1)):
        yield SourceError(
            f"{source}.{table.name} has rows without {table.cursor}: they would never be loaded.",
            "Have the source stamp every row.",
        )


def _clock(source: str, connection: sa.Connection) -> Iterable[SourceError]:
    """Yields the fault of a MySQL server whose TIMESTAMPs would not be read as UTC."""
    offset = connection.scalar(sa.text("select timestampdiff(minute, utc_timestamp(), now())"))
    if offset:
        yield SourceError(
            f"Source {source} tells the time {offset} minutes off UTC.",
            "Set its time_zone to '+00:00' for the user that reads.",
        )
