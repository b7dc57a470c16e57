"""JSON lines: one object a line. A key that a line lacks is null there."""

from collections.abc import Iterator
from typing import IO, Any

from sources.catalog import FileTable
from sources.readers.formats.opening import TextFile
from sources.readers.formats.record import Record, storable, unstorable
from sources.readers.objects import Objects
from sources.readers.reading import Reading
from sources.readers.values import parse_json


def records(file: str, table: FileTable, stream: IO[bytes], reading: Reading) -> Iterator[Record]:
    """Yields the lines; blank ones are none.

    Raises:
        UnreadableFile: the file is empty, or the rest of it is cut off.
        SchemaChanged: no line of many has a catalogued column.
    """
    text = TextFile(stream, file, table.encoding)
    objects = Objects(reading, f"File {file} of {reading.name}")
    for number, line in enumerate(text, start=1):
        content = line.removeprefix("\ufeff").strip() if number == 1 else line.strip()
        if not content:
            continue
        fault = text.wrong_encoding or unstorable(content, table.encoding)
        document = None
        if fault is None:
            try:
                document = parse_json(content)
            except ValueError:
                fault = "no JSON"
        values: list[Any] = []
        extra = None
        if fault is None:
            values, extra, fault = objects.row(document)
        if fault:
            yield Record(number, fault=fault, raw=storable(line, table.encoding))
        else:
            yield Record(number, values, extra)
    objects.finish()
    text.check_end()
