"""Reads dated drops, CSV or Parquet, from a folder: local or anywhere fsspec reaches.

A file is known by its path below the folder and its contents: each is loaded once, and one that
was delivered again with other contents is loaded as a new version.
"""

import csv
import hashlib
import io
import logging
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from sources.catalog import FileCatalog, FileTable
from sources.readers.reading import (
    BATCH_ROWS,
    ReadFile,
    Reading,
    RejectedRow,
    arrow_schema,
    conform,
    dlt_columns,
)
from warehouse.connections import without_secret
from warehouse.days import day_end
from warehouse.errors import SourceError

logger = logging.getLogger(__name__)

# What PostgreSQL's text does not take: zero bytes, and bytes the file's encoding does not know
# (Python keeps those as lone surrogates).
_UNREADABLE = re.compile("[\0\udc80-\udcff]")

KnownFiles = dict[str, set[tuple[str, str]]]


@dataclass(frozen=True)
class _Drop:
    name: str
    path: str
    file_date: date
    content_hash: str


def read(
    source: str, catalog: FileCatalog, url: str, known: KnownFiles, as_of: date, tz: ZoneInfo
) -> list[Reading]:
    """Returns a reading per table: the drops dated up to `as_of` that are not `known`.

    Args:
        known: per table, name and content hash of the files loaded before.

    Raises:
        SourceError: the folder is missing or cannot be reached, a table has no file at all, a
            required one none up to `as_of`, or a file's name holds no date.
    """
    try:
        filesystem, root = fsspec.core.url_to_fs(url)
        if not filesystem.isdir(root):
            raise SourceError(
                f"Source {source} has no folder {without_secret(url)}.",
                f"Restore it, or correct SOURCE_{source.upper()}_URL.",
            )
        names = {path: path.removeprefix(root).lstrip("/") for path in filesystem.find(root)}
        return [
            _reading(source, table, filesystem, names, known.get(table.name, set()), as_of, tz)
            for table in catalog.tables
        ]
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(
            f"Source {source} at {without_secret(url)} cannot be read: {type(error).__name__}.",
            f"Check the folder, its permissions and SOURCE_{source.upper()}_URL.",
        ) from None


def _reading(
    source: str,
    table: FileTable,
    filesystem: Any,
    names: dict[str, str],
    known: set[tuple[str, str]],
    as_of: date,
    tz: ZoneInfo,
) -> Reading:
    dated = _dated(source, table, names)
    due = {path: day for path, day in dated.items() if day <= as_of}
    if not due and table.required:
        first = min(dated.values())
        raise SourceError(
            f"{source}.{table.name} begins with the drop of {first}, after {as_of}.",
            "Choose a later as-of date.",
        )
    drops = [
        _Drop(names[path], path, day, _content_hash(filesystem, path))
        for path, day in sorted(due.items(), key=lambda item: (item[1], item[0]))
    ]
    fresh = [drop for drop in drops if (drop.name, drop.content_hash) not in known]
    reading = Reading(
        table=table,
        make_resource=None,
        loaded_through=_day_start(max(due.values()), tz) if due else None,
    )

    def rows() -> Iterator[pa.Table]:
        for drop in fresh:
            read_before, rejected_before = reading.rows_read, len(reading.rejected)
            with filesystem.open(drop.path, "rb") as stream:
                yield from _READERS[table.format](source, table, drop, stream, reading)
            reading.files.append(
                ReadFile(
                    name=drop.name,
                    content_hash=drop.content_hash,
                    file_date=drop.file_date,
                    rows_read=reading.rows_read - read_before,
                    rows_rejected=len(reading.rejected) - rejected_before,
                )
            )
        logger.info(
            "%s.%s: %d files, %d rows read", source, table.name, len(fresh), reading.rows_read
        )

    def resource() -> Any:
        import dlt

        return dlt.resource(_gathered(rows()), name=table.name, columns=dlt_columns(table))

    if fresh:
        reading.make_resource = resource
    return reading


def _day_start(day: date, tz: ZoneInfo) -> datetime:
    return day_end(day - timedelta(days=1), tz)


def _gathered(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yields the rows of many small drops together, and nothing when there are none."""
    waiting: list[pa.Table] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= BATCH_ROWS:
            yield pa.concat_tables(waiting)
            waiting, count = [], 0
    if count:
        yield pa.concat_tables(waiting)


def _dated(source: str, table: FileTable, names: dict[str, str]) -> dict[str, date]:
    """Returns the date of every file of the table, from its name."""
    before, _, after = table.path.partition("{date}")
    pattern = re.compile(re.escape(before) + r"([^/]*)" + re.escape(after))
    dated: dict[str, date] = {}
    for path, name in names.items():
        found = pattern.fullmatch(name)
        if found:
            try:
                dated[path] = date.fromisoformat(found[1])
            except ValueError:
                raise SourceError(
                    f"File {name} of {source}.{table.name} has no date in its name.",
                    f"Name it as {table.path}, the date written YYYY-MM-DD, or move it away.",
                ) from None
    if not dated:
        raise SourceError(
            f"Source {source} has no file {table.path}.",
            f"Bring the missing drops, or correct {source}.yml; what is loaded stays as it is.",
        )
    return dated


def _content_hash(filesystem: Any, path: str) -> str:
    with filesystem.open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _with_file_columns(rows: pa.Table, drop: _Drop, numbers: list[int]) -> pa.Table:
    count = rows.num_rows
    ids = [f"{drop.content_hash[:16]}-{number}" for number in numbers]
    return (
        rows.append_column("_file_name", pa.repeat(pa.scalar(drop.name), count))
        .append_column("_file_date", pa.repeat(pa.scalar(drop.file_date, pa.date32()), count))
        .append_column("_file_row_number", pa.array(numbers, pa.int64()))
        .append_column("_dlt_id", pa.array(ids, pa.string()))
    )


def _read_parquet(
    source: str, table: FileTable, drop: _Drop, stream: IO[bytes], reading: Reading
) -> Iterator[pa.Table]:
    try:
        file = pq.ParquetFile(stream)
    except pa.ArrowInvalid:
        raise SourceError(
            f"File {drop.name} of {source}.{table.name} is not Parquet or is cut off.",
            "Have it delivered again; nothing of it was loaded.",
        ) from None
    _check_columns(source, table, drop, list(file.schema_arrow.names))
    first = 1
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(table.columns)):
        rows = conform(pa.Table.from_batches([batch]), table, source)
        reading.rows_read += rows.num_rows
        yield _with_file_columns(rows, drop, list(range(first, first + rows.num_rows)))
        first += rows.num_rows


def _read_csv(
    source: str, table: FileTable, drop: _Drop, stream: IO[bytes], reading: Reading
) -> Iterator[pa.Table]:
    text = io.TextIOWrapper(stream, encoding=table.encoding, errors="surrogateescape", newline="")
    records = _records(text, table.delimiter)
    header = next(records, None)
    names = [name.removeprefix("\ufeff").strip() for name in header.fields] if header else []
    _check_columns(source, table, drop, names)
    places = [names.index(name) for name in table.columns]
    good: list[list[str]] = []
    numbers: list[int] = []
    for number, record in enumerate(records, start=1):
        reading.rows_read += 1
        reason = _fault(record, len(names), table.encoding)
        if reason:
            reading.rejected.append(
                RejectedRow(
                    row_number=reading.rows_read,
                    reason=f"{drop.name} line {record.line}: {reason}",
                    raw_row={
                        "file": drop.name,
                        "line": record.line,
                        "text": _storable(record.text, table.encoding),
                    },
                )
            )
        else:
            good.append([record.fields[place] for place in places])
            numbers.append(number)
        if len(good) == BATCH_ROWS:
            yield _with_file_columns(_as_text(good, table), drop, numbers)
            good, numbers = [], []
    yield _with_file_columns(_as_text(good, table), drop, numbers)


_READERS: dict[str, Callable[[str, FileTable, _Drop, IO[bytes], Reading], Iterator[pa.Table]]] = {
    "csv": _read_csv,
    "parquet": _read_parquet,
}


def _as_text(rows: list[list[str]], table: FileTable) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in table.columns)
    return pa.table(
        [pa.array(column, pa.string()) for column in columns], schema=arrow_schema(table)
    )


def _check_columns(source: str, table: FileTable, drop: _Drop, names: list[str]) -> None:
    for name in table.columns:
        if names.count(name) != 1:
            how = "no column" if name not in names else "twice the column"
            raise SourceError(
                f"File {drop.name} of {source}.{table.name} has {how} {name}.",
                f"Have it delivered again, or correct {source}.yml; what is loaded stays as it is.",
            )
    for name in sorted(set(names) - table.columns.keys()):
        logger.warning(
            "%s.%s has a column %s that the catalog does not list: it is not loaded.",
            source, table.name, name,
        )  # fmt: skip


@dataclass(frozen=True)
class _Record:
    line: int
    text: str
    fields: list[str]
    fault: str | None = None


def _records(lines: Iterator[str], delimiter: str) -> Iterator[_Record]:
    """Yields the records of a CSV; blank lines are none.

    A stray quote makes the parser swallow the lines up to the next one. Such a record is not
    believed: its first line alone is given up and reading goes on behind it, so that one bad line
    never takes good ones with it.
    """
    source = _Lines(lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    width: int | None = None
    line = 1
    while True:
        fault = None
        try:
            fields = next(reader, None)
        except csv.Error as error:
            fields, fault = [], str(error)
        if fields is None:
            return
        if len(source.taken) > 1 and (fault or (width is not None and len(fields) != width)):
            source.give_back_all_but_first()
            fields, fault = [], "a quote opens that does not close in this record"
        if fields or fault:
            width = width or len(fields)
            yield _Record(line, "".join(source.taken), fields, fault)
        line += len(source.taken)
        source.taken.clear()


class _Lines:
    """An iterator of lines that knows what was taken and takes it back, also after its end."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._given_back: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._lines)
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        self._given_back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _fault(record: _Record, width: int, encoding: str) -> str | None:
    if record.fault:
        return record.fault
    if len(record.fields) != width:
        return f"{len(record.fields)} fields where the header has {width}"
    unreadable = _UNREADABLE.search(record.text)
    if unreadable:
        return "a zero byte" if unreadable[0] == "\0" else f"bytes that are not {encoding}"
    return None


def _storable(text: str, encoding: str) -> str:
    r"""Returns a line as it came, undecodable bytes and zero bytes written as \xNN."""
    raw = text.encode(encoding, "surrogateescape")
    return raw.decode(encoding, "backslashreplace").replace("\0", "\\x00")
