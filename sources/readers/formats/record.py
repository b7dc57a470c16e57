"""What every format hands over: records, and where a whole file is at fault, that."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sources.readers.reading import Reading
from sources.readers.shape import changed, differences, stopping
from warehouse.errors import SourceError

# What PostgreSQL's text does not take: zero bytes, and lone surrogates, as which Python keeps the
# bytes that an encoding does not know.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class UnreadableFile(Exception):
    """The file, or what is left of it, cannot be read; the text says why.

    Attributes:
        line: where it breaks.
        raw: the beginning of the row that broke.
    """

    def __init__(self, reason: str, line: int = 1, raw: str = "") -> None:
        super().__init__(reason)
        self.line, self.raw = line, raw


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file.

    Attributes:
        line: where in the file it begins.
        values: what it holds, in the order of the catalogued columns.
        extra: what else it holds, as a JSON object in text.
        fault: why it cannot be used; None for a good row.
        raw: a faulty row as it came.
    """

    line: int
    values: Sequence[Any] = ()
    extra: str | None = None
    fault: str | None = None
    raw: str = ""


def unstorable(text: str, encoding: str) -> str | None:
    """Returns what in a text PostgreSQL would not take, None where all is well."""
    found = _UNSTORABLE.search(text)
    if not found:
        return None
    return "a zero byte" if found[0] == "\0" else f"bytes that are not {encoding}"


def storable(text: str, encoding: str) -> str:
    r"""Returns a text as it came, undecodable bytes and zero bytes written as \xNN."""
    try:
        raw = text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that was no byte, but written as such
        raw = text.encode(encoding, "backslashreplace")
    return raw.decode(encoding, "backslashreplace").replace("\0", "\\x00")


def check_names(
    reading: Reading, where: str, names: Sequence[str], types: Mapping[str, str] | None = None
) -> None:
    """Compares the columns found by name with the catalog, and notes new ones.

    Args:
        types: the catalog's types of the columns found; text where it does not say.

    Raises:
        SourceError: a column stands twice.
        SchemaChanged: a catalogued column is not there.
    """
    declared = reading.table.columns
    for name in declared:
        if names.count(name) > 1:
            raise SourceError(
                f"{where} has twice the column {name}.",
                "Have it delivered again; what is loaded stays as it is.",
            )
    # Whether the values fit the catalogued type is seen when they are read.
    kinds = {**(types or {}), **{name: kind.partition("(")[0] for name, kind in declared.items()}}
    found = {name: (kinds.get(name, "text"),) for name in names if name}
    changes = differences(reading.table.name, declared, found)
    if stopping(changes):
        raise changed(reading.source, where, changes)
    reading.note(changes)
