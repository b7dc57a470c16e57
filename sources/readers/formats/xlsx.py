"""Spreadsheets: the first sheet, its header row, every value as text, times and numbers as ISO."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from sources.catalog import FileTable
from sources.readers.formats.record import Record, UnreadableFile, check_names, unstorable
from sources.readers.reading import Reading
from sources.readers.values import as_text

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, ParseError)


def records(file: str, table: FileTable, stream: IO[bytes], reading: Reading) -> Iterator[Record]:
    """Yields the rows below the header; blank ones are none.

    Raises:
        UnreadableFile: the file is no spreadsheet, or the rest of it is damaged.
        SchemaChanged: the header lacks a catalogued column.
    """
    rows = sheet_rows(stream)
    header = next(rows, None)
    if header is None:
        raise UnreadableFile("the first sheet is empty")
    names = [(as_text(name) or "").strip() for name in header]
    check_names(reading, f"File {file} of {reading.name}", names)
    places = [names.index(name) for name in table.columns]
    others = [place for place, name in enumerate(names) if name and name not in table.columns]
    for number, cells in enumerate(rows, start=2):
        if not cells:
            continue
        texts = [as_text(cell) for cell in cells] + [None] * (len(names) - len(cells))
        fault = (
            f"{len(texts)} cells where the header has {len(names)}"
            if len(texts) > len(names)
            else next(filter(None, (unstorable(text or "", "characters") for text in texts)), None)
        )
        if fault:
            raw = json.dumps(texts, ensure_ascii=True).replace("\\u0000", "\\x00")
            yield Record(number, fault=fault, raw=raw)
            continue
        extra = {names[place]: texts[place] for place in others}
        yield Record(
            number,
            [texts[place] for place in places],
            json.dumps(extra, ensure_ascii=False) if extra else None,
        )


def sheet_rows(stream: IO[bytes]) -> Iterator[list[Any]]:
    """Yields the rows of the first sheet, without the blank cells at their ends."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    if not stream.read(1):
        raise UnreadableFile("the file is empty")
    stream.seek(0)
    try:
        workbook = load_workbook(stream, read_only=True, data_only=True)
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # some programs write them wrong
        for row in sheet.iter_rows(values_only=True):
            cells = list(row)
            while cells and cells[-1] is None:
                cells.pop()
            yield cells
        workbook.close()
    except (*_DAMAGED, InvalidFileException, IndexError):
        raise UnreadableFile("the file is no spreadsheet or is cut off") from None
