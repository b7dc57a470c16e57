"""Reads tables of a database by their cursor, through ConnectorX into Arrow."""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sources.catalog import SqlCatalog, SqlTable
from sources.readers.reading import (
    BATCH_ROWS,
    EXTRA,
    SNAPSHOT_AT,
    Landed,
    Reading,
    conform,
    dlt_columns,
    snapshot_instant,
    storable_rows,
)
from sources.readers.sql_shape import TableShape, described, faults, instant, shapes
from sources.readers.values import as_json_column
from sources.readers.versions import version_ids
from warehouse.connections import without_secret
from warehouse.errors import SourceError

logger = logging.getLogger(__name__)

_CONNECT_ARGUMENTS: Mapping[str, dict[str, Any]] = {
    "postgresql": {"connect_timeout": 10},
    "mysql": {"connect_timeout": 10},
}
_DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}


def read(
    source: str, catalog: SqlCatalog, url: str, landed: Mapping[str, Landed], end: datetime
) -> list[Reading]:
    """Returns a reading per table: rows with watermark - look-back < cursor < end, or all.

    A row that appears with a cursor further back than the look-back is not seen: a source must
    stamp its rows when they become visible, or the catalog say how late they may.

    Args:
        landed: per table what was loaded before.
        end: the first instant after the business day.

    Raises:
        SourceError: the database cannot be used, a table or column is missing or of another type,
            a required table holds no row before `end`, or a row has no cursor.
    """
    database = engine(source, url)
    try:
        with database.connect() as connection:
            found = shapes(catalog, connection)
            for fault in faults(source, catalog, connection, found, end):
                raise fault
    except sa.exc.SQLAlchemyError as error:
        raise unusable(source, url, error) from None
    finally:
        database.dispose()
    readings = []
    for table in catalog.tables:
        shape = found[table.name]
        assert shape is not None
        before = landed.get(table.name, Landed())
        readings.append(_reading(source, catalog, table, shape, database, before, end))
    return readings


def engine(source: str, url: str) -> sa.Engine:
    """Returns SQLAlchemy's access to the database; raises `SourceError` for an unfit URL."""
    try:
        _ = urlsplit(url).port  # raises for one that is out of range
        place = sa.make_url(url)
        place = place.set(drivername=_DRIVERS.get(place.drivername, place.drivername))
        arguments = _CONNECT_ARGUMENTS.get(place.get_backend_name(), {})
        return sa.create_engine(place, connect_args=arguments)
    except (ValueError, sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError):
        raise SourceError(
            f"SOURCE_{source.upper()}_URL is not the URL of a database.",
            "Write it as postgresql:// or mysql:// and user:password@host:port/database.",
        ) from None


def unusable(source: str, url: str, error: sa.exc.SQLAlchemyError) -> SourceError:
    """Returns the error of a database that refuses us or fails, in its own words."""
    said = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return SourceError(
        f"Source {source} at {without_secret(url)} cannot be used: {said[0]}.",
        f"Check that it runs, and user, password and database in SOURCE_{source.upper()}_URL.",
    )


def _reading(
    source: str,
    catalog: SqlCatalog,
    table: SqlTable,
    shape: TableShape,
    database: sa.Engine,
    landed: Landed,
    end: datetime,
) -> Reading:
    is_snapshot = table.mode == "snapshot"
    reading = Reading(source, table)
    reading.note(shape.changes)
    through = snapshot_instant(end) if is_snapshot else end
    if not is_snapshot:
        reading.loaded_through = landed.through
    if landed.through is not None and landed.through >= through:
        return reading  # of a snapshot that is past, nothing can be said any more
    if is_snapshot:
        reading.loaded_through = through
    known = pa.array(list(landed.ids), pa.string())
    query = _query(catalog, table, shape.added, database, landed.through, end)

    def landing(found: pa.Table) -> pa.Table:
        rows = conform(found, reading)
        if shape.added:
            others = found.select(_aliases(shape.added)).rename_columns(list(shape.added))
            rows = rows.append_column(EXTRA, as_json_column(others))
        if is_snapshot:
            moment = pa.scalar(through, pa.timestamp("us", "UTC"))
            rows = rows.append_column(SNAPSHOT_AT, pa.repeat(moment, rows.num_rows))
        rows = rows.append_column("_dlt_id", version_ids(rows, table))
        if len(known):
            rows = rows.filter(pc.invert(pc.is_in(rows["_dlt_id"], value_set=known)))
        rows = storable_rows(rows, reading, landed.rejected)
        reading.rows_read += rows.num_rows
        if rows.num_rows and not is_snapshot:
            newest = pc.max(rows[table.cursor]).as_py()
            reading.loaded_through = max(newest, reading.loaded_through or newest)
        logger.info("%s: %d rows read", reading.name, reading.rows_read)
        return rows

    def batches() -> Iterator[pa.Table]:
        for found in _stream(reading, database, query):
            rows = landing(found)
            if rows.num_rows:  # a Parquet file of no rows cannot be copied
                yield rows

    def resource() -> Any:
        import dlt

        return dlt.resource(batches(), name=table.name, columns=dlt_columns(table))

    reading.make_resource = resource
    return reading


def _query(
    catalog: SqlCatalog,
    table: SqlTable,
    added: tuple[str, ...],
    database: sa.Engine,
    watermark: datetime | None,
    end: datetime,
) -> str:
    """Returns the statement that reads the rows, whatever its names look like."""
    backend = database.dialect.name
    columns = described(catalog, table, backend, *added)
    query = sa.select(
        *(columns.c[name] for name in table.columns),
        *(
            sa.cast(columns.c[name], sa.Text()).label(alias)
            for name, alias in zip(added, _aliases(added), strict=True)
        ),
    )
    if table.mode != "snapshot":
        cursor = columns.c[table.cursor]
        query = query.where(cursor < instant(end, backend))
        if watermark is not None:
            since = watermark - timedelta(hours=table.look_back_hours)
            query = query.where(cursor > instant(since, backend))
    # A dialect with named parameters does not double the % of a name.
    dialect: Any = type(database.dialect)
    dialect = dialect(paramstyle="named")
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _aliases(added: tuple[str, ...]) -> list[str]:
    return [f"_added_{number}" for number in range(len(added))]


def _stream(reading: Reading, database: sa.Engine, query: str) -> Iterator[pa.Table]:
    import connectorx

    url = database.url.set(drivername=database.dialect.name)
    try:
        for batch in connectorx.read_sql(
            url.render_as_string(hide_password=False),
            query,
            return_type="arrow_stream",
            batch_size=BATCH_ROWS,
        ):
            yield pa.Table.from_batches([batch])
    except (GeneratorExit, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 ConnectorX panics: no Exception
        place = without_secret(database.url.render_as_string())
        raise SourceError(
            f"Source {reading.source} at {place} broke off while {reading.table.name} was read: "
            f"{type(error).__name__}.",
            "Check that it runs and run again; nothing of this load stays.",
        ) from None
