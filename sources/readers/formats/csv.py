"""CSV: every value stays text. One bad line never takes good ones with it."""

import csv
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from sources.catalog import FileTable
from sources.readers.formats.opening import TextFile
from sources.readers.formats.record import (
    Record,
    UnreadableFile,
    check_names,
    storable,
    unstorable,
)
from sources.readers.reading import Reading

# The longest value. A stray quote is searched for its partner no further than this.
_MAX_CHARACTERS = 4 * 1024 * 1024


def records(file: str, table: FileTable, stream: IO[bytes], reading: Reading) -> Iterator[Record]:
    """Yields the rows below the header; blank lines are none.

    Raises:
        UnreadableFile: the file is empty or holds no header.
        SchemaChanged: the header lacks a catalogued column.
    """
    text = TextFile(stream, file, table.encoding)
    lines = _parsed(text, table.delimiter)
    header = next(lines, None)
    if header is None or header.fault:
        raise UnreadableFile("the file has no header")
    names = [name.removeprefix("\ufeff").strip() for name in header.fields]
    check_names(reading, f"File {file} of {reading.name}", names)
    places = [names.index(name) for name in table.columns]
    others = [place for place, name in enumerate(names) if name and name not in table.columns]
    for line in lines:
        fault = text.wrong_encoding or _fault(line, len(names), table.encoding)
        if fault:
            yield Record(line.number, fault=fault, raw=storable(line.text, table.encoding))
            continue
        extra = {names[place]: line.fields[place] for place in others}
        yield Record(
            line.number,
            [line.fields[place] for place in places],
            json.dumps(extra, ensure_ascii=False) if extra else None,
        )
    text.check_end()


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    fields: list[str]
    fault: str | None


def _fault(line: _Line, width: int, encoding: str) -> str | None:
    if line.fault:
        return line.fault
    if len(line.fields) != width:
        return f"{len(line.fields)} fields where the header has {width}"
    return unstorable(line.text, encoding)


def _parsed(lines: TextFile, delimiter: str) -> Iterator[_Line]:
    """Yields the parsed rows of a CSV.

    A stray quote makes the parser swallow the lines up to the next one. Such a row is not
    believed: its first line alone is given up and reading goes on behind it.
    """
    csv.field_size_limit(_MAX_CHARACTERS)
    source = _Lines(iter(lines))
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    width: int | None = None
    number = 1
    while True:
        fault = None
        try:
            fields = next(reader, None)
        except csv.Error as error:
            fields, fault = [], str(error)
        if fields is None:
            return
        if len(source.taken) > 1 and (fault or (width is not None and len(fields) != width)):
            source.give_back_all_but_first()
            fields, fault = [], "a quote opens that does not close in this record"
        if fields or fault:
            width = width or len(fields)
            yield _Line(number, "".join(source.taken), fields, fault)
        number += len(source.taken)
        source.taken.clear()


class _Lines:
    """An iterator of lines that knows what was taken and takes it back, also after its end."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._given_back: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._lines)
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        self._given_back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
