"""What the sources promised, for the rooms that judge or show it.

The room that loads validates the whole of `sources/catalog/<source>.yml`; here are the few keys
that others need.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from warehouse.errors import SourceError
from warehouse.settings import Settings

FILE_CURSOR = "_file_date"


@dataclass(frozen=True)
class SourceTable:
    """One catalogued table.

    Attributes:
        columns: name and type, as catalogued.
        cursor: the column that dates a row: a time, or `_file_date` for a dated drop.
        required: without it, or with it stale, the walk stops.
    """

    source: str
    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    cursor: str
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
        entry = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        try:
            tables += [
                SourceTable(
                    source=path.stem,
                    name=table["name"],
                    key=tuple(table["key"]),
                    columns=dict(table["columns"]),
                    cursor=table["cursor"],
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


def name_lists(settings: Settings) -> list[str]:
    """Returns the sources whose catalog entry says that they only list people, sorted."""
    return [
        path.stem
        for path in sorted(settings.catalog_dir.glob("*.yml"))
        if (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("is_name_list")
    ]
