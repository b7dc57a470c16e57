"""Validates a catalog entry against the live source: every fault at once, before a night finds it.

Nothing is written. What a load would refuse is a fault; what it would take, but somebody should
know, is a note.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from jinja2 import Environment, nodes

from sources.catalog import Catalog, FileCatalog, RestCatalog, SqlCatalog, SqlTable, read_catalog
from sources.readers import files, rest
from sources.readers import sql as database
from sources.readers.http import Service
from sources.readers.objects import Objects
from sources.readers.reading import Reading
from sources.readers.shape import SchemaChange
from sources.readers.sql_shape import described, faults, shapes
from warehouse.connections import source_token, source_url
from warehouse.errors import LivingCrmError, SourceError
from warehouse.files import read_yaml
from warehouse.parsed import PROJECT
from warehouse.settings import REPOSITORY, Settings

FEEDS = PROJECT / "macros" / "feeds.sql"
_REASONS_TOLD = 3


@dataclass(frozen=True)
class Finding:
    """What is wrong, or worth knowing, about a source.

    Attributes:
        table: None where it concerns the whole source.
    """

    severity: Literal["fault", "note"]
    table: str | None
    what: str
    remedy: str


def check_source(settings: Settings, source: str) -> list[Finding]:
    """Returns everything that is wrong with a source's catalog entry, and what is worth knowing.

    The entry itself is read first; then the source is looked at, as far as it can be reached: the
    shape of every table, of a service its first page, of files the newest drop.
    """
    catalog, entry_faults = read_catalog(settings, source)
    if catalog is None:
        return [_fault(None, error) for error in entry_faults]
    findings = list(_staging(settings.staging_dir / source, source, catalog))
    try:
        url = source_url(settings, source)
        if isinstance(catalog, SqlCatalog):
            findings += _database(source, catalog, url)
        elif isinstance(catalog, FileCatalog):
            findings += _folder(source, catalog, url)
        else:
            token = source_token(settings, source)
            findings += _service(source, catalog, Service(source, url, token))
    except LivingCrmError as error:
        findings.append(_fault(None, error))
    return findings


def _fault(table: str | None, error: LivingCrmError) -> Finding:
    return Finding("fault", table, error.what, error.remedy)


def _added(source: str, change: SchemaChange) -> Finding:
    return Finding(
        "note",
        change.table,
        f"{source}.{change.table} has {change.detail}.",
        f"It lands in _extra as text; list it in {source}.yml to have it as a column.",
    )


def _staging(folder: Path, source: str, catalog: Catalog) -> Iterator[Finding]:
    """Yields what of the catalog entry dbt does not know: undeclared tables, missing models."""
    providers = [
        (feed, model)
        for feed, models in catalog.feeds.items()
        for model in ([models] if isinstance(models, str) else models)
    ]
    columns = _feed_columns()
    for feed, model in providers:
        if feed not in columns:
            yield Finding(
                "fault", None, f"There is no feed {feed}.", f"Feeds: {', '.join(sorted(columns))}."
            )
            continue
        if not (folder / f"{model}.sql").exists():
            yield Finding(
                "fault",
                None,
                f"Feed {feed} is to come from {model}, which is no model of {folder.name}.",
                f"Write {folder.relative_to(REPOSITORY) / model}.sql.",
            )
            continue
        described = folder / f"{model}.yml"
        listed = _columns(read_yaml(described) or {}, model) if described.exists() else set()
        if missing := [name for name in columns[feed] if name not in listed]:
            yield Finding(
                "fault",
                None,
                f"{described.name} does not list {', '.join(missing)} of feed {feed}.",
                "A model that provides a feed has all of its columns, null where the source does "
                "not tell; list them there as they stand in the model.",
            )
    declaration = folder / f"_{source}__sources.yml"
    declared: set[tuple[str, str]] = set()
    if declaration.exists():
        document: dict[str, Any] = read_yaml(declaration) or {}
        declared = {
            (table["name"], column["name"])
            for entry in document.get("sources", [])
            for table in entry.get("tables", [])
            for column in table.get("columns", [])
        }
    for table in catalog.tables:
        missing = [name for name in table.columns if (table.name, name) not in declared]
        if missing:
            yield Finding(
                "note",
                table.name,
                f"{declaration.name} does not declare {', '.join(missing)} of {table.name}.",
                "Declare them: rules that send a row to quarantine stand there.",
            )


def _columns(document: dict[str, Any], model: str) -> set[str]:
    return {
        column["name"]
        for described in document.get("models", [])
        if described["name"] == model
        for column in described.get("columns", [])
    }


def _feed_columns() -> dict[str, tuple[str, ...]]:
    """Returns, per feed that dbt knows, the columns that a provider must have."""
    macros = Environment(extensions=["jinja2.ext.do"], autoescape=True).parse(FEEDS.read_text())
    known = next(
        assigned.node.as_const()
        for assigned in macros.find_all(nodes.Assign)
        if isinstance(assigned.node, nodes.Dict)
    )
    return {feed: (*columns, "load_id") for feed, columns in known.items()}


def _database(source: str, catalog: SqlCatalog, url: str) -> Iterator[Finding]:
    access = database.engine(source, url)
    try:
        with access.connect() as connection:
            found = shapes(catalog, connection)
            for error in faults(source, catalog, connection, found, None):
                yield _fault(None, error)
            for table in catalog.tables:
                shape = found[table.name]
                if shape is None:
                    continue
                for change in shape.changes:
                    if change.change == "added":
                        yield _added(source, change)
                if not any(change.change != "added" for change in shape.changes):
                    yield from _doubled(source, catalog, table, connection)
    except sa.exc.SQLAlchemyError as error:
        raise database.unusable(source, url, error) from None
    finally:
        access.dispose()


def _doubled(
    source: str, catalog: SqlCatalog, table: SqlTable, connection: sa.Connection
) -> Iterator[Finding]:
    """Yields the fault of a key that names more than one row: versions would be confused."""
    columns = described(catalog, table, connection.dialect.name)
    names = table.key if table.mode == "snapshot" else (*table.key, table.cursor)
    version = [columns.c[name] for name in names]
    doubled = sa.select(*version).group_by(*version).having(sa.func.count() > 1).limit(1)
    if connection.execute(doubled).first() is not None:
        yield Finding(
            "fault",
            table.name,
            f"{source}.{table.name} has rows that share {', '.join(names)}.",
            f"Complete key in {source}.yml until it names one row.",
        )


def _folder(source: str, catalog: FileCatalog, url: str) -> Iterator[Finding]:
    try:
        filesystem, names = files.listed(source, url)
    except (OSError, ValueError, ImportError) as error:
        raise files.unusable(source, url, error) from None
    for table in catalog.tables:
        reading = Reading(source, table)
        try:
            newest = files.dated(source, table, names)[-1]
            with filesystem.open(newest.path, "rb") as stream:
                for _ in files.read_drop(newest, stream, reading):
                    pass
        except SourceError as error:
            yield _fault(table.name, error)
        yield from _read(reading)


def _service(source: str, catalog: RestCatalog, service: Service) -> Iterator[Finding]:
    for table in catalog.tables:
        reading = Reading(source, table)
        objects = Objects(reading, f"{source}.{table.name} at {table.endpoint}")
        try:
            records, _ = next(rest.pages(service, source, table, {}))
            for record in records:
                *_, fault = objects.row(record)
                if fault:
                    reading.reject(f"{table.endpoint}: {fault}", {})
                else:
                    reading.rows_read += 1
            objects.finish()
        except SourceError as error:
            yield _fault(table.name, error)
        yield from _read(reading)


def _read(reading: Reading) -> Iterator[Finding]:
    """Yields what a trial reading found: new columns, and the rows it would reject."""
    for change in reading.added.values():
        yield _added(reading.source, change)
    if reading.rejected:
        reasons = dict.fromkeys(row.reason for row in reading.rejected)
        yield Finding(
            "note",
            reading.table.name,
            f"{reading.name}: {len(reading.rejected)} of {reading.rows_read} rows cannot be read: "
            f"{'; '.join(list(reasons)[:_REASONS_TOLD])}.",
            "Correct the source, or the types and the encoding in the catalog.",
        )
