"""What the sources promised, for the rooms that judge or show it.

The room that loads validates the whole of `sources/catalog/<source>.yml`; here are the few keys
that others need.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from warehouse.errors import SourceError
from warehouse.files import read_yaml
from warehouse.settings import Settings

FILE_CURSOR = "_file_date"

# What a column may hold of a person, by the names of the feed `persons`, or the day that somebody
# last went over the row.
FieldKind = Literal[
    "person_name", "phone", "email", "birth_date", "postcode", "address", "edited_on"
]


@dataclass(frozen=True)
class SourceTable:
    """One catalogued table.

    Attributes:
        columns: name and type, as catalogued.
        cursor: the column that dates a row: a time, or `_file_date` for a dated drop.
        mode: append, upsert or snapshot.
        fields: the kind of each column that holds something of a person.
        lasting: its rows are things that last and are judged as they stand, not what happened.
        tells_persons: its rows are person records: its staging model provides the feed `persons`.
        required: without it, or with it stale, the walk stops.
    """

    source: str
    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    cursor: str
    mode: str
    fields: Mapping[str, FieldKind]
    lasting: bool
    tells_persons: bool
    fresh_within_hours: int
    required: bool

    @property
    def raw_schema(self) -> str:
        """The schema its rows are loaded to."""
        return f"raw_{self.source}"

    @property
    def arrives_in_drops(self) -> bool:
        """Whether a whole file is dated, and not each row."""
        return self.cursor == FILE_CURSOR


def source_tables(settings: Settings) -> list[SourceTable]:
    """Returns every table of every catalogued source, by source and then as catalogued.

    Raises:
        SourceError: there is no catalog entry, or one lacks a key.
    """
    tables: list[SourceTable] = []
    for path in sorted(settings.catalog_dir.glob("*.yml")):
        entry = read_yaml(path) or {}
        try:
            tables += [
                SourceTable(
                    source=path.stem,
                    name=table["name"],
                    key=tuple(table["key"]),
                    columns=dict(table["columns"]),
                    cursor=table["cursor"],
                    mode=table["mode"],
                    fields=table.get("fields", {}),
                    lasting=table.get("lasting", False),
                    tells_persons=f"stg_{path.stem}__{table['name']}" in _person_models(entry),
                    fresh_within_hours=table["fresh_within_hours"],
                    required=table["required"],
                )
                for table in entry["tables"]
            ]
        except (KeyError, TypeError) as error:
            raise SourceError(
                f"{path.name}: a table lacks {error}.", "Complete it as CONTRIBUTING.md shows."
            ) from None
    if not tables:
        raise SourceError(
            f"No source is catalogued in {settings.catalog_dir}.", "Write its catalog entry."
        )
    return tables


def _person_models(entry: Mapping[str, Any]) -> Collection[str]:
    """Returns the staging models that provide the feed `persons`."""
    models: str | list[str] = entry.get("feeds", {}).get("persons", [])
    return [models] if isinstance(models, str) else models


def name_lists(settings: Settings) -> list[str]:
    """Returns the sources whose catalog entry says that they only list people, sorted."""
    return [
        path.stem
        for path in sorted(settings.catalog_dir.glob("*.yml"))
        if (read_yaml(path) or {}).get("is_name_list")
    ]
