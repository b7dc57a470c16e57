"""A source system that is a PostgreSQL database: the web shop, and the tills where MariaDB is not.

Rows arrive in one transaction per call, by binary COPY: those with new keys straight into the
table, changed ones by way of a temporary table.
"""

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from typing_extensions import override

from demo.company.systems.system import KEYS, Days, System, gathered, newest_versions
from warehouse.connections import connect, connect_arrow, ensure_database, warehouse_url
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

_TYPES: Mapping[pa.DataType, str] = {
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.string(): "text",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", "UTC"): "timestamptz",
}


class PostgresSystem(System):
    """One database on the warehouse's server; its last day is the comment on its first table."""

    def __init__(
        self, settings: Settings, name: str, database: str, tables: Mapping[str, pa.Schema]
    ) -> None:
        self.name = name
        self.tables = tables
        self._first_table = next(iter(tables))
        self.url = ensure_database(warehouse_url(settings), database)

    @override
    def address(self) -> Mapping[str, str]:
        return {f"SOURCE_{self.name.upper()}_URL": self.url}

    @override
    def last_day(self) -> date | None:
        with connect(self.url) as connection:
            row = connection.execute(
                "select obj_description(to_regclass(%s), 'pg_class')", (self._first_table,)
            ).fetchone()
        return date.fromisoformat(row[0]) if row and row[0] else None

    @override
    def take(self, days: Days) -> int:
        written = 0
        with connect_arrow(self.url) as connection, connection.cursor() as cursor:
            # The rows can be made again: a crash of the server may take the last days back.
            cursor.execute("set local synchronous_commit = off")
            for table in self.tables:
                rows = gathered(days, f"{self.name}.{table}")
                if rows is not None:
                    written += self._write(cursor, table, rows)
            cursor.execute(f"comment on table {self._first_table} is '{max(days)}'")
            connection.commit()
        return written

    @override
    def clear(self) -> None:
        with connect(self.url) as connection:
            connection.execute("drop schema if exists public cascade; create schema public")
            for table, schema in self.tables.items():
                connection.execute(create_table(table, schema))
                key = sql.SQL(", ").join(map(sql.Identifier, KEYS[f"{self.name}.{table}"]))
                name = sql.Identifier(table)
                connection.execute(sql.SQL("alter table {} add primary key ({})").format(name, key))
                connection.execute(sql.SQL("create index on {} (updated_at)").format(name))

    def _write(self, cursor: Any, table: str, rows: pa.Table) -> int:
        key = KEYS[f"{self.name}.{table}"]
        rows = newest_versions(rows, key)
        cursor.execute(f'select max("{key[0]}") from "{table}"')  # noqa: S608
        (newest,) = cursor.fetchone()
        is_new = pc.fill_null(pc.greater(rows[key[0]], pa.scalar(newest, pa.int64())), True)
        added, changed = rows.filter(is_new), rows.filter(pc.invert(is_new))
        if added.num_rows:
            cursor.adbc_ingest(table, added, mode="append")
        if changed.num_rows:
            cursor.adbc_ingest("changed", changed, mode="create", temporary=True)
            columns = ", ".join(f'"{name}"' for name in rows.column_names)
            values = ", ".join(f'"{name}" = excluded."{name}"' for name in rows.column_names)
            cursor.execute(
                f'insert into "{table}" ({columns}) select {columns} from changed'  # noqa: S608
                f" on conflict ({', '.join(key)}) do update set {values}"
            )
            cursor.execute("drop table changed")
        logger.info("%s.%s: %d rows added, %d changed", self.name, table, len(added), len(changed))
        return int(rows.num_rows)


def create_table(table: str, schema: pa.Schema) -> sql.Composed:
    """Returns the statement that makes a table of this shape."""
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_TYPES[field.type]))
        for field in schema
    ]
    return sql.SQL("create table {} ({})").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(columns)
    )
