"""JSON objects as rows: what a line of a file and a record of a service have in common."""

from typing import Any

from sources.readers.formats.record import unstorable
from sources.readers.reading import Reading
from sources.readers.shape import changed, differences, stopping
from sources.readers.values import as_type, extra_of

# A column is gone when so many objects lack it: a few may leave out what is null.
_ENOUGH_OBJECTS = 100


class Objects:
    """Turns objects into rows, and remembers which columns were seen.

    Args:
        where: what holds the objects, for messages.
    """

    def __init__(self, reading: Reading, where: str) -> None:
        self._reading, self._where = reading, where
        self._seen: set[str] = set()
        self._count = 0

    def row(self, document: Any) -> tuple[list[Any], str | None, str | None]:
        """Returns the catalogued values, the rest as JSON text, and why the row is unusable."""
        if not isinstance(document, dict):
            return [], None, "no JSON object"
        self._count += 1
        self._seen.update(document)
        values = []
        for name, kind in self._reading.table.columns.items():
            try:
                values.append(as_type(document.get(name), kind))
            except ValueError as error:
                return [], None, f"{name} {error}"
        extra = extra_of(document, self._reading.table.columns)
        for text in (*values, extra):
            if isinstance(text, str):
                fault = unstorable(text, "characters")
                if fault:
                    return [], None, fault
        return values, extra, None

    def finish(self) -> None:
        """Compares the columns seen with the catalog, and notes new ones.

        Raises:
            SchemaChanged: none of many objects has a catalogued column.
        """
        declared = self._reading.table.columns
        found = {name: (declared.get(name, "text").partition("(")[0],) for name in self._seen}
        changes = differences(self._reading.table.name, declared, found)
        if self._count >= _ENOUGH_OBJECTS and stopping(changes):
            raise changed(self._reading.source, self._where, changes)
        self._reading.note(changes)
