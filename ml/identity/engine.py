"""The DuckDB that a pairing runs in: in memory, gone afterwards."""

import duckdb


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
