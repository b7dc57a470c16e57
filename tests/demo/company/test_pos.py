"""The tills, on either of their two servers, are given the same rows and hold the same."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from demo.company.systems import mariadb
from demo.company.systems.pos import MariaDBPos, open_pos
from demo.company.systems.postgres import PostgresSystem
from demo.company.tables import POS
from warehouse.settings import Settings

DAY = date(2024, 1, 1)
SOLD_AT = datetime(2023, 12, 31, 16, 30, tzinfo=UTC)
STRANGE = "'; drop table receipts; -- \" \\ , 가"


def receipts(*rows: tuple[int, str | None, datetime]) -> pa.Table:
    """Returns receipts by number, phone and the time they were updated."""
    columns = [
        {
            "receipt_id": number,
            "store_id": 1,
            "till": 2,
            "membership_number": None,
            "phone": phone,
            "sold_at": SOLD_AT,
            "kind": "sale",
            "updated_at": updated_at,
        }
        for number, phone, updated_at in rows
    ]
    return pa.Table.from_pylist(columns, schema=POS["receipts"])


LATER = SOLD_AT + timedelta(hours=1)
FIRST = {"pos.receipts": receipts((1, None, SOLD_AT), (2, STRANGE, SOLD_AT), (2, "010", LATER))}
SECOND = {"pos.receipts": receipts((1, STRANGE, LATER + timedelta(days=1)), (3, None, LATER))}
HELD = [(1, STRANGE), (2, "010"), (3, None)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("the tills")
    yield place
    mariadb.stop(place)


@pytest.mark.usefixtures("needs_mariadb")
def test_mariadb_holds_each_receipt_as_it_was_last(folder: Path) -> None:
    system = MariaDBPos(folder)
    system.clear()
    assert system.last_day() is None
    assert system.take({DAY: FIRST}) == 2
    assert system.take({DAY + timedelta(days=1): SECOND}) == 2
    assert system.last_day() == DAY + timedelta(days=1)
    with system.server.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("select receipt_id, phone from receipts order by 1")
        assert list(cursor.fetchall()) == HELD
        cursor.execute("select distinct sold_at from receipts")
        assert cursor.fetchall() == ((SOLD_AT.replace(tzinfo=None),),)


@pytest.mark.usefixtures("needs_mariadb")
def test_a_day_that_fails_half_way_leaves_no_row_in_mariadb(folder: Path) -> None:
    system = MariaDBPos(folder)
    system.clear()
    lines = pa.Table.from_pylist([{"receipt_id": None}], schema=POS["receipt_lines"])
    with pytest.raises(Exception, match="receipt_id"):
        system.take({DAY: {**FIRST, "pos.receipt_lines": lines}})
    assert system.last_day() is None
    with system.server.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("select count(*) from receipts")
        assert cursor.fetchone() == (0,)


@pytest.mark.usefixtures("needs_mariadb")
def test_mariadb_starts_once_keeps_its_port_and_its_rows_and_stops(folder: Path) -> None:
    server = mariadb.start(folder)
    assert mariadb.start(folder) == server
    assert mariadb.is_up(folder)
    assert mariadb.stop(folder)
    assert not mariadb.is_up(folder)
    assert not mariadb.stop(folder)
    assert mariadb.start(folder) == server
    for name in ("password", "init.sql"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("needs_mariadb")
def test_a_server_that_was_killed_starts_again(folder: Path) -> None:
    system = MariaDBPos(folder)
    system.clear()
    system.take({DAY: FIRST})
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    while mariadb.is_up(folder):
        time.sleep(0.05)
    assert MariaDBPos(folder).last_day() == DAY


def test_postgresql_holds_the_same_and_stays_the_choice_of_the_installation(
    server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, living_crm_home=tmp_path, warehouse_url=server_url)  # type: ignore[call-arg,arg-type]
    monkeypatch.setattr(mariadb, "is_installed", lambda: False)
    system = open_pos(settings, tmp_path / "pos")
    system.clear()
    assert system.last_day() is None
    assert system.take({DAY: FIRST}) == 2
    assert system.take({DAY + timedelta(days=1): SECOND}) == 2
    monkeypatch.setattr(mariadb, "is_installed", lambda: True)
    again = open_pos(settings, tmp_path / "pos")
    assert isinstance(again, PostgresSystem)
    assert again.last_day() == DAY + timedelta(days=1)
    with psycopg.connect(again.address()["SOURCE_POS_URL"]) as connection:
        held = connection.execute("select receipt_id, phone from receipts order by 1").fetchall()
        sold = connection.execute("select distinct sold_at from receipts").fetchall()
    assert held == HELD
    assert sold == [(SOLD_AT,)]
