"""Reads dated drops from a folder: local or anywhere fsspec reaches.

A file is known by its path below the folder and its contents: each is loaded once, and one that
was delivered again with other contents is loaded as a new version. The same bytes under a new name
are no news, except of a snapshot: nothing of them is read, and both names are recorded.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import IO, Any
from zoneinfo import ZoneInfo

import fsspec
import pyarrow as pa

from sources.catalog import FileCatalog, FileTable
from sources.readers.formats import csv, jsonl, parquet, xlsx
from sources.readers.formats.record import Record, UnreadableFile
from sources.readers.reading import (
    BATCH_ROWS,
    EXTRA,
    ReadFile,
    Reading,
    as_arrow,
    dlt_columns,
    storable_rows,
)
from warehouse.connections import without_secret
from warehouse.days import day_end
from warehouse.errors import SourceError

logger = logging.getLogger(__name__)

_RECORDS: Mapping[str, Callable[[str, FileTable, IO[bytes], Reading], Iterator[Record]]] = {
    "csv": csv.records,
    "jsonl": jsonl.records,
    "xlsx": xlsx.records,
}


@dataclass(frozen=True)
class KnownFile:
    """A file loaded before.

    Attributes:
        same_as: the file that brought its bytes; None: its own rows were loaded.
    """

    name: str
    content_hash: str
    file_date: date
    same_as: str | None


@dataclass(frozen=True)
class Drop:
    """A dated file of a table."""

    name: str
    path: str
    file_date: date
    content_hash: str = ""


def read(
    source: str,
    catalog: FileCatalog,
    url: str,
    known: Mapping[str, Iterable[KnownFile]],
    as_of: date,
    tz: ZoneInfo,
) -> list[Reading]:
    """Returns a reading per table: the drops dated up to `as_of` that are not `known`.

    Args:
        known: per table the files loaded before.

    Raises:
        SourceError: the folder is missing or cannot be reached, a table has no file at all, a
            required one none up to `as_of`, or a file's name holds no date.
    """
    try:
        filesystem, names = listed(source, url)
        return [
            _reading(source, table, filesystem, names, known.get(table.name, ()), as_of, tz)
            for table in catalog.tables
        ]
    except (OSError, ValueError, ImportError) as error:
        raise unusable(source, url, error) from None


def listed(source: str, url: str) -> tuple[Any, dict[str, str]]:
    """Returns the file system and the files below the folder: their paths and names.

    Raises:
        SourceError: the folder is missing.
    """
    filesystem, root = fsspec.core.url_to_fs(url)
    if not filesystem.isdir(root):
        raise SourceError(
            f"Source {source} has no folder {without_secret(url)}.",
            f"Restore it, or correct SOURCE_{source.upper()}_URL.",
        )
    return filesystem, {path: path.removeprefix(root).lstrip("/") for path in filesystem.find(root)}


def unusable(source: str, url: str, error: Exception) -> SourceError:
    """Returns the error of a folder that cannot be reached."""
    return SourceError(
        f"Source {source} at {without_secret(url)} cannot be read: {type(error).__name__}.",
        f"Check the folder, its permissions and SOURCE_{source.upper()}_URL.",
    )


def dated(source: str, table: FileTable, names: Mapping[str, str]) -> list[Drop]:
    """Returns the table's drops by date, the date taken from the name.

    Raises:
        SourceError: there is none, or a name holds no date.
    """
    before, _, after = table.path.partition("{date}")
    pattern = re.compile(re.escape(before) + r"([^/]*)" + re.escape(after))
    drops = []
    for path, name in names.items():
        found = pattern.fullmatch(name)
        if found:
            try:
                drops.append(Drop(name, path, date.fromisoformat(found[1])))
            except ValueError:
                raise SourceError(
                    f"File {name} of {source}.{table.name} has no date in its name.",
                    f"Name it as {table.path}, the date written YYYY-MM-DD, or move it away.",
                ) from None
    if not drops:
        raise SourceError(
            f"Source {source} has no file {table.path}.",
            f"Bring the missing drops, or correct {source}.yml; what is loaded stays as it is.",
        )
    return sorted(drops, key=lambda drop: (drop.file_date, drop.name))


def _reading(
    source: str,
    table: FileTable,
    filesystem: Any,
    names: dict[str, str],
    known: Iterable[KnownFile],
    as_of: date,
    tz: ZoneInfo,
) -> Reading:
    drops = dated(source, table, names)
    due = [
        Drop(drop.name, drop.path, drop.file_date, _content_hash(filesystem, drop.path))
        for drop in drops
        if drop.file_date <= as_of
    ]
    if not due and table.required:
        raise SourceError(
            f"{source}.{table.name} begins with the drop of {drops[0].file_date}, after {as_of}.",
            "Choose a later as-of date.",
        )
    fresh, copies = _news(due, list(known), table)
    reading = Reading(source, table)
    if due:
        reading.loaded_through = day_end(due[-1].file_date - timedelta(days=1), tz)
    for drop, original in copies:
        reading.files.append(
            ReadFile(drop.name, drop.content_hash, drop.file_date, 0, 0, same_as=original)
        )

    if copies:
        # Which ones stands in the ledger of files; empty drops are all alike.
        logger.info("%s: %d files hold the bytes of others", reading.name, len(copies))

    def rows() -> Iterator[pa.Table]:
        for drop in fresh:
            read_before, rejected_before = reading.rows_read, len(reading.rejected)
            with filesystem.open(drop.path, "rb") as stream:
                yield from read_drop(drop, stream, reading)
            reading.files.append(
                ReadFile(
                    name=drop.name,
                    content_hash=drop.content_hash,
                    file_date=drop.file_date,
                    rows_read=reading.rows_read - read_before,
                    rows_rejected=len(reading.rejected) - rejected_before,
                )
            )
        logger.info("%s: %d files, %d rows read", reading.name, len(fresh), reading.rows_read)

    def resource() -> Any:
        import dlt

        return dlt.resource(_gathered(rows()), name=table.name, columns=dlt_columns(table))

    if fresh:
        reading.make_resource = resource
    return reading


def _news(
    due: list[Drop], known: list[KnownFile], table: FileTable
) -> tuple[list[Drop], list[tuple[Drop, str]]]:
    """Returns the drops to be read, and those whose bytes another file brought, with its name.

    An appended row means the same under any date, so its bytes are read once. Of rows that come
    again the date tells which is the last word: there a drop is a copy only of the one before it.
    A snapshot is never a copy: the same rows under a new date say that nothing has changed.
    """
    loaded = {(file.name, file.content_hash): file for file in known}
    brought = {file.content_hash: file.name for file in known if file.same_as is None}
    delivered = {drop.name for drop in due}
    gone = [file for file in known if file.name not in delivered]
    files: list[Drop | KnownFile] = [*gone, *due]
    timeline = sorted((file.file_date, file.name, file.content_hash) for file in files)
    fresh: list[Drop] = []
    copies: list[tuple[Drop, str]] = []
    for drop in due:
        before = loaded.get((drop.name, drop.content_hash))
        if before and before.same_as is None:
            continue
        original = None
        if table.mode == "append":
            original = brought.get(drop.content_hash)
        elif table.mode == "upsert":
            place = timeline.index((drop.file_date, drop.name, drop.content_hash))
            last = timeline[place - 1] if place else None
            original = last[1] if last and last[2] == drop.content_hash else None
        if original is None:
            fresh.append(drop)
            brought[drop.content_hash] = drop.name
        elif before is None:
            copies.append((drop, original))
    return fresh, copies


def read_drop(drop: Drop, stream: IO[bytes], reading: Reading) -> Iterator[pa.Table]:
    """Yields the good rows of a drop; the others, and what cannot be read at all, are rejected.

    Raises:
        SchemaChanged: the drop lost a column, renamed one or changed its type.
    """
    table = reading.table
    assert isinstance(table, FileTable)
    try:
        if table.format == "parquet":
            first = 1
            for rows in parquet.batches(drop.name, table, stream, reading):
                numbers = pa.array(range(first, first + rows.num_rows), pa.int64())
                first += rows.num_rows
                good = storable_rows(
                    rows.append_column("_file_row_number", numbers),
                    reading,
                    file=drop.name,
                )
                reading.rows_read += good.num_rows
                yield _with_file_columns(good, drop)
        else:
            records = _RECORDS[table.format](drop.name, table, stream, reading)
            yield from _batches(records, drop, reading)
    except UnreadableFile as fault:
        reading.reject(
            f"{drop.name} line {fault.line}: {fault}",
            {"file": drop.name, "line": fault.line, "text": fault.raw},
        )


def _batches(records: Iterator[Record], drop: Drop, reading: Reading) -> Iterator[pa.Table]:
    """Gathers the good records into Arrow and rejects the others; also when the records break."""
    good: list[Record] = []
    numbers: list[int] = []

    def gathered() -> pa.Table:
        rows = _as_arrow(good, reading)
        numbered = rows.append_column("_file_row_number", pa.array(numbers, pa.int64()))
        return _with_file_columns(numbered, drop)

    try:
        for number, record in enumerate(records, start=1):
            if record.fault:
                reading.reject(
                    f"{drop.name} line {record.line}: {record.fault}",
                    {"file": drop.name, "line": record.line, "text": record.raw},
                )
                continue
            reading.rows_read += 1
            good.append(record)
            numbers.append(number)
            if len(good) == BATCH_ROWS:
                yield gathered()
                good, numbers = [], []
    except UnreadableFile:
        yield gathered()
        raise
    yield gathered()


def _as_arrow(records: list[Record], reading: Reading) -> pa.Table:
    rows = as_arrow([record.values for record in records], reading.table)
    return rows.append_column(EXTRA, pa.array([record.extra for record in records], pa.string()))


def _with_file_columns(rows: pa.Table, drop: Drop) -> pa.Table:
    count = rows.num_rows
    numbers = rows["_file_row_number"].to_pylist()
    ids = [f"{drop.content_hash[:16]}-{number}" for number in numbers]
    return (
        rows.append_column("_file_name", pa.repeat(pa.scalar(drop.name), count))
        .append_column("_file_date", pa.repeat(pa.scalar(drop.file_date, pa.date32()), count))
        .append_column("_dlt_id", pa.array(ids, pa.string()))
    )


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


def _content_hash(filesystem: Any, path: str) -> str:
    with filesystem.open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
