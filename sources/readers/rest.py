"""Reads the lists of a service, page by page."""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sources.catalog import RestCatalog, RestTable
from sources.readers.http import Service
from sources.readers.objects import Objects
from sources.readers.reading import (
    BATCH_ROWS,
    EXTRA,
    SNAPSHOT_AT,
    Landed,
    Reading,
    as_arrow,
    dlt_columns,
    snapshot_instant,
)
from sources.readers.values import as_text
from sources.readers.versions import version_ids
from warehouse.errors import SourceError

logger = logging.getLogger(__name__)


def read(
    source: str,
    catalog: RestCatalog,
    url: str,
    token: str | None,
    landed: Mapping[str, Landed],
    end: datetime,
) -> list[Reading]:
    """Returns a reading per table: records with watermark - look-back <= cursor < end, or all.

    Args:
        landed: per table what was loaded before.
        end: the first instant after the business day.

    Raises:
        SourceError: the address is not that of a service.
    """
    service = Service(source, url, token)
    return [
        _reading(source, table, service, landed.get(table.name, Landed()), end)
        for table in catalog.tables
    ]


def pages(
    service: Service, source: str, table: RestTable, parameters: Mapping[str, str]
) -> Iterator[tuple[list[Any], bool]]:
    """Yields the records of one page after the other, and whether it is the last.

    Raises:
        SourceError: an answer lacks its list, or a cursor comes a second time.
    """
    asked = dict(parameters)
    if table.paging:
        asked[table.paging.size_parameter] = str(table.paging.page_size)
    seen: set[str] = set()
    while True:
        answer = service.get(table.endpoint, asked)
        cursor = None
        if table.paging and isinstance(answer, dict):
            cursor = as_text(answer.get(table.paging.next)) or None
        yield _records(source, table, answer), cursor is None
        if table.paging is None or cursor is None:
            return
        if cursor in seen:
            raise _loops(source, table, "hands out a cursor a second time")
        seen.add(cursor)
        asked[table.paging.parameter] = cursor


def _reading(
    source: str, table: RestTable, service: Service, landed: Landed, end: datetime
) -> Reading:
    reading = Reading(source, table)
    through = snapshot_instant(end) if table.mode == "snapshot" else end
    if table.mode != "snapshot":
        reading.loaded_through = landed.through
    if landed.through is not None and landed.through >= through:
        return reading  # of a snapshot that is past, nothing can be said any more
    if table.mode == "snapshot":
        reading.loaded_through = through

    def resource() -> Any:
        import dlt

        rows = _batches(reading, table, service, landed, end)
        return dlt.resource(rows, name=table.name, columns=dlt_columns(table))

    reading.make_resource = resource
    return reading


def _window(table: RestTable, landed: Landed, end: datetime) -> dict[str, str]:
    """Returns the query parameters that bound the records asked for."""
    window = {}
    if table.since and landed.through is not None:
        since = landed.through - timedelta(hours=table.look_back_hours)
        window[table.since] = _written(since)
    if table.until:
        window[table.until] = _written(end)
    return window


def _batches(
    reading: Reading, table: RestTable, service: Service, landed: Landed, end: datetime
) -> Iterator[pa.Table]:
    """Yields the rows that are not landed yet, some pages together; faulty ones are rejected."""
    objects = Objects(reading, f"{reading.name} at {table.endpoint}")
    met: set[str] = set()
    waiting: list[pa.Table] = []
    for records, is_last in pages(service, reading.source, table, _window(table, landed, end)):
        met_before = len(met)
        rows = _rows(reading, table, objects, records, landed, end, met)
        if len(met) == met_before and not is_last:
            raise _loops(reading.source, table, "hands out a page without anything new")
        if rows.num_rows:
            waiting.append(rows)
        if sum(rows.num_rows for rows in waiting) >= BATCH_ROWS:
            yield pa.concat_tables(waiting)
            waiting = []
    objects.finish()
    if waiting:
        yield pa.concat_tables(waiting)
    logger.info("%s: %d rows read", reading.name, reading.rows_read)


def _rows(
    reading: Reading,
    table: RestTable,
    objects: Objects,
    records: list[Any],
    landed: Landed,
    end: datetime,
    met: set[str],
) -> pa.Table:
    """Returns the good rows of a page, each version once.

    Args:
        met: the records met since the reading began; those of the page are added.
    """
    good: list[list[Any]] = []
    extras: list[str | None] = []
    for record in records:
        values, extra, fault = objects.row(record)
        if fault is None and table.mode != "snapshot":
            fault = _without_cursor(values, table)
        if fault is None:
            good.append(values)
            extras.append(extra)
            continue
        text = json.dumps(record, default=as_text)
        if text not in met and text not in landed.rejected:
            reading.reject(f"{table.endpoint}: {fault}", {"text": text})
        met.add(text)
    rows = as_arrow(good, table).append_column(EXTRA, pa.array(extras, pa.string()))
    if table.mode == "snapshot":
        moment = pa.scalar(snapshot_instant(end), pa.timestamp("us", "UTC"))
        rows = rows.append_column(SNAPSHOT_AT, pa.repeat(moment, rows.num_rows))
    rows = rows.append_column("_dlt_id", version_ids(rows, table))
    wanted = []
    for row_id, moment in zip(
        rows["_dlt_id"].to_pylist(), rows[table.cursor].to_pylist(), strict=True
    ):
        wanted.append(row_id not in met and row_id not in landed.ids and moment < end)
        met.add(row_id)
    rows = rows.filter(pa.array(wanted, pa.bool_()))
    reading.rows_read += rows.num_rows
    if rows.num_rows and table.mode != "snapshot":
        newest = pc.max(rows[table.cursor]).as_py()
        reading.loaded_through = max(newest, reading.loaded_through or newest)
    return rows


def _without_cursor(values: list[Any], table: RestTable) -> str | None:
    place = list(table.columns).index(table.cursor)
    return f"{table.cursor} is missing" if values[place] is None else None


def _records(source: str, table: RestTable, answer: Any) -> list[Any]:
    """Returns the list in an answer; raises `SourceError` where there is none."""
    found = answer
    for name in table.records.split(".") if table.records else ():
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, list):
        where = f"in {table.records}" if table.records else "as its answer"
        raise SourceError(
            f"{source}.{table.name}: {table.endpoint} holds no list {where}.",
            f"Correct records in {source}.yml; what is loaded stays as it is.",
        )
    return found


def _loops(source: str, table: RestTable, how: str) -> SourceError:
    return SourceError(
        f"{source}.{table.name}: {table.endpoint} {how}: its pages have no end.",
        "Have the service mended and run again; nothing of this load stays.",
    )


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
