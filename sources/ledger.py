"""The ledger of loads: what came, which files, what was rejected, and which shapes changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import psycopg
from psycopg.types.json import Jsonb

from sources.readers.files import KnownFile
from sources.readers.reading import Reading
from sources.readers.shape import SchemaChange
from warehouse.errors import SourceError


def known_files(connection: psycopg.Connection, source: str) -> dict[str, list[KnownFile]]:
    """Returns per table the files loaded before."""
    known: dict[str, list[KnownFile]] = {}
    for table, name, content_hash, file_date, same_as in connection.execute(
        """
        select table_name, file_name, content_hash, file_date, same_as
        from ops.loaded_files where source = %s
        """,
        (source,),
    ):
        known.setdefault(table, []).append(KnownFile(name, content_hash, file_date, same_as))
    return known


def complete(
    connection: psycopg.Connection,
    as_of: date,
    source: str,
    load_id: str,
    readings: Sequence[Reading],
    rows_loaded: Mapping[str, int],
) -> None:
    """Writes the ledger of the load in one transaction: from here on it counts.

    Raises:
        SourceError: rows were lost or doubled on the way.
    """
    for reading in readings:
        loaded, rejected = rows_loaded[reading.table.name], len(reading.rejected)
        if loaded + rejected != reading.rows_read:
            raise SourceError(
                f"{reading.name}: {reading.rows_read} rows read, but {loaded} loaded and "
                f"{rejected} rejected.",
                "Run again; nothing of this load stays.",
            )
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into quarantine.rejected_rows
                (as_of_date, source, table_name, load_id, row_number, reason, raw_row)
            values (%s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    as_of, source, reading.table.name, load_id, row.row_number, row.reason,
                    Jsonb(row.raw_row),
                )
                for reading in readings
                for row in reading.rejected
            ],
        )  # fmt: skip
        # A file that only repeated another's bytes is read after all once that is no longer so.
        cursor.executemany(
            """
            insert into ops.loaded_files
                (source, table_name, file_name, content_hash, file_date, load_id, rows_read,
                rows_rejected, same_as)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (source, table_name, file_name, content_hash) do update set
                load_id = excluded.load_id, rows_read = excluded.rows_read,
                rows_rejected = excluded.rows_rejected, same_as = excluded.same_as
            """,
            [
                (
                    source, reading.table.name, file.name, file.content_hash, file.file_date,
                    load_id, file.rows_read, file.rows_rejected, file.same_as,
                )
                for reading in readings
                for file in reading.files
            ],
        )  # fmt: skip
        cursor.executemany(
            """
            insert into ops.loads
                (as_of_date, source, table_name, load_id, rows_read, rows_loaded, rows_rejected,
                loaded_through)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    as_of, source, reading.table.name, load_id, reading.rows_read,
                    rows_loaded[reading.table.name], len(reading.rejected), reading.loaded_through,
                )
                for reading in readings
            ],
        )  # fmt: skip
        record_changes(
            connection, as_of, source, [c for reading in readings for c in reading.added.values()]
        )


def record_changes(
    connection: psycopg.Connection, as_of: date, source: str, changes: Iterable[SchemaChange]
) -> None:
    """Records changes of shape: a new column on the day it was first met, others every day."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into ops.schema_changes
                (as_of_date, source, table_name, change, column_name, detail)
            select %(as_of)s, %(source)s, %(table)s, %(change)s, %(column)s, %(detail)s
            where %(change)s <> 'added' or not exists (
                select 1 from ops.schema_changes
                where source = %(source)s and table_name = %(table)s and change = 'added'
                    and column_name = %(column)s
            )
            on conflict do nothing
            """,
            [
                {
                    "as_of": as_of, "source": source, "table": change.table,
                    "change": change.change, "column": change.column.replace("\0", "\\x00"),
                    "detail": change.detail.replace("\0", "\\x00"),
                }
                for change in changes
            ],
        )  # fmt: skip
