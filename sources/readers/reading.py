"""What a reader hands over per table: rows as Arrow, and what it counted while they streamed by."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from sources.catalog import Table
from warehouse.errors import SourceError

BATCH_ROWS = 100_000


@dataclass(frozen=True)
class RejectedRow:
    """A row that could not be read, as it came."""

    row_number: int
    reason: str
    raw_row: dict[str, Any]


@dataclass(frozen=True)
class ReadFile:
    """A file that was read to its end."""

    name: str
    content_hash: str
    file_date: date
    rows_read: int
    rows_rejected: int


@dataclass
class Reading:
    """One table's part of one load.

    Attributes:
        make_resource: returns the dlt resource that streams the rows; None: nothing is to be read.
        loaded_through: how far the source is loaded once these rows are: the newest cursor, of
            files the first instant of the newest drop's day.
    """

    table: Table
    make_resource: Callable[[], Any] | None
    loaded_through: datetime | None
    rows_read: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    files: list[ReadFile] = field(default_factory=list)


def arrow_type(column_type: str) -> pa.DataType:
    """Returns the Arrow type of a catalog's column type."""
    numeric = re.fullmatch(r"numeric\((\d+), ?(\d+)\)", column_type)
    if numeric:
        return pa.decimal128(int(numeric[1]), int(numeric[2]))
    return {
        "text": pa.string(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamptz": pa.timestamp("us", "UTC"),
    }[column_type]


def arrow_schema(table: Table) -> pa.Schema:
    """Returns the Arrow schema of a table's catalogued columns."""
    return pa.schema([(name, arrow_type(kind)) for name, kind in table.columns.items()])


def conform(rows: pa.Table, table: Table, source: str) -> pa.Table:
    """Returns the catalogued columns in the catalogued types.

    Raises:
        SourceError: a value does not fit its type without loss.
    """
    columns = []
    for name, kind in table.columns.items():
        try:
            columns.append(rows.column(name).cast(arrow_type(kind)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise SourceError(
                f"{source}.{table.name}.{name} arrives as {rows.schema.field(name).type} and does "
                f"not fit {kind}.",
                f"Correct the source, or the type in {source}.yml and its staging model.",
            ) from None
    return pa.table(columns, schema=arrow_schema(table))


def dlt_columns(table: Table) -> dict[str, Any]:
    """Returns the table's columns as dlt's hints."""
    names = {"timestamptz": "timestamp", "boolean": "bool"}
    hints: dict[str, Any] = {}
    for name, kind in table.columns.items():
        numeric = re.fullmatch(r"numeric\((\d+), ?(\d+)\)", kind)
        hints[name] = {"name": name, "data_type": names.get(kind, kind), "nullable": True}
        if numeric:
            hints[name] |= {
                "data_type": "decimal", "precision": int(numeric[1]), "scale": int(numeric[2]),
            }  # fmt: skip
    return hints
