"""The DuckDB that a pairing runs in: in memory, gone afterwards."""

import duckdb


def open_engine() -> duckdb.DuckDBPyConnection:
    """Returns a new database in memory that draws no progress bars between the log lines."""
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    return connection
