"""The room `load`: brings what is new at a source, up to the business day's end, to its raw tables.

A load is complete once it stands in `ops.loads`: that, its files and its rejected rows are written
in one transaction, after the rows themselves. What a killed load left behind is known by its load
id, which is younger than the last complete one, and is removed when the next load begins. So
running again always comes to the same end.

dlt carries the rows. It keeps no state between runs: how far a source is loaded stands in the
warehouse alone, and dlt's working folder is emptied before each load.
"""

import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from sources.catalog import Catalog, FileTable, SqlCatalog, Table, load_catalog
from sources.readers import files
from sources.readers import sql as database
from sources.readers.reading import Reading
from warehouse.connections import connect, source_url, without_secret
from warehouse.context import RunContext, StepReport
from warehouse.errors import LivingCrmError, SourceError, WarehouseError

logger = logging.getLogger(__name__)

_LARGE_LOAD_ROWS = 50_000


def load_source(context: RunContext, source: str) -> StepReport:
    """Loads what is new at `source` up to the end of the business day.

    Returns:
        Rows loaded, and as facts the rows loaded per table and the rows rejected.

    Raises:
        SourceError: what is wrong at the source; nothing of this load stays.
        WarehouseError: the warehouse does not take the rows.
    """
    catalog = load_catalog(context.settings, source)
    url = source_url(context.settings, source)
    with connect(context.url) as connection:
        connection.autocommit = True
        _wait_for_turn(connection, source)
        _ensure_tables(connection, source, catalog)
        _remove_unfinished(connection, source, catalog)
        readings = _readings(context, connection, source, catalog, url)
        try:
            load_id = _carry(context, source, readings, _last_load_id(connection, source))
            rows_loaded = _count_rows(connection, source, catalog, load_id)
            _complete(connection, context, source, load_id, readings, rows_loaded)
            _tell_planner(connection, source, readings)
        except BaseException:
            with suppress(psycopg.Error):  # without a warehouse, the next load removes it
                _remove_unfinished(connection, source, catalog)
            raise
    return StepReport(
        rows=sum(rows_loaded.values()),
        facts={**rows_loaded, "rejected": sum(len(reading.rejected) for reading in readings)},
    )


def _wait_for_turn(connection: psycopg.Connection, source: str) -> None:
    """Lets one process at a time load a source; the lock ends with the connection."""
    lock = f"living-crm load {source}"
    row = connection.execute("select pg_try_advisory_lock(hashtext(%s))", (lock,)).fetchone()
    if row != (True,):
        logger.info("Another run is loading %s: waiting for it", source)
        connection.execute("select pg_advisory_lock(hashtext(%s))", (lock,))


def _readings(
    context: RunContext,
    connection: psycopg.Connection,
    source: str,
    catalog: Catalog,
    url: str,
) -> list[Reading]:
    if isinstance(catalog, SqlCatalog):
        watermarks = _watermarks(connection, source)
        return database.read(source, catalog, url, watermarks, context.day_end)
    known = _known_files(connection, source)
    return files.read(source, catalog, url, known, context.as_of, context.policy.tz)


def _watermarks(connection: psycopg.Connection, source: str) -> dict[str, datetime]:
    rows = connection.execute(
        """
        select table_name, max(loaded_through) from ops.loads
        where source = %s and loaded_through is not null group by table_name
        """,
        (source,),
    )
    return dict(rows.fetchall())


def _known_files(connection: psycopg.Connection, source: str) -> files.KnownFiles:
    known: files.KnownFiles = {}
    for table, name, content_hash in connection.execute(
        "select table_name, file_name, content_hash from ops.loaded_files where source = %s",
        (source,),
    ):
        known.setdefault(table, set()).add((name, content_hash))
    return known


def _raw(source: str, table: Table) -> sql.Identifier:
    return sql.Identifier(f"raw_{source}", table.name)


def _ensure_tables(connection: psycopg.Connection, source: str, catalog: Catalog) -> None:
    """Makes the raw tables as catalogued: they are there, and typed, before their first row is.

    A raw table that somebody dropped is loaded anew from the beginning.
    """
    with connection.transaction():
        connection.execute(
            sql.SQL("create schema if not exists {}").format(sql.Identifier(f"raw_{source}"))
        )
        for table in catalog.tables:
            if _exists(connection, source, table):
                continue
            for ledger in ("loads", "loaded_files"):
                connection.execute(
                    sql.SQL("delete from {} where source = %s and table_name = %s").format(
                        sql.Identifier("ops", ledger)
                    ),
                    (source, table.name),
                )
            columns = {name: sql.SQL(_POSTGRES.get(kind, kind)) for name, kind in _typed(table)}
            connection.execute(
                sql.SQL("create table {} ({}, _dlt_load_id text not null, _dlt_id text not null)")
                .format(
                    _raw(source, table),
                    sql.SQL(", ").join(
                        sql.SQL("{} {}").format(sql.Identifier(name), kind)
                        for name, kind in columns.items()
                    ),
                )
            )  # fmt: skip
            # Loads stand in the table one after the other: the small index finds the last at once.
            connection.execute(
                sql.SQL("create index {} on {} using brin (_dlt_load_id)").format(
                    sql.Identifier(f"{table.name}_load_id"), _raw(source, table)
                )
            )


_POSTGRES = {"double": "double precision"}
_FILE_COLUMNS = {"_file_name": "text", "_file_date": "date", "_file_row_number": "bigint"}


def _typed(table: Table) -> list[tuple[str, str]]:
    extra = _FILE_COLUMNS if isinstance(table, FileTable) else {}
    return [*table.columns.items(), *extra.items()]


def _exists(connection: psycopg.Connection, source: str, table: Table) -> bool:
    row = connection.execute(
        "select 1 from pg_tables where schemaname = %s and tablename = %s",
        (f"raw_{source}", table.name),
    ).fetchone()
    return row is not None


def _remove_unfinished(connection: psycopg.Connection, source: str, catalog: Catalog) -> None:
    """Removes rows of loads that were never completed."""
    last = _last_load_id(connection, source)
    for table in catalog.tables:
        removed = connection.execute(
            sql.SQL("delete from {} where _dlt_load_id > %s").format(_raw(source, table)), (last,)
        ).rowcount
        if removed:
            logger.warning(
                "%s.%s: %d rows of an unfinished load removed", source, table.name, removed
            )


def _last_load_id(connection: psycopg.Connection, source: str) -> str:
    row = connection.execute(
        "select coalesce(max(load_id), '') from ops.loads where source = %s", (source,)
    ).fetchone()
    assert row is not None
    return str(row[0])


def _carry(context: RunContext, source: str, readings: list[Reading], last_load_id: str) -> str:
    """Lets dlt bring the rows from the readers to the raw tables, and returns the load's id."""
    resources = [reading.make_resource for reading in readings if reading.make_resource]
    if not resources:
        return _next_load_id(source, [], last_load_id)
    folder = context.settings.living_crm_home / "dlt" / source
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with _dlt_environment(folder):
        import dlt
        from dlt.pipeline.exceptions import PipelineStepFailed

        pipeline = dlt.pipeline(
            pipeline_name=f"load_{source}",
            pipelines_dir=str(folder),
            destination=dlt.destinations.postgres(credentials=context.url, create_indexes=False),
            dataset_name=f"raw_{source}",
        )
        tables = dlt.source(lambda: [make_resource() for make_resource in resources], name=source)
        try:
            extracted = pipeline.extract(tables(), loader_file_format="parquet").loads_ids
            load_id = _next_load_id(source, extracted, last_load_id)
            pipeline.normalize()
            pipeline.load()
        except PipelineStepFailed as error:
            raise _fault(context, source, error) from None
    shutil.rmtree(folder, ignore_errors=True)
    return load_id


def _next_load_id(source: str, extracted: list[str], last_load_id: str) -> str:
    """Returns dlt's id of what it extracted, or one of its form when there was nothing.

    Raises:
        WarehouseError: the clock went back, and the id would not be the youngest.
    """
    load_id = extracted[0] if extracted else str(time.time())
    if load_id <= last_load_id:
        raise WarehouseError(
            f"The load of {source} would be older than the last one: the clock went back.",
            "Set the machine's clock right and run again.",
        )
    return load_id


def _fault(context: RunContext, source: str, error: Any) -> LivingCrmError:
    """Returns what to tell of a failed dlt step: the reader's own error, or where it broke.

    Only names of exception classes are told: their texts may hold values of rows.
    """
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = getattr(cause, "exception", None) or cause.__cause__ or cause.__context__
    for cause in causes:
        if isinstance(cause, LivingCrmError):
            return cause
    kind = type(causes[-1]).__name__
    if error.step == "extract":
        return SourceError(
            f"Source {source} broke off while it was read: {kind}.",
            "Check that it runs and run again; nothing of this load stays.",
        )
    place = without_secret(context.url)
    return WarehouseError(
        f"The warehouse at {place} did not take the rows of {source}: {kind}.",
        "Check that it runs and has space and run again; nothing of this load stays.",
    )


def _count_rows(
    connection: psycopg.Connection, source: str, catalog: Catalog, load_id: str
) -> dict[str, int]:
    """Returns the rows of the load that stand in each raw table: what came, not what was sent."""
    counts = {}
    for table in catalog.tables:
        row = connection.execute(
            sql.SQL("select count(*) from {} where _dlt_load_id = %s").format(_raw(source, table)),
            (load_id,),
        ).fetchone()
        counts[table.name] = int(row[0]) if row else 0
    return counts


def _complete(
    connection: psycopg.Connection,
    context: RunContext,
    source: str,
    load_id: str,
    readings: list[Reading],
    rows_loaded: Mapping[str, int],
) -> None:
    """Writes the ledger of the load in one transaction: from here on it counts."""
    for reading in readings:
        loaded, rejected = rows_loaded[reading.table.name], len(reading.rejected)
        if loaded + rejected != reading.rows_read:
            raise SourceError(
                f"{source}.{reading.table.name}: {reading.rows_read} rows read, but {loaded} "
                f"loaded and {rejected} rejected.",
                "Run again; nothing of this load stays.",
            )
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into quarantine.rejected_rows
                (as_of_date, source, table_name, load_id, row_number, reason, raw_row)
            values (%s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    context.as_of, source, reading.table.name, load_id, row.row_number,
                    row.reason, Jsonb(row.raw_row),
                )
                for reading in readings
                for row in reading.rejected
            ],
        )  # fmt: skip
        cursor.executemany(
            """
            insert into ops.loaded_files
                (source, table_name, file_name, content_hash, file_date, load_id, rows_read,
                rows_rejected)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    source, reading.table.name, file.name, file.content_hash, file.file_date,
                    load_id, file.rows_read, file.rows_rejected,
                )
                for reading in readings
                for file in reading.files
            ],
        )  # fmt: skip
        cursor.executemany(
            """
            insert into ops.loads
                (as_of_date, source, table_name, load_id, rows_read, rows_loaded, rows_rejected,
                loaded_through)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    context.as_of, source, reading.table.name, load_id, reading.rows_read,
                    rows_loaded[reading.table.name], len(reading.rejected), reading.loaded_through,
                )
                for reading in readings
            ],
        )  # fmt: skip


def _tell_planner(connection: psycopg.Connection, source: str, readings: list[Reading]) -> None:
    """Describes large loads to the query planner: the next rooms do not wait for autovacuum."""
    for reading in readings:
        if reading.rows_read >= _LARGE_LOAD_ROWS:
            connection.execute(
                "select brin_summarize_new_values(%s::regclass)",
                (f"raw_{source}.{reading.table.name}_load_id",),
            )
            connection.execute(sql.SQL("analyze {}").format(_raw(source, reading.table)))


@contextmanager
def _dlt_environment(folder: Path) -> Iterator[None]:
    """Sets what dlt reads from its environment, so that no file of the current folder has a say."""
    values = {
        "DLT_PROJECT_DIR": str(folder),
        "DLT_DATA_DIR": str(folder),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",  # its faults reach us as exceptions
        "RUNTIME__INTERCEPT_SIGNALS": "false",
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # looking for some imports all of Airflow
        "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
        "RESTORE_FROM_DESTINATION": "false",
        "ENABLE_RUNTIME_TRACE": "false",
        # A file is copied from memory: this bounds it, whatever the table's size.
        "DATA_WRITER__FILE_MAX_ITEMS": "500000",
        "LOAD__WORKERS": "2",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
