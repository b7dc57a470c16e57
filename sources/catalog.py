"""`sources/catalog/<source>.yml`: what a source holds and what it promised, validated on load.

The catalog says everything a reader must know; where the system stands (its address and secrets)
comes from `warehouse.connections.source_url`.
"""

import json
from codecs import lookup
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from warehouse.catalog import FieldKind
from warehouse.errors import SourceError
from warehouse.files import read_yaml
from warehouse.settings import Settings

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
# numeric needs precision and scale, because a reader's own guess would round or widen money.
ColumnType = Annotated[
    str,
    Field(
        pattern=r"^(text|bigint|double|boolean|date|timestamptz|numeric\([1-9]\d?, ?\d{1,2}\))$",
        description="text, bigint, double, boolean, date, timestamptz or numeric(p,s)",
    ),
]
FIELD_TYPES: dict[FieldKind, tuple[str, ...]] = {
    "person_name": ("text",),
    "email": ("text",),
    "address": ("text",),
    "birth_date": ("text", "date"),
    "edited_on": ("text", "date", "timestamptz"),
    # Written as numbers they have lost their zeros, but they are there.
    "phone": ("text", "bigint"),
    "postcode": ("text", "bigint"),
}


def _known_encoding(name: str) -> str:
    try:
        lookup(name)
    except LookupError:
        raise ValueError("an encoding such as utf-8 or cp949") from None
    return name


def _dated_once(path: str) -> str:
    if path.count("{date}") != 1:
        raise ValueError("a path with {date} in it once")
    return path


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Grain(_Section):
    """The promise that rows are detail: many a month for one entity, each at its own time."""

    entity: Name
    time: Name


class Table(_Section):
    """What every table of every source says of itself.

    Attributes:
        key: the columns that name one thing of the source; a version is key and cursor.
        mode: `append`: rows never change; `upsert`: a changed row comes again with a later
            cursor; `snapshot`: every drop, or every night's read, holds all rows there are.
        grain: set where detail is promised; a feed that arrives summed by month is then refused.
        fields: what columns hold of a person, or `edited_on`, the day somebody last went over the
            row: their placeholders are counted, and they are compared with other sources.
        lasting: rows are things that last, such as members, not what happened, such as orders:
            each is judged as it stands, and by how long it has not changed.
        fresh_within_hours: the source promises news at least so often.
        required: without it, or with it stale, the walk stops; otherwise what rests on it is
            marked.
    """

    name: Name
    key: Annotated[tuple[Name, ...], Field(min_length=1)]
    mode: Literal["append", "upsert", "snapshot"]
    fresh_within_hours: Annotated[int, Field(ge=1)]
    required: bool
    columns: Annotated[dict[Name, ColumnType], Field(min_length=1)]
    grain: Grain | None = None
    fields: dict[Name, FieldKind] = {}
    lasting: bool = False

    @model_validator(mode="after")
    def _key_and_grain_are_made_of_columns(self) -> Self:
        grain = (self.grain.entity, self.grain.time) if self.grain else ()
        for what, columns in (("key", self.key), ("grain", grain)):
            for column in columns:
                if column not in self.columns:
                    raise ValueError(f"a {what} of listed columns, and {column} is none")
        return self

    @model_validator(mode="after")
    def _fields_are_columns_of_a_fitting_type(self) -> Self:
        for column, kind in self.fields.items():
            if column not in self.columns:
                raise ValueError(f"fields of listed columns, and {column} is none")
            types = FIELD_TYPES[kind]
            if self.columns[column] not in types:
                raise ValueError(
                    f"{kind} of type {' or '.join(types)}, and {column} is {self.columns[column]}"
                )
        if list(self.fields.values()).count("edited_on") > 1:
            raise ValueError("one column edited_on")
        return self

    @model_validator(mode="after")
    def _what_lasts_can_change(self) -> Self:
        if self.lasting and self.mode == "append":
            raise ValueError("lasting with mode upsert or snapshot")
        return self


class CursorTable(Table):
    """A table that is asked for what is new since its cursor, or for all of it every night.

    Attributes:
        cursor: a time of every row; of a snapshot `_snapshot_at`, the day it was read for.
        look_back_hours: rows so far behind the newest cursor are read again, because some
            become visible late; those that are there already are not doubled.
    """

    cursor: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,62}|_snapshot_at)$")]
    look_back_hours: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _cursor_is_a_time(self) -> Self:
        if (self.mode == "snapshot") != (self.cursor == "_snapshot_at"):
            raise ValueError("cursor _snapshot_at with mode snapshot, and only with it")
        if self.mode == "snapshot" and self.look_back_hours:
            raise ValueError("no look_back_hours with mode snapshot, which reads everything")
        if self.mode != "snapshot" and self.columns.get(self.cursor) != "timestamptz":
            raise ValueError(f"a cursor of type timestamptz, and {self.cursor} is none")
        return self


class SqlTable(CursorTable):
    """A table of a database."""


class Paging(_Section):
    """How a service hands out its records in pages.

    Attributes:
        parameter: the query parameter that takes the cursor of the page wanted.
        next: the field of an answer that holds the cursor of the next page; null at the end.
        size_parameter: the query parameter that takes the number of records a page shall hold.
    """

    parameter: Annotated[str, Field(min_length=1)]
    next: Annotated[str, Field(min_length=1)]
    size_parameter: Annotated[str, Field(min_length=1)] = "limit"
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 200


class RestTable(CursorTable):
    """What one endpoint of a service lists.

    Attributes:
        endpoint: the path below the source's address.
        records: the field of an answer that holds the list, with dots where it lies deeper;
            without one the answer is the list.
        paging: without it, one answer holds everything.
        since: the query parameter for the first instant wanted; without one, all is asked for.
        until: the query parameter for the first instant no longer wanted.
    """

    endpoint: Annotated[str, Field(pattern=r"^/[^?#]*$")]
    records: Annotated[str, Field(min_length=1)] | None = None
    paging: Paging | None = None
    since: Annotated[str, Field(min_length=1)] | None = None
    until: Annotated[str, Field(min_length=1)] | None = None


class FileTable(Table):
    """A table that arrives in dated files.

    Attributes:
        path: where its files lie below the source's folder; `{date}` stands for YYYY-MM-DD, every
            other character for itself.
        cursor: the drop's date, the same for every file table.
    """

    cursor: Literal["_file_date"]
    path: Annotated[str, AfterValidator(_dated_once)]
    format: Literal["csv", "jsonl", "parquet", "xlsx"]
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","

    @model_validator(mode="after")
    def _formats_without_types_hold_text(self) -> Self:
        typed = [name for name, kind in self.columns.items() if kind != "text"]
        if self.format in ("csv", "xlsx") and typed:
            raise ValueError(
                f"columns of type text in a {self.format}, whose values are kept as text, and "
                f"{typed[0]}"
            )
        return self

    @model_validator(mode="after")
    def _text_alone_is_packed(self) -> Self:
        if self.path.endswith(".gz") and self.format not in ("csv", "jsonl"):
            raise ValueError(f"a path without .gz, and the format is {self.format}")
        return self


class _Catalog(_Section):
    """What every source says of itself; `feeds` names, per feed, the models that provide it.

    `is_name_list`: it says who people are and nothing of what they do. A person known from such
    sources alone is counted as one of a mere name list.
    """

    description: Annotated[str, Field(min_length=10)]
    is_name_list: bool = False
    feeds: dict[Name, Name | tuple[Name, ...]] = {}


class SqlCatalog(_Catalog):
    """A database. `db_schema` is where its tables stand."""

    reader: Literal["sql"]
    db_schema: str | None = None
    tables: Annotated[tuple[SqlTable, ...], Field(min_length=1)]


class FileCatalog(_Catalog):
    """A folder of dated files, local or anywhere fsspec reaches."""

    reader: Literal["files"]
    tables: Annotated[tuple[FileTable, ...], Field(min_length=1)]


class RestCatalog(_Catalog):
    """A service that answers HTTP requests with JSON; SOURCE_<NAME>_TOKEN holds its token."""

    reader: Literal["rest"]
    tables: Annotated[tuple[RestTable, ...], Field(min_length=1)]


Catalog = SqlCatalog | FileCatalog | RestCatalog
CatalogType = type[SqlCatalog] | type[FileCatalog] | type[RestCatalog]
_READERS: dict[str, tuple[CatalogType, type[Table]]] = {
    "sql": (SqlCatalog, SqlTable),
    "files": (FileCatalog, FileTable),
    "rest": (RestCatalog, RestTable),
}


def load_catalog(settings: Settings, source: str) -> Catalog:
    """Returns the validated catalog entry of a source.

    Raises:
        SourceError: names the file, the key, the value found and what is allowed.
    """
    catalog, faults = read_catalog(settings, source)
    if catalog is None:
        raise faults[0]
    return catalog


def read_catalog(settings: Settings, source: str) -> tuple[Catalog | None, list[SourceError]]:
    """Returns the catalog entry of a source, or every fault it has."""
    path = settings.catalog_dir / f"{source}.yml"
    try:
        document: Any = read_yaml(path)
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in settings.catalog_dir.glob("*.yml"))) or "none"
        return None, [
            SourceError(
                f"Source {source} has no catalog entry {path}.", f"Write it; catalogued: {known}."
            )
        ]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        return None, [SourceError(f"{path.name}{place} is not YAML.", "Correct the line.")]
    if not isinstance(document, dict):
        return None, [
            SourceError(f"{path.name} holds no keys.", "Write reader, description and tables.")
        ]
    reader = document.get("reader")
    if reader not in _READERS:
        allowed = ", ".join(_READERS)
        return None, [SourceError(f"{path.name}: reader is {reader!r}.", f"Allowed: {allowed}.")]
    model, table_model = _READERS[reader]
    try:
        # JSON mode lets YAML's lists become tuples while `strict` still refuses "7" for 7.
        catalog = model.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        return None, [
            _explained(path.name, model, table_model, fault)
            for fault in error.errors(include_url=False)
        ]
    names = [table.name for table in catalog.tables]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return None, [
            SourceError(f"{path.name}: table {name} stands twice.", "Keep one of them.")
            for name in twice
        ]
    return catalog, []


def _explained(
    file: str, model: CatalogType, table_model: type[Table], fault: ErrorDetails
) -> SourceError:
    key = ".".join(str(part) for part in fault["loc"] if part != "[key]") or "entry"
    section: type[BaseModel] = table_model if fault["loc"][:1] == ("tables",) else model
    for name, nested in (("grain", Grain), ("paging", Paging)):
        if name in fault["loc"][2:-1]:
            section = nested
    if fault["type"] == "extra_forbidden":
        allowed = ", ".join(section.model_fields)
        return SourceError(f"{file}: unknown key {key}.", f"Allowed here: {allowed}.")
    if fault["type"] == "missing":
        return SourceError(f"{file}: key {key} is missing.", f"Add {key}.")
    message = fault["msg"]
    for lead in ("Value error, ", "Input should be ", "String should "):
        message = message.removeprefix(lead)
    if "columns" in fault["loc"] and fault["type"] == "string_pattern_mismatch":
        message = "text, bigint, double, boolean, date, timestamptz or numeric(p,s)"
    found = repr(fault["input"])
    if len(found) > 80:
        found = found[:77] + "..."
    return SourceError(f"{file}: {key} is {found}.", f"Allowed: {message}.")
