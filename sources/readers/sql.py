"""Reads tables of a database by their cursor, through ConnectorX into Arrow."""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from sources.catalog import SqlCatalog, SqlTable
from sources.readers.reading import BATCH_ROWS, Reading, conform, dlt_columns
from warehouse.connections import without_secret
from warehouse.errors import SourceError

logger = logging.getLogger(__name__)

_CONNECT_ARGUMENTS: Mapping[str, dict[str, Any]] = {"postgresql": {"connect_timeout": 10}}


def read(
    source: str,
    catalog: SqlCatalog,
    url: str,
    watermarks: Mapping[str, datetime],
    end: datetime,
) -> list[Reading]:
    """Returns a reading per table: rows with watermark < cursor < end.

    A row that appears later with a cursor already passed is not seen: a source must stamp its rows
    when they become visible.

    Args:
        watermarks: per table the newest cursor loaded before; without one all rows are read.
        end: the first instant after the business day.

    Raises:
        SourceError: the database cannot be used, a table or column is missing or of another type,
            a required table holds no row before `end`, or a row has no cursor.
    """
    engine = _engine(source, url)
    try:
        with engine.connect() as connection:
            may_be_null = _check_shape(source, catalog, sa.inspect(connection))
            for table in catalog.tables:
                _check_begun(source, catalog, table, connection, end)
                if table.name in may_be_null:
                    _check_cursors(source, catalog, table, connection)
    except sa.exc.SQLAlchemyError as error:
        raise _unusable(source, url, error) from None
    finally:
        engine.dispose()
    return [
        _reading(source, catalog, table, url, watermarks.get(table.name), end)
        for table in catalog.tables
    ]


def _reading(
    source: str,
    catalog: SqlCatalog,
    table: SqlTable,
    url: str,
    watermark: datetime | None,
    end: datetime,
) -> Reading:
    reading = Reading(table=table, make_resource=None, loaded_through=watermark)
    if watermark is not None and watermark >= end:
        return reading

    def bounded(query: sa.Select[Any], columns: sa.Table) -> sa.Select[Any]:
        cursor = columns.c[table.cursor]
        query = query.where(cursor < end)
        return query if watermark is None else query.where(cursor > watermark)

    def conformed(rows: pa.Table) -> pa.Table:
        rows = conform(rows, table, source)
        reading.rows_read += rows.num_rows
        if rows.num_rows:
            newest = pc.max(rows[table.cursor]).as_py()
            reading.loaded_through = max(newest, reading.loaded_through or newest)
        logger.info("%s.%s: %d rows read", source, table.name, reading.rows_read)
        return rows.append_column("_dlt_id", _version_ids(rows, table))

    def resource() -> Any:
        from dlt.sources.sql_database import ConnectorXTableLoader, sql_table

        class Loader(ConnectorXTableLoader):  # type: ignore[misc]
            def load_rows(self, backend_kwargs: Any = None) -> Iterator[pa.Table]:
                try:
                    yield from super().load_rows(backend_kwargs)
                except (GeneratorExit, KeyboardInterrupt, SystemExit):
                    raise
                except BaseException as error:  # noqa: BLE001 ConnectorX panics: no Exception
                    raise SourceError(
                        f"Source {source} at {without_secret(url)} broke off while {table.name} "
                        f"was read: {type(error).__name__}.",
                        "Check that it runs and run again; nothing of this load stays.",
                    ) from None

        columns = _described(catalog, table)
        rows = sql_table(
            credentials=url,
            table=table.name,
            schema=catalog.db_schema,
            metadata=columns.metadata,
            backend="connectorx",
            reflection_level="minimal",
            backend_kwargs={"return_type": "arrow_stream", "batch_size": BATCH_ROWS},
            query_adapter_callback=bounded,
            table_loader_class=Loader,
        )
        rows.apply_hints(columns=dlt_columns(table))
        # A Parquet file of no rows cannot be copied.
        return rows.add_map(conformed).add_filter(lambda batch: batch.num_rows > 0)

    reading.make_resource = resource
    return reading


def _described(catalog: SqlCatalog, table: SqlTable) -> sa.Table:
    """Returns the table as the catalog describes it: dlt then need not ask the database again."""
    times = sa.DateTime(timezone=True)
    return sa.Table(
        table.name,
        sa.MetaData(schema=catalog.db_schema),
        *(
            sa.Column(name, times if kind == "timestamptz" else sa.Text())
            for name, kind in table.columns.items()
        ),
    )


def _version_ids(rows: pa.Table, table: SqlTable) -> pa.Array:
    """Returns the row ids: a version is its key and the instant of its cursor."""
    parts = [rows[name].cast(pa.string()) for name in table.key]
    instant = rows[table.cursor].cast(pa.int64()).cast(pa.string())
    return pc.binary_join_element_wise(
        *parts, instant, "-", null_handling="replace", null_replacement=""
    )


def _engine(source: str, url: str) -> sa.Engine:
    try:
        _ = urlsplit(url).port  # raises for one that is out of range
        backend = sa.make_url(url).get_backend_name()
        return sa.create_engine(url, connect_args=_CONNECT_ARGUMENTS.get(backend, {}))
    except (ValueError, sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError):
        raise SourceError(
            f"SOURCE_{source.upper()}_URL is not the URL of a database.",
            "Write it as postgresql://user:password@host:port/database.",
        ) from None


def _unusable(source: str, url: str, error: sa.exc.SQLAlchemyError) -> SourceError:
    said = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()
    return SourceError(
        f"Source {source} at {without_secret(url)} cannot be used: {said[0]}.",
        f"Check that it runs, and user, password and database in SOURCE_{source.upper()}_URL.",
    )


def _check_shape(source: str, catalog: SqlCatalog, inspector: sa.Inspector) -> set[str]:
    """Returns the tables whose cursor the database lets be null.

    Raises:
        SourceError: a catalogued table or column is missing, or of another type.
    """
    may_be_null = set()
    names = [table.name for table in catalog.tables]
    found = inspector.get_multi_columns(
        schema=catalog.db_schema, filter_names=names, kind=sa.engine.ObjectKind.ANY
    )
    for table in catalog.tables:
        columns = found.get((catalog.db_schema, table.name))
        if columns is None:
            raise SourceError(
                f"Source {source} has no table {table.name}.",
                f"Restore it, or correct {source}.yml; what is loaded stays as it is.",
            )
        kinds = {column["name"]: _kind(column["type"]) for column in columns}
        for name, declared in table.columns.items():
            if name not in kinds:
                raise SourceError(
                    f"{source}.{table.name} has no column {name}.",
                    f"Restore it, or correct {source}.yml; what is loaded stays as it is.",
                )
            if kinds[name] != declared.partition("(")[0]:
                raise SourceError(
                    f"{source}.{table.name}.{name} is {kinds[name]} and the catalog says "
                    f"{declared}.",
                    f"Correct the source, or {source}.yml; what is loaded stays as it is.",
                )
        for name in kinds.keys() - table.columns.keys():
            logger.warning(
                "%s.%s has a column %s that the catalog does not list: it is not loaded.",
                source, table.name, name,
            )  # fmt: skip
        if any(column["name"] == table.cursor and column["nullable"] for column in columns):
            may_be_null.add(table.name)
    return may_be_null


def _kind(found: sa.types.TypeEngine[Any]) -> str:
    kinds: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
        (sa.Boolean, "boolean"),
        (sa.Integer, "bigint"),
        (sa.Float, "double"),
        (sa.Numeric, "numeric"),
        (sa.String, "text"),
        (sa.Date, "date"),
    )
    if isinstance(found, sa.DateTime):
        return "timestamptz" if found.timezone else "timestamp without time zone"
    for kind, name in kinds:
        if isinstance(found, kind):
            return name
    return str(found)


def _check_begun(
    source: str, catalog: SqlCatalog, table: SqlTable, connection: sa.Connection, end: datetime
) -> None:
    """Raises `SourceError` when a required table holds nothing before `end`."""
    described = _described(catalog, table)
    cursor = described.c[table.cursor]
    if not table.required or connection.scalar(sa.select(1).where(cursor < end).limit(1)):
        return
    first = connection.scalar(sa.select(sa.func.min(cursor)))
    if first is None:
        raise SourceError(
            f"{source}.{table.name} is empty.", "See why; what is loaded stays as it is."
        )
    raise SourceError(
        f"{source}.{table.name} begins at {first:%Y-%m-%d %H:%M} UTC, after the business day.",
        "Choose a later as-of date.",
    )


def _check_cursors(
    source: str, catalog: SqlCatalog, table: SqlTable, connection: sa.Connection
) -> None:
    """Raises `SourceError` when rows have no cursor: they would never be read."""
    cursor = _described(catalog, table).c[table.cursor]
    if connection.scalar(sa.select(1).where(cursor.is_(None)).limit(1)):
        raise SourceError(
            f"{source}.{table.name} has rows without {table.cursor}: they would never be loaded.",
            "Have the source stamp every row.",
        )
