"""The four systems that drop dated files into a folder: `crm`, `web`, `survey` and `mailer`.

A file under its name is whole, and is made of the same bytes whenever it is made again.
"""

import gzip
import io
import logging
import re
import shutil
import zipfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from typing_extensions import override

from demo.company.systems.system import DayRows, Days, System, as_json
from demo.company.tables import CRM, MAILER, SURVEY, WEB
from warehouse.files import write_whole

logger = logging.getLogger(__name__)

_MONDAY = 0
_NO_ANSWERS = SURVEY["responses"].empty_table()
_FIRST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class FileDrops(System):
    """A folder of drops; its last day stands in a file beside it."""

    def __init__(self, folder: Path) -> None:
        """Opens the system whose drops are in `folder`/<its name>."""
        self.folder = folder / self.name
        self._mark = folder / f"{self.name}.last_day"

    @override
    def address(self) -> Mapping[str, str]:
        return {f"SOURCE_{self.name.upper()}_URL": f"file://{self.folder}"}

    @override
    def clear(self) -> None:
        self._mark.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)


class DailyDrops(FileDrops):
    """A folder of drops that hold what the day brought."""

    @override
    def last_day(self) -> date | None:
        return date.fromisoformat(self._mark.read_text()) if self._mark.exists() else None

    @override
    def take(self, days: Days) -> int:
        written = files = 0
        for day, rows in days.items():
            for name, content in self._drops(day, rows):
                write_whole(self.folder / name, content)
                files += 1
            written += sum(
                len(table) for name, table in rows.items() if name.startswith(f"{self.name}.")
            )
        write_whole(self._mark, f"{max(days)}".encode())
        logger.info("%s: %d files, %d rows", self.name, files, written)
        return written

    @abstractmethod
    def _drops(self, day: date, rows: DayRows) -> Iterator[tuple[str, bytes]]:
        """Yields path and content of each file the system drops on a day."""


class Crm(DailyDrops):
    """CSV as an old office tool on Windows saves it: CP949, what it cannot hold as `?`."""

    name = "crm"

    @override
    def _drops(self, day: date, rows: DayRows) -> Iterator[tuple[str, bytes]]:
        for table in CRM:
            if f"crm.{table}" in rows:
                yield f"{table}_{day}.csv", _as_cp949_csv(rows[f"crm.{table}"])


class Web(DailyDrops):
    """A log file a day from its first event on, also for a day without any."""

    name = "web"

    @override
    def _drops(self, day: date, rows: DayRows) -> Iterator[tuple[str, bytes]]:
        first = min((path.name for path in self.folder.iterdir()), default=f"{day}")
        if "web.events" in rows or f"{day}" > first:
            events = rows.get("web.events", WEB["events"].empty_table())
            yield f"{day}/events.jsonl.gz", _as_json_lines(events)


class Survey(FileDrops):
    """A workbook every Monday with the week's answers; the times in its cells are UTC.

    The answers of the unfinished week wait in the file that holds the last day, so that both
    always belong together.
    """

    name = "survey"

    @override
    def last_day(self) -> date | None:
        if not self._mark.exists():
            return None
        return date.fromisoformat(pq.read_schema(self._mark).metadata[b"last_day"].decode())

    @override
    def take(self, days: Days) -> int:
        week = [pq.read_table(self._mark) if self._mark.exists() else _NO_ANSWERS]
        written = 0
        for day, rows in days.items():
            answers = rows.get("survey.responses", _NO_ANSWERS)
            week.append(answers)
            written += answers.num_rows
            if day.weekday() == _MONDAY:
                write_whole(self.folder / f"responses_{day}.xlsx", _as_workbook(_joined(week)))
                week = [_NO_ANSWERS]
        waiting = _joined(week).replace_schema_metadata({"last_day": f"{max(days)}"})
        write_whole(self._mark, _as_parquet(waiting))
        logger.info("survey: %d rows", written)
        return written


class Mailer(DailyDrops):
    """Parquet in a folder a day; no news is a file without rows, but for campaigns."""

    name = "mailer"

    @override
    def _drops(self, day: date, rows: DayRows) -> Iterator[tuple[str, bytes]]:
        for table, schema in MAILER.items():
            if f"mailer.{table}" in rows:
                yield f"{day}/{table}.parquet", _as_parquet(rows[f"mailer.{table}"])
            elif table != "campaigns":
                yield f"{day}/{table}.parquet", _as_parquet(schema.empty_table())


def _as_cp949_csv(rows: pa.Table) -> bytes:
    """Writes every value in quotes; an empty cell without quotes is a missing value."""
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(rows, buffer)
    text = buffer.getvalue().decode().replace("\r\n", "\n").replace("\n", "\r\n")
    return text.encode("cp949", errors="replace")


def _as_json_lines(events: pa.Table) -> bytes:
    lines = "".join(f"{line}\n" for line in as_json(events).to_pylist())
    return gzip.compress(lines.encode(), compresslevel=1, mtime=0)


def _as_parquet(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer)
    return buffer.getvalue()


def _joined(parts: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(part.replace_schema_metadata() for part in parts)


def _as_workbook(rows: pa.Table) -> bytes:
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("responses")
    sheet.append(rows.column_names)
    for row in rows.to_pylist():
        # A workbook knows neither zones nor parts of a millisecond.
        answered_at = row["answered_at"].astimezone(UTC).replace(tzinfo=None, microsecond=0)
        sheet.append([*(row | {"answered_at": answered_at}).values()])
    buffer = io.BytesIO()
    workbook.save(buffer)
    return _without_times(buffer.getvalue())


def _without_times(workbook: bytes) -> bytes:
    """Takes out of a workbook when it was made, which is in its properties and in its archive."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as made,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as timeless,
    ):
        for name in sorted(made.namelist()):
            content = made.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"<dcterms:(\w+)[^>]*>[^<]*</dcterms:\1>", b"", content)
            entry = zipfile.ZipInfo(name, _FIRST_ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            timeless.writestr(entry, content)
    return buffer.getvalue()
