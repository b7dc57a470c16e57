"""The tills of the stores: a MariaDB server where the machine has one, else PostgreSQL.

Times are DATETIME(6) without a zone and mean UTC, as the tills write them. Which of the two servers
was taken at first stays so for the installation.
"""

import logging
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
from pymysql.cursors import Cursor
from typing_extensions import override

from demo.company.systems import mariadb
from demo.company.systems.postgres import PostgresSystem
from demo.company.systems.system import KEYS, Days, System, gathered, newest_versions
from demo.company.tables import INSTANT, POS
from warehouse.files import write_whole
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

_TYPES: Mapping[pa.DataType, str] = {
    pa.int64(): "bigint",
    pa.string(): "varchar(100)",
    pa.date32(): "date",
    INSTANT: "datetime(6)",
}


def open_pos(settings: Settings, folder: Path) -> System:
    """Returns the tills' system of this installation, choosing its server the first time."""
    choice = folder / "kind"
    if not choice.exists():
        kind = "mariadb" if mariadb.is_installed() else "postgresql"
        write_whole(choice, kind.encode())
    if choice.read_text() == "mariadb":
        return MariaDBPos(folder)
    return PostgresSystem(settings, "pos", "company_pos", POS)


class MariaDBPos(System):
    """The tills on MariaDB; the last day stands in a database beside theirs."""

    name = "pos"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = mariadb.start(folder)

    @override
    def address(self) -> Mapping[str, str]:
        return {"SOURCE_POS_URL": self.server.url}

    @override
    def last_day(self) -> date | None:
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "select 1 from information_schema.tables where table_schema = 'laid_down'"
            )
            if cursor.fetchone() is None:
                return None
            cursor.execute("select max(day) from laid_down.days")
            row = cursor.fetchone()
        return row[0] if row else None

    @override
    def take(self, days: Days) -> int:
        written = 0
        with self.server.connect() as connection, connection.cursor() as cursor:
            for table in POS:
                rows = gathered(days, f"pos.{table}")
                if rows is not None:
                    rows = newest_versions(rows, KEYS[f"pos.{table}"])
                    written += self._write(cursor, table, rows)
            cursor.execute("insert into laid_down.days values (%s)", (max(days),))
            connection.commit()
        return written

    @override
    def clear(self) -> None:
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("drop database if exists laid_down")
            for table, schema in POS.items():
                columns = [f"{field.name} {_TYPES[field.type]}" for field in schema]
                key = ", ".join(KEYS[f"pos.{table}"])
                cursor.execute(f"drop table if exists {table}")
                cursor.execute(
                    f"create table {table}"
                    f" ({', '.join(columns)}, primary key ({key}), key (updated_at))"
                )
            cursor.execute("create database laid_down")
            cursor.execute("create table laid_down.days (day date primary key)")

    def _write(self, cursor: Cursor, table: str, rows: pa.Table) -> int:
        """Loads the rows from a file of their own; a row with a known key replaces the older."""
        file = mariadb.inbox(self.folder) / f"{table}.csv"
        zoneless = [_without_zone(rows[field.name]) for field in rows.schema]
        pyarrow.csv.write_csv(
            pa.table(zoneless, names=rows.column_names),
            file,
            pyarrow.csv.WriteOptions(include_header=False),
        )
        targets = ", ".join(f"@{name}" for name in rows.column_names)
        values = ", ".join(f"{name} = nullif(@{name}, '')" for name in rows.column_names)
        # An unquoted empty cell is what the writer makes of a null; no text of the tills is empty.
        cursor.execute(
            f"load data infile %s replace into table {table} character set utf8mb4"
            " fields terminated by ',' optionally enclosed by '\"' escaped by ''"
            f" lines terminated by '\\n' ({targets}) set {values}",
            (str(file),),
        )
        file.unlink()
        logger.info("pos.%s: %d rows added or changed", table, rows.num_rows)
        return int(rows.num_rows)


def _without_zone(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us")) if column.type == INSTANT else column
