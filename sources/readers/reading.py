"""What a reader hands over per table: rows as Arrow, and what it counted while they streamed by."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sources.catalog import Table
from sources.readers.shape import SchemaChange, changed

logger = logging.getLogger(__name__)

BATCH_ROWS = 100_000
# The raw column that holds, as a JSON object in text, what the catalog does not list.
EXTRA = "_extra"
# The raw column that dates a row of a whole table: the last instant of the business day.
SNAPSHOT_AT = "_snapshot_at"


@dataclass(frozen=True)
class Landed:
    """What of a table was loaded before.

    Attributes:
        through: the newest cursor loaded; None: nothing was.
        ids: the version ids that a look-back or an unbounded read meets again.
        rejected: likewise the rows in quarantine, as they came.
    """

    through: datetime | None = None
    ids: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RejectedRow:
    """A row that could not be read, as it came."""

    row_number: int
    reason: str
    raw_row: dict[str, Any]


@dataclass(frozen=True)
class ReadFile:
    """A file that was read to its end.

    Attributes:
        same_as: the file that brought the same bytes before, so that nothing was read.
    """

    name: str
    content_hash: str
    file_date: date
    rows_read: int
    rows_rejected: int
    same_as: str | None = None


@dataclass
class Reading:
    """One table's part of one load.

    Attributes:
        make_resource: returns the dlt resource that streams the rows; None: nothing is to be read.
        loaded_through: how far the source is loaded once these rows are: the newest cursor, of
            files the first instant of the newest drop's day.
        added: the columns met that the catalog does not list.
    """

    source: str
    table: Table
    make_resource: Callable[[], Any] | None = None
    loaded_through: datetime | None = None
    rows_read: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    files: list[ReadFile] = field(default_factory=list)
    added: dict[str, SchemaChange] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The table's full name, for messages."""
        return f"{self.source}.{self.table.name}"

    def note(self, changes: Iterable[SchemaChange]) -> None:
        """Keeps the added columns, and says so."""
        for change in changes:
            if change.change == "added" and change.column not in self.added:
                logger.warning("%s has %s.", self.name, change.detail)
                self.added[change.column] = change

    def reject(self, reason: str, raw_row: dict[str, Any]) -> None:
        """Counts a row that was read and cannot be used."""
        self.rows_read += 1
        self.rejected.append(RejectedRow(self.rows_read, reason, raw_row))


def snapshot_instant(end: datetime) -> datetime:
    """Returns the instant that dates a whole table read for the business day that ends at `end`."""
    return end - timedelta(microseconds=1)


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


def as_arrow(rows: Sequence[Sequence[Any]], table: Table) -> pa.Table:
    """Returns rows of values, in the order of the catalogued columns, as Arrow."""
    schema = arrow_schema(table)
    if not rows:
        return schema.empty_table()
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.table(arrays, schema=schema)


def column_type(found: pa.DataType) -> str:
    """Returns the catalog's type, without precision, of an Arrow type; its name where none fits."""
    kinds: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "bigint"),
        (pa.types.is_floating, "double"),
        (pa.types.is_decimal, "numeric"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "timestamptz"),
        (pa.types.is_string, "text"),
        (pa.types.is_large_string, "text"),
    )
    for is_kind, name in kinds:
        if is_kind(found):
            return name
    return str(found)


def conform(rows: pa.Table, reading: Reading) -> pa.Table:
    """Returns the catalogued columns in the catalogued types.

    Raises:
        SchemaChanged: a value does not fit its type without loss.
    """
    table = reading.table
    columns = []
    for name, kind in table.columns.items():
        found = rows.column(name)
        try:
            if kind == "boolean" and pa.types.is_integer(found.type):
                found = found.cast(pa.string()).cast(pa.bool_())  # 0 and 1, and nothing else
            columns.append(found.cast(arrow_type(kind)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            detail = f"a column {name} that arrives as {found.type} and does not fit {kind}"
            change = SchemaChange(table.name, "retyped", name, detail)
            raise changed(reading.source, reading.name, [change]) from None
    return pa.table(columns, schema=arrow_schema(table))


def storable_rows(
    rows: pa.Table, reading: Reading, known: frozenset[str] = frozenset(), file: str | None = None
) -> pa.Table:
    """Returns the rows whose texts PostgreSQL takes, and rejects those that hold a zero byte.

    Args:
        known: rows rejected before, as they came: they are not counted again.
        file: the file they stand in, and `_file_row_number` says where.
    """
    texts = [column for column in rows.columns if pa.types.is_string(column.type)]
    faulty = [pc.fill_null(pc.match_substring(column, "\0"), False) for column in texts]
    if not any(pc.any(mask).as_py() for mask in faulty):
        return rows
    is_faulty = reduce(pc.or_, faulty)
    for row in rows.filter(is_faulty).to_pylist():
        text = str({name: str(value) for name, value in row.items()}).replace("\0", "\\x00")
        place = f"{file} row {row['_file_row_number']}: " if file else ""
        if text not in known:
            reading.reject(f"{place}a zero byte", {"text": text})
    return rows.filter(pc.invert(is_faulty))


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
