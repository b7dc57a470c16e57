"""The raw tables: made as catalogued, cleared of what a killed load left, counted, described."""

import logging
from datetime import timedelta

import psycopg
from psycopg import sql

from sources.catalog import Catalog, CursorTable, FileTable, RestTable, Table
from sources.readers.reading import EXTRA, SNAPSHOT_AT, Landed
from warehouse.catalog import FILE_CURSOR

logger = logging.getLogger(__name__)

_LARGE_LOAD_ROWS = 50_000
_POSTGRES = {"double": "double precision"}
_FILE_COLUMNS = {"_file_name": "text", "_file_date": "date", "_file_row_number": "bigint"}


def identifier(source: str, table: Table) -> sql.Identifier:
    """Returns the raw table's name."""
    return sql.Identifier(f"raw_{source}", table.name)


def ensure_tables(connection: psycopg.Connection, source: str, catalog: Catalog) -> None:
    """Makes the raw tables as catalogued: they are there, and typed, before their first row is.

    A raw table that somebody dropped is loaded anew from the beginning.
    """
    with connection.transaction():
        connection.execute(
            sql.SQL("create schema if not exists {}").format(sql.Identifier(f"raw_{source}"))
        )
        for table in catalog.tables:
            columns = _existing_columns(connection, source, table)
            if not columns:
                _make(connection, source, table)
            elif EXTRA not in columns:  # asked first: altering would lock out every reader
                connection.execute(
                    sql.SQL("alter table {} add column {} text").format(
                        identifier(source, table), sql.Identifier(EXTRA)
                    )
                )


def _make(connection: psycopg.Connection, source: str, table: Table) -> None:
    for ledger in ("loads", "loaded_files"):
        connection.execute(
            sql.SQL("delete from {} where source = %s and table_name = %s").format(
                sql.Identifier("ops", ledger)
            ),
            (source, table.name),
        )
    connection.execute(
        sql.SQL("create table {} ({}, _dlt_load_id text not null, _dlt_id text not null)").format(
            identifier(source, table),
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_POSTGRES.get(kind, kind)))
                for name, kind in _columns(table).items()
            ),
        )
    )
    # Loads stand in the table one after the other, and so do most of their rows by time: a small
    # index finds the last at once.
    for index, column in _indexes(table).items():
        connection.execute(
            sql.SQL("create index {} on {} using brin ({})").format(
                sql.Identifier(index), identifier(source, table), sql.Identifier(column)
            )
        )


def _indexes(table: Table) -> dict[str, str]:
    cursor = table.cursor if isinstance(table, CursorTable) else FILE_CURSOR
    return {f"{table.name}_load_id": "_dlt_load_id", f"{table.name}_cursor": cursor}


def _columns(table: Table) -> dict[str, str]:
    columns = {**table.columns, EXTRA: "text"}
    if isinstance(table, FileTable):
        columns |= _FILE_COLUMNS
    if isinstance(table, CursorTable) and table.mode == "snapshot":
        columns |= {SNAPSHOT_AT: "timestamptz"}
    return columns


def _existing_columns(connection: psycopg.Connection, source: str, table: Table) -> set[str]:
    rows = connection.execute(
        """
        select attname from pg_attribute
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
        """,
        (f"raw_{source}.{table.name}",),
    )
    return {row[0] for row in rows}


def remove_unfinished(connection: psycopg.Connection, source: str, catalog: Catalog) -> None:
    """Removes rows of loads that were never completed."""
    last = last_load_id(connection, source)
    for table in catalog.tables:
        removed = connection.execute(
            sql.SQL("delete from {} where _dlt_load_id > %s").format(identifier(source, table)),
            (last,),
        ).rowcount
        if removed:
            logger.warning(
                "%s.%s: %d rows of an unfinished load removed", source, table.name, removed
            )


def last_load_id(connection: psycopg.Connection, source: str) -> str:
    """Returns the id of the last complete load, '' before the first."""
    row = connection.execute(
        "select coalesce(max(load_id), '') from ops.loads where source = %s", (source,)
    ).fetchone()
    assert row is not None
    return str(row[0])


def landed(connection: psycopg.Connection, source: str, table: CursorTable) -> Landed:
    """Returns how far a table is loaded, and which of its versions the next read meets again."""
    found = connection.execute(
        "select max(loaded_through) from ops.loads where source = %s and table_name = %s",
        (source, table.name),
    ).fetchone()
    through = found[0] if found else None
    is_rest = isinstance(table, RestTable)
    if through is None or table.mode == "snapshot" or not (table.look_back_hours or is_rest):
        return Landed(through)
    # A service that cannot be asked for what is new tells everything again, every night.
    meets_all = isinstance(table, RestTable) and table.since is None
    since = None if meets_all else through - timedelta(hours=table.look_back_hours)
    first_load = connection.execute(
        """
        select min(load_id) from ops.loads
        where source = %(source)s and table_name = %(table)s
            and (%(since)s::timestamptz is null or loaded_through >= %(since)s)
        """,
        {"source": source, "table": table.name, "since": since},
    ).fetchone()
    assert first_load is not None
    ids = connection.execute(
        sql.SQL(
            "select _dlt_id from {} where _dlt_load_id >= %(load)s"
            " and (%(since)s::timestamptz is null or {} >= %(since)s)"
        ).format(identifier(source, table), sql.Identifier(table.cursor)),
        {"load": first_load[0], "since": since},
    ).fetchall()
    rejected = connection.execute(
        """
        select raw_row ->> 'text' from quarantine.rejected_rows
        where source = %s and table_name = %s and load_id >= %s and raw_row ? 'text'
        """,
        (source, table.name, first_load[0]),
    ).fetchall()
    return Landed(through, frozenset(row[0] for row in ids), frozenset(row[0] for row in rejected))


def count_rows(
    connection: psycopg.Connection, source: str, catalog: Catalog, load_id: str
) -> dict[str, int]:
    """Returns the rows of the load that stand in each raw table: what came, not what was sent."""
    counts = {}
    for table in catalog.tables:
        row = connection.execute(
            sql.SQL("select count(*) from {} where _dlt_load_id = %s").format(
                identifier(source, table)
            ),
            (load_id,),
        ).fetchone()
        counts[table.name] = int(row[0]) if row else 0
    return counts


def tell_planner(connection: psycopg.Connection, source: str, table: Table, rows: int) -> None:
    """Describes a large load to the query planner: the next rooms do not wait for autovacuum."""
    if rows >= _LARGE_LOAD_ROWS:
        for index in _indexes(table):
            connection.execute(
                "select brin_summarize_new_values(%s::regclass)", (f"raw_{source}.{index}",)
            )
        connection.execute(sql.SQL("analyze {}").format(identifier(source, table)))
