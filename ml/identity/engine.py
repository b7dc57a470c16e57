"""The DuckDB that a pairing runs in: in memory, gone afterwards."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa


def open_engine() -> duckdb.DuckDBPyConnection:
    """Returns a new database in memory that draws no progress bars between the log lines."""
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    return connection


def count_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Returns how many rows a table has."""
    # All is fetched: DuckDB refuses the next relation while a result could still give rows.
    rows = connection.execute(f"select count(*) from {table}").fetchall()  # noqa: S608 -- our own name
    return int(rows[0][0])


def make_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    rows: Sequence[tuple[Any, ...]],
    schema: pa.Schema,
) -> None:
    """Makes a temporary table of rows."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [
        pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)
    ]
    connection.register("rows_of_table", pa.Table.from_arrays(arrays, schema=schema))
    connection.execute(f"create or replace temp table {name} as select * from rows_of_table")  # noqa: S608 -- our own name
    connection.unregister("rows_of_table")
