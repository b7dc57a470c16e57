"""How a source's shape differs from its catalog entry: what is noted, and what stops the source.

A column the catalog does not list is noted, and its values land beside the catalogued ones. A
column that is gone, was renamed or changed its type stops the source: a nightly run must neither
fill it with nulls nor guess, and what is loaded stays as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from warehouse.errors import SourceError

Change = Literal["added", "dropped", "renamed", "retyped"]


@dataclass(frozen=True)
class SchemaChange:
    """One difference between a live table and its catalog entry."""

    table: str
    change: Change
    column: str
    detail: str


class SchemaChanged(SourceError):
    """A table lost a column, renamed one or changed its type.

    Attributes:
        changes: what changed, for `ops.schema_changes`.
    """

    def __init__(self, what: str, remedy: str, changes: tuple[SchemaChange, ...] = ()) -> None:
        super().__init__(what, remedy)
        self.changes = changes


def differences(
    table: str, declared: Mapping[str, str], found: Mapping[str, Iterable[str]]
) -> list[SchemaChange]:
    """Returns how the columns found differ from those declared.

    Args:
        declared: the catalogued columns and their types.
        found: the columns there are, each with the catalog types it can be read as.
    """
    added = [name for name in found if name not in declared]
    changes: list[SchemaChange] = []
    renamed: set[str] = set()
    gone = [name for name in declared if name not in found]
    for name in gone:
        alike = [new for new in added if _base(declared[name]) in found[new]]
        if len(alike) == 1 and len(gone) == 1:
            renamed.add(alike[0])
            detail = f"no column {name} but a new one {alike[0]}: it seems to be renamed"
            changes.append(SchemaChange(table, "renamed", name, detail))
        else:
            changes.append(SchemaChange(table, "dropped", name, f"no column {name}"))
    for name, kind in declared.items():
        if name in found and _base(kind) not in found[name]:
            is_now = " or ".join(found[name])
            detail = f"a column {name} that is {is_now} and the catalog says {kind}"
            changes.append(SchemaChange(table, "retyped", name, detail))
    for name in added:
        if name not in renamed:
            detail = f"a column {name} that the catalog does not list"
            changes.append(SchemaChange(table, "added", name, detail))
    return changes


def stopping(changes: Iterable[SchemaChange]) -> tuple[SchemaChange, ...]:
    """Returns the changes that stop the source."""
    return tuple(change for change in changes if change.change != "added")


def changed(source: str, where: str, changes: Iterable[SchemaChange]) -> SchemaChanged:
    """Returns the error that names every change that stops the source.

    Args:
        where: what has the new shape: a table, or a file of one.
    """
    stops = stopping(changes)
    return SchemaChanged(
        f"{where} has {'; '.join(change.detail for change in stops)}.",
        f"Restore it, or correct {source}.yml and its staging model; what is loaded stays as it "
        "is.",
        stops,
    )


def _base(kind: str) -> str:
    return kind.partition("(")[0]
