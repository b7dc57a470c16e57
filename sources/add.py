"""Writes a first catalog entry and first staging models of a source from what stands there.

What is written is a beginning: keys, cursors, promises and rules are a person's to decide. Nothing
that exists is overwritten.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from sources.looks import look_at_database, look_at_folder, look_at_service, nothing_found
from warehouse.errors import SourceError
from warehouse.settings import Settings

Reader = Literal["sql", "files", "rest"]


def add_source(
    settings: Settings,
    name: str,
    url: str,
    *,
    reader: Reader,
    db_schema: str | None = None,
    token: str | None = None,
    endpoints: Sequence[str] = (),
    staging_dir: Path | None = None,
) -> list[Path]:
    """Writes the catalog entry, the declaration of the raw tables and a staging model per table.

    Args:
        db_schema: of a database, where its tables stand.
        token: of a service, what it asks for.
        endpoints: of a service, what to look at.
        staging_dir: where the staging models go instead of the data set's folder.

    Returns:
        The files written.

    Raises:
        SourceError: the source cannot be looked at, holds nothing, or one of the files exists.
    """
    looks = {
        "sql": lambda: look_at_database(name, url, db_schema),
        "files": lambda: look_at_folder(name, url),
        "rest": lambda: look_at_service(name, url, token, endpoints),
    }
    tables = looks[reader]()
    if not tables:
        raise nothing_found(name)
    entry: dict[str, Any] = {"description": f"Tables of {name}.", "reader": reader}
    if db_schema:
        entry["db_schema"] = db_schema
    folder = (staging_dir or settings.staging_dir) / name
    texts = {
        settings.catalog_dir / f"{name}.yml": _catalog(entry | {"tables": tables}),
        folder / f"_{name}__sources.yml": _declaration(name, tables),
    }
    for table in tables:
        model = f"stg_{name}__{table['name']}"
        texts[folder / f"{model}.sql"] = _model(name, table)
        texts[folder / f"{model}.yml"] = _description(name, model, table)
    for path in texts:
        if path.exists():
            raise SourceError(f"{path.name} exists.", "Move it away, or complete it by hand.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return list(texts)


def _catalog(entry: Mapping[str, Any]) -> str:
    lead = (
        "# Written from what the source holds. Go over every key, cursor, mode and promise, then\n"
        "# name the feeds that the staging models provide.\n"
    )
    return lead + _yaml(entry)


def _own_columns(table: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Returns what the load adds to a table's columns: type and description."""
    columns: dict[str, tuple[str, str]] = {}
    if "path" in table:
        columns |= {
            "_file_name": ("text", "The drop the row came in."),
            "_file_date": ("date", "The drop's day."),
            "_file_row_number": ("bigint", "The row's place in the drop."),
        }
    if table["cursor"] == "_snapshot_at":
        columns |= {"_snapshot_at": ("timestamptz", "The day the whole table was read for.")}
    return columns | {
        "_extra": ("text", "What the catalog does not list, as a JSON object."),
        "_dlt_load_id": ("text", "The load that brought the row."),
        "_dlt_id": ("text", "The row's own id."),
    }


def _declaration(source: str, tables: Sequence[Mapping[str, Any]]) -> str:
    declared = []
    for table in tables:
        columns: list[dict[str, Any]] = []
        for column, kind in table["columns"].items():
            declaration: dict[str, Any] = {"name": column, "data_type": kind}
            if column in (*table["key"], table["cursor"]):
                declaration["config"] = {"meta": {"required": True}}
            columns.append(declaration)
        columns += [
            {"name": column, "data_type": kind, "description": text}
            for column, (kind, text) in _own_columns(table).items()
        ]
        declared.append({"name": table["name"], "columns": columns})
    entry = {
        "name": source, "schema": f"raw_{source}",
        "description": f"The tables of {source} as they were read, every version of every row.",
        "tables": declared,
    }  # fmt: skip
    return _yaml({"version": 2, "sources": [entry]})


def _model(source: str, table: Mapping[str, Any]) -> str:
    name, cursor = table["name"], table["cursor"]
    columns = list(table["columns"])
    read = [*columns, *([cursor] if cursor.startswith("_") else []), "_dlt_load_id"]
    renamed = {"_file_date": "reported_date", "_snapshot_at": "snapshot_at"}
    typed = [
        f'{{{{ trimmed("{column}") }}}} as {column}' if kind == "text" else column
        for column, kind in table["columns"].items()
    ]
    own = [cursor] if cursor in renamed else []
    final = [*typed, *(f"{c} as {renamed[c]}" for c in own), "_dlt_load_id as load_id"]
    out = [*columns, *(renamed[c] for c in own), "load_id"]
    return f"""-- {name.replace("_", " ").capitalize()} of {source}.
-- Grain: one row per {_grain(table)}.
with {name}_rows as (
    select
        {_listed(read, 8)}
    from {{{{ source("{source}", "{name}") }}}}
    where {{{{ is_accepted("{source}", "{name}") }}}}
),

final as (
    select
        {_listed(final, 8)}
    from {name}_rows
)

select
    {_listed(out, 4)}
from final
"""  # noqa: S608 a model's text, not a statement


def _description(source: str, model: str, table: Mapping[str, Any]) -> str:
    name = table["name"].replace("_", " ").capitalize()
    columns = [{"name": c, "data_type": kind} for c, kind in table["columns"].items()]
    if table["cursor"] == "_file_date":
        columns.append({"name": "reported_date", "data_type": "date"})
    if table["cursor"] == "_snapshot_at":
        columns.append({"name": "snapshot_at", "data_type": "timestamptz"})
    columns.append({"name": "load_id", "data_type": "text"})
    entry = {
        "name": model,
        "description": f"{name} of {source}. Grain: one row per {_grain(table)}.",
        "columns": columns,
    }
    return _yaml({"version": 2, "models": [entry]})


def _grain(table: Mapping[str, Any]) -> str:
    what = {"_file_date": "drop", "_snapshot_at": "night"}.get(table["cursor"], "version")
    return f"{', '.join(table['key'])} and {what}"


def _listed(items: Sequence[str], indent: int) -> str:
    return (",\n" + " " * indent).join(items)


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
