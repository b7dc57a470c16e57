"""Sets of rows between the warehouse's own transaction and Arrow, by COPY.

What a psycopg transaction has not yet committed, its temporary tables for instance, no other
connection sees; so these rows go over the same one, as text that Arrow reads and writes in C++.
"""

import io
from collections.abc import Mapping, Sequence

import psycopg
import pyarrow as pa
import pyarrow.csv as csv
from psycopg import sql


def copy_out(
    connection: psycopg.Connection,
    query: str,
    columns: Mapping[str, pa.DataType],
    values: Mapping[str, object] | None = None,
) -> pa.Table:
    """Returns the rows of a query, whose columns are named and typed here in their order."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy ({query}) to stdout (format csv)".encode(), values) as copy,
    ):
        text = b"".join(copy)
    if not text:
        return pa.schema(columns.items()).empty_table()
    return csv.read_csv(
        io.BytesIO(text),
        csv.ReadOptions(column_names=list(columns)),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=dict(columns),
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def copy_in(connection: psycopg.Connection, table: Sequence[str], rows: pa.Table) -> int:
    """Appends rows to a table by the names of their columns; returns how many."""
    target = sql.SQL("copy {} ({}) from stdin (format csv)").format(
        sql.Identifier(*table), sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
    )
    text = io.BytesIO()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False))
    with connection.cursor() as cursor, cursor.copy(target) as copy:
        copy.write(text.getbuffer())
    return int(rows.num_rows)
