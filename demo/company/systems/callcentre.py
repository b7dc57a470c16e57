"""The call centre: a REST service in a process of its own, over a SQLite file in its folder."""

import json
import logging
import secrets
import socket
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path

from typing_extensions import override

from demo.company.systems import process
from demo.company.systems.system import (
    KEYS,
    Days,
    System,
    as_json,
    as_texts,
    gathered,
    newest_versions,
)
from demo.company.tables import CALLCENTRE
from warehouse.files import write_whole

logger = logging.getLogger(__name__)

# `body` is the row as the service answers it; the other columns are what it searches by.
_TABLES = """
    drop table if exists cases;
    drop table if exists staffing;
    drop table if exists days;
    create table cases (case_id integer primary key, updated_at text not null, body text not null);
    create index cases_updated_at on cases (updated_at, case_id);
    create table staffing (
        department text, month text, body text not null, primary key (department, month)
    );
    create table days (day text primary key);
"""
_COLUMNS = {"cases": ["case_id", "updated_at"], "staffing": ["department", "month"]}


def start(folder: Path) -> str:
    """Starts the service of this folder unless it runs, and returns its address.

    Raises:
        SourceError: it does not come up.
    """
    if not is_up(folder):
        if not (folder / "token").exists():
            write_whole(folder / "token", secrets.token_hex(16).encode(), private=True)
        port = process.choose_port(folder)
        command = [sys.executable, "-m", "demo.company.systems.callcentre_service", str(folder)]
        process.launch(folder, command, lambda: _listens(port))
    return f"http://127.0.0.1:{process.port(folder)}"


def stop(folder: Path) -> bool:
    """Stops the service of this folder; returns whether it ran."""
    return process.stop(folder)


def is_up(folder: Path) -> bool:
    """Tells whether the service of this folder runs."""
    return process.pid(folder) is not None


def set_faults(folder: Path, faults: Mapping[str, int | bool]) -> None:
    """Makes the running service misbehave from its next answer on; no faults mend it.

    Args:
        faults: fields of `callcentre_service.Faults`.
    """
    if faults:
        write_whole(folder / "faults.json", json.dumps(faults).encode())
    else:
        (folder / "faults.json").unlink(missing_ok=True)


class CallCentre(System):
    """The cases and staffing behind the service; the last day stands in the same file."""

    name = "callcentre"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = folder / "cases.sqlite"
        if not self._store.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.clear()

    @override
    def address(self) -> Mapping[str, str]:
        url = start(self.folder)
        token = (self.folder / "token").read_text()
        return {"SOURCE_CALLCENTRE_URL": url, "SOURCE_CALLCENTRE_TOKEN": token}

    @override
    def last_day(self) -> date | None:
        with closing(sqlite3.connect(self._store)) as connection:
            (day,) = connection.execute("select max(day) from days").fetchone()
        return date.fromisoformat(day) if day else None

    @override
    def take(self, days: Days) -> int:
        written = 0
        with closing(sqlite3.connect(self._store)) as connection, connection:
            for table in CALLCENTRE:
                rows = gathered(days, f"callcentre.{table}")
                if rows is None:
                    continue
                rows = newest_versions(rows, KEYS[f"callcentre.{table}"])
                searched = (as_texts(rows[name]).to_pylist() for name in _COLUMNS[table])
                connection.executemany(
                    f"insert or replace into {table} values (?, ?, ?)",  # noqa: S608
                    zip(*searched, as_json(rows).to_pylist(), strict=True),
                )
                written += rows.num_rows
            connection.execute("insert into days values (?)", (f"{max(days)}",))
        logger.info("callcentre: %d rows added or changed", written)
        return written

    @override
    def clear(self) -> None:
        with closing(sqlite3.connect(self._store)) as connection:
            connection.execute("pragma journal_mode = wal")  # the service reads while it is filled
            connection.executescript(_TABLES)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
