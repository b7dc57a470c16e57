"""`sources/catalog/<source>.yml`: what a source holds and what it promised, validated on load.

The catalog says everything a reader must know; where the system stands (its address and secrets)
comes from `warehouse.connections.source_url`.
"""

import json
from codecs import lookup
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import SourceError
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


def _known_encoding(name: str) -> str:
    try:
        lookup(name)
    except LookupError:
        raise ValueError("an encoding such as utf-8 or cp949") from None
    return name


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Table(_Section):
    """What every table of every source says of itself.

    Attributes:
        key: the columns that name one thing of the source; a version is key and cursor.
        mode: `append`: rows never change; `upsert`: a changed row comes again with a later
            cursor; `snapshot`: every drop holds all rows there are.
        fresh_within_hours: the source promises news at least so often.
        required: without it, or with it stale, the walk stops; otherwise what rests on it is
            marked.
    """

    name: Name
    key: Annotated[tuple[Name, ...], Field(min_length=1)]
    fresh_within_hours: Annotated[int, Field(ge=1)]
    required: bool
    columns: Annotated[dict[Name, ColumnType], Field(min_length=1)]

    @model_validator(mode="after")
    def _key_is_made_of_columns(self) -> Self:
        for column in self.key:
            if column not in self.columns:
                raise ValueError(f"a key of listed columns, and {column} is none")
        return self


class SqlTable(Table):
    """A table of a database, read by its cursor."""

    cursor: Name
    mode: Literal["append", "upsert"]

    @model_validator(mode="after")
    def _cursor_is_a_time(self) -> Self:
        if self.columns.get(self.cursor) != "timestamptz":
            raise ValueError(f"a cursor of type timestamptz, and {self.cursor} is none")
        return self


class FileTable(Table):
    """A table that arrives in dated files.

    Attributes:
        path: where its files lie below the source's folder; `{date}` stands for YYYY-MM-DD.
        cursor: the drop's date, the same for every file table.
    """

    cursor: Literal["_file_date"]
    mode: Literal["append", "upsert", "snapshot"]
    path: Annotated[str, Field(pattern=r"^[^*?{}]*\{date\}[^*?{}]*$")]
    format: Literal["csv", "parquet"]
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","

    @model_validator(mode="after")
    def _csv_holds_text(self) -> Self:
        typed = [name for name, kind in self.columns.items() if kind != "text"]
        if self.format == "csv" and typed:
            raise ValueError(f"columns of type text in a csv, which has no types, and {typed[0]}")
        return self


class _Catalog(_Section):
    description: Annotated[str, Field(min_length=10)]
    feeds: dict[Name, Name] = {}


class SqlCatalog(_Catalog):
    """A database. `db_schema` is where its tables stand."""

    reader: Literal["sql"]
    db_schema: str | None = None
    tables: Annotated[tuple[SqlTable, ...], Field(min_length=1)]


class FileCatalog(_Catalog):
    """A folder of dated files, local or anywhere fsspec reaches."""

    reader: Literal["files"]
    tables: Annotated[tuple[FileTable, ...], Field(min_length=1)]


Catalog = SqlCatalog | FileCatalog
_READERS: dict[str, type[SqlCatalog] | type[FileCatalog]] = {
    "sql": SqlCatalog,
    "files": FileCatalog,
}


def load_catalog(settings: Settings, source: str) -> Catalog:
    """Returns the validated catalog entry of a source.

    Raises:
        SourceError: names the file, the key, the value found and what is allowed.
    """
    path = settings.catalog_dir / f"{source}.yml"
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in settings.catalog_dir.glob("*.yml"))) or "none"
        raise SourceError(
            f"Source {source} has no catalog entry {path}.", f"Write it; catalogued: {known}."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        raise SourceError(f"{path.name}{place} is not YAML.", "Correct the line.") from None
    if not isinstance(document, dict):
        raise SourceError(f"{path.name} holds no keys.", "Write reader, description and tables.")
    reader = document.get("reader")
    if reader not in _READERS:
        raise SourceError(f"{path.name}: reader is {reader!r}.", f"Allowed: {', '.join(_READERS)}.")
    model = _READERS[reader]
    try:
        # JSON mode lets YAML's lists become tuples while `strict` still refuses "7" for 7.
        catalog = model.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise _explained(path.name, model, error) from None
    names = [table.name for table in catalog.tables]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"{path.name}: table {name} stands twice.", "Keep one of them.")
    return catalog


def _explained(
    file: str, model: type[SqlCatalog] | type[FileCatalog], error: ValidationError
) -> SourceError:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "[key]") or "entry"
    section: type[BaseModel] = model
    if first["loc"][:1] == ("tables",):
        section = SqlTable if model is SqlCatalog else FileTable
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(section.model_fields)
        return SourceError(f"{file}: unknown key {key}.", f"Allowed here: {allowed}.")
    if first["type"] == "missing":
        return SourceError(f"{file}: key {key} is missing.", f"Add {key}.")
    message = first["msg"]
    for lead in ("Value error, ", "Input should be ", "String should "):
        message = message.removeprefix(lead)
    if "columns" in first["loc"] and first["type"] == "string_pattern_mismatch":
        message = "text, bigint, double, boolean, date, timestamptz or numeric(p,s)"
    found = repr(first["input"])
    if len(found) > 80:
        found = found[:77] + "..."
    return SourceError(f"{file}: {key} is {found}.", f"Allowed: {message}.")
