"""What a live source looks like, as a first catalog entry: guesses for a person to go over."""

import csv as csv_module
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

from sources.catalog import FIELD_TYPES
from sources.readers import files
from sources.readers import sql as database
from sources.readers.formats.opening import TextFile
from sources.readers.formats.record import UnreadableFile
from sources.readers.formats.xlsx import sheet_rows
from sources.readers.http import Service
from sources.readers.reading import arrow_type, column_type
from sources.readers.sql_shape import kinds
from sources.readers.values import AsWritten, as_text, as_type, parse_json
from warehouse.catalog import FieldKind
from warehouse.errors import SourceError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FORMATS = {
    "csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet", "xlsx": "xlsx",
}  # fmt: skip
_CHANGED = ("updated", "modified", "changed", "created", "inserted")
_SAMPLE_LINES = 1_000
# What a column's name says it holds of a person; a name is a person's only beside something else.
_FIELDS: Mapping[FieldKind, str] = {
    "email": r"(\w+_)?e?_?mail(_address)?",
    "phone": r"(\w+_)?(phone|mobile|cell|tel|telephone|cellphone)(_number|_no)?",
    "birth_date": r"(\w+_)?(birth_?(date|day)|date_of_birth|dob)",
    "postcode": r"(\w+_)?(post_?code|postal_code|zip(_?code)?)",
    "address": r"((home|street|postal|mailing|delivery|shipping|billing)_)?address",
    "edited_on": r"(last_)?(edited|modified|changed|updated)(_on|_at|_date)?",
    "person_name": r"((full|person|customer|member|contact|caller|client)_)?name",
}
_ONLY_BESIDE_OTHERS = {"edited_on", "person_name"}


def look_at_database(source: str, url: str, db_schema: str | None) -> list[dict[str, Any]]:
    """Returns an entry per table of a database."""
    access = database.engine(source, url)
    tables = []
    try:
        with access.connect() as connection:
            inspector = sa.inspect(connection)
            for name in sorted(inspector.get_table_names(schema=db_schema)):
                found = inspector.get_columns(name, schema=db_schema)
                columns = {
                    column["name"]: _typed(column["type"], access.dialect.name) for column in found
                }
                key = inspector.get_pk_constraint(name, schema=db_schema)["constrained_columns"]
                tables.append(_entry(name, columns, key))
    except sa.exc.SQLAlchemyError as error:
        raise database.unusable(source, url, error) from None
    finally:
        access.dispose()
    return [table for table in tables if table]


def look_at_folder(source: str, url: str) -> list[dict[str, Any]]:
    """Returns an entry per kind of dated file below a folder."""
    try:
        filesystem, names = files.listed(source, url)
        newest: dict[str, str] = {}
        for path, name in sorted(names.items(), key=lambda item: item[1]):
            if len(_DATE.findall(name)) == 1:
                newest[_DATE.sub("{date}", name)] = path
        tables = []
        for pattern, path in newest.items():
            stem = re.sub(r"\.gz$", "", pattern)
            file_format = _FORMATS.get(stem.rpartition(".")[2])
            if file_format is None:
                continue
            with filesystem.open(path, "rb") as stream:
                try:
                    columns, more = _file_columns(file_format, stream, path)
                except UnreadableFile:
                    continue
            words = re.findall("[a-z0-9]+", stem.rpartition(".")[0].replace("{date}", "/").lower())
            entry = _entry("_".join(words), columns, ())
            if entry:
                entry.pop("lasting", None)  # whether a drop holds all rows, nobody knows yet
                dated = {"path": pattern, "format": file_format, "cursor": "_file_date"}
                tables.append(entry | dated | {"mode": "append"} | more)
    except (OSError, ValueError, ImportError) as error:
        raise files.unusable(source, url, error) from None
    return tables


def look_at_service(
    source: str, url: str, token: str | None, endpoints: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns an entry per endpoint of a service."""
    service = Service(source, url, token)
    tables = []
    for endpoint in endpoints:
        answer = service.get(endpoint, {})
        more: dict[str, Any] = {"endpoint": endpoint}
        records = answer
        if isinstance(answer, dict):
            lists = [name for name, value in answer.items() if isinstance(value, list)]
            if lists:
                more["records"], records = lists[0], answer[lists[0]]
            following = [name for name in answer if "next" in name]
            if following:
                more["paging"] = {"parameter": "cursor", "next": following[0]}
        if isinstance(records, list):
            columns = _object_columns(record for record in records if isinstance(record, dict))
            entry = _entry(endpoint.rstrip("/").rpartition("/")[2], columns, ())
            if entry:
                tables.append(entry | more)
    return tables


def _entry(
    name: str, columns: Mapping[str, str | None], key: Sequence[str]
) -> dict[str, Any] | None:
    """Returns a table's entry of the columns that can be catalogued; None where there are none."""
    usable = {column: kind for column, kind in columns.items() if kind and _NAME.fullmatch(column)}
    if not usable or not _NAME.fullmatch(name):
        return None
    ids = [column for column in usable if column.endswith("_id")]
    named = list(key) if key and set(key) <= usable.keys() else (ids or list(usable))[:1]
    times = [column for column, kind in usable.items() if kind == "timestamptz"]
    cursor = next((t for word in _CHANGED for t in times if t.startswith(word)), None)
    return {
        "name": name,
        "key": named,
        "cursor": cursor or "_snapshot_at",
        "mode": "upsert" if cursor else "snapshot",
        "fresh_within_hours": 24,
        "required": False,
        **_fields(usable, cursor),
        "columns": usable,
    }


def _fields(columns: Mapping[str, str], cursor: str | None) -> dict[str, Any]:
    """Returns what columns seem to hold of a person; who has that is taken for one that lasts."""
    fields: dict[str, FieldKind] = {}
    for column, typed in columns.items():
        for kind, names in _FIELDS.items():
            is_taken = kind == "edited_on" and (column == cursor or kind in fields.values())
            fits = typed in FIELD_TYPES[kind] and re.fullmatch(names, column)
            if fits and not is_taken:
                fields[column] = kind
                break
    if set(fields.values()) <= _ONLY_BESIDE_OTHERS:
        return {}
    return {"lasting": True, "fields": fields}


def _typed(found: sa.types.TypeEngine[Any], backend: str) -> str | None:
    kind = kinds(found, backend)[0]
    if kind == "numeric":
        precision, scale = getattr(found, "precision", None), getattr(found, "scale", None)
        return f"numeric({precision or 38},{10 if scale is None else scale})"
    return _known(kind)


def _known(kind: str) -> str | None:
    try:
        arrow_type(kind)
    except KeyError:
        return None
    return kind


def _file_columns(
    file_format: str, stream: Any, path: str
) -> tuple[dict[str, str | None], dict[str, Any]]:
    """Returns a file's columns and how it is written."""
    if file_format == "parquet":
        schema = pq.read_schema(stream)
        return {
            field.name: (
                f"numeric({field.type.precision},{field.type.scale})"
                if column_type(field.type) == "numeric"
                else _known(column_type(field.type))
            )
            for field in schema
        }, {}
    if file_format == "xlsx":
        header = next(sheet_rows(stream), [])
        return {(as_text(cell) or "").strip(): "text" for cell in header}, {}
    data = stream.read()
    encoding = "utf-8"
    if TextFile(io.BytesIO(data), path, "cp949").wrong_encoding is None:
        decoded = "".join(TextFile(io.BytesIO(data), path, "utf-8"))
        encoding = "cp949" if re.search("[\udc80-\udcff]", decoded) else "utf-8"
    lines = list(TextFile(io.BytesIO(data), path, encoding))[:_SAMPLE_LINES]
    more = {"encoding": encoding} if encoding != "utf-8" else {}
    if file_format == "jsonl":
        documents = []
        for line in lines:
            try:
                documents.append(parse_json(line))
            except ValueError:
                continue
        found = _object_columns(d for d in documents if isinstance(d, dict))
        return dict.fromkeys(found, "text"), more
    header_line = lines[0].removeprefix("\ufeff") if lines else ""
    delimiter = max(",;\t|", key=header_line.count)
    if delimiter != ",":
        more["delimiter"] = delimiter
    names = next(csv_module.reader([header_line], delimiter=delimiter), [])
    return {name.strip(): "text" for name in names}, more


def _object_columns(documents: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Returns the narrowest type that takes all values of each key."""
    values: dict[str, list[Any]] = {}
    for document in documents:
        for name, value in document.items():
            values.setdefault(name, []).append(value)
    return {name: _narrowest([v for v in found if v is not None]) for name, found in values.items()}


def _narrowest(values: Sequence[Any]) -> str:
    candidates: tuple[tuple[str, type | tuple[type, ...]], ...] = (
        ("boolean", bool), ("bigint", int), ("double", (int, AsWritten)), ("date", str),
        ("timestamptz", str),
    )  # fmt: skip
    for kind, python in candidates:
        if values and all(isinstance(value, python) and _fits(value, kind) for value in values):
            return kind
    return "text"


def _fits(value: Any, kind: str) -> bool:
    try:
        as_type(value, kind)
    except ValueError:
        return False
    return True


def nothing_found(source: str) -> SourceError:
    """Returns the error of a source in which no table can be catalogued."""
    return SourceError(
        f"Source {source} holds no table that can be catalogued.",
        "Check its address; of a service, name the endpoints.",
    )
