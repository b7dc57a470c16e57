"""The room `load`: brings what is new at a source, up to the business day's end, to its raw tables.

A load is complete once it stands in `ops.loads`: that, its files and its rejected rows are written
in one transaction, after the rows themselves. What a killed load left behind is known by its load
id, which is younger than the last complete one, and is removed when the next load begins. So
running again always comes to the same end.
"""

import logging
from contextlib import suppress

import psycopg

from sources import grain, ledger, raw
from sources.carry import carry
from sources.catalog import Catalog, FileCatalog, SqlCatalog, load_catalog
from sources.readers import files, rest
from sources.readers import sql as database
from sources.readers.reading import Reading
from sources.readers.shape import SchemaChanged
from warehouse.connections import connect, source_token, source_url
from warehouse.context import RunContext, StepReport

logger = logging.getLogger(__name__)


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
        raw.ensure_tables(connection, source, catalog)
        raw.remove_unfinished(connection, source, catalog)
        try:
            readings = _readings(context, connection, source, catalog, url)
            load_id = carry(context, source, readings, raw.last_load_id(connection, source))
            rows_loaded = raw.count_rows(connection, source, catalog, load_id)
            for table in catalog.tables:
                grain.check(connection, source, table, load_id, context.policy.time_zone)
            ledger.complete(connection, context.as_of, source, load_id, readings, rows_loaded)
            for reading in readings:
                raw.tell_planner(connection, source, reading.table, reading.rows_read)
        except BaseException as error:
            with suppress(psycopg.Error):  # without a warehouse, the next load removes it
                raw.remove_unfinished(connection, source, catalog)
                if isinstance(error, SchemaChanged):
                    ledger.record_changes(connection, context.as_of, source, error.changes)
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
    if isinstance(catalog, FileCatalog):
        known = ledger.known_files(connection, source)
        return files.read(source, catalog, url, known, context.as_of, context.policy.tz)
    landed = {table.name: raw.landed(connection, source, table) for table in catalog.tables}
    if isinstance(catalog, SqlCatalog):
        return database.read(source, catalog, url, landed, context.day_end)
    token = source_token(context.settings, source)
    return rest.read(source, catalog, url, token, landed, context.day_end)
