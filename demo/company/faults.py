"""Breaks a source system on purpose, and mends it: to see what the walk makes of it.

What a scenario takes away is kept, so that a mended system is byte for byte as it was: a drop in a
folder beside the systems, a table's rows in a schema of their own. Several scenarios may be in
force at once, but none beside another of the same system.
"""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import psycopg

from demo.company.installation import SHOP_DATABASE, company_folder
from demo.company.systems import callcentre
from warehouse.connections import connect, sibling_url, warehouse_url
from warehouse.errors import SettingsError, SourceError
from warehouse.files import write_whole
from warehouse.settings import Settings

STALE_DAYS = 5


class Scenario(NamedTuple):
    """A way to break.

    Attributes:
        systems: those that it breaks.
        text: what is seen of it.
        happen: does it, and returns what was done.
    """

    systems: frozenset[str]
    text: str
    happen: Callable[[Settings], str]


def refuse_scenarios(settings: Settings, scenarios: Sequence[str]) -> None:
    """Refuses what cannot be broken.

    Raises:
        SettingsError: there is no such scenario, two are of one system, or others are in force.
    """
    for scenario in scenarios:
        if scenario not in SCENARIOS:
            raise SettingsError(
                f"There is no scenario {scenario!r}.", f"Choose one of {', '.join(SCENARIOS)}."
            )
    for one, other in combinations(scenarios, 2):
        if shared := SCENARIOS[one].systems & SCENARIOS[other].systems:
            raise SettingsError(
                f"{one} and {other} would both break {', '.join(sorted(shared))}.",
                "Leave one of them out.",
            )
    if in_force := broken_by(settings):
        raise SettingsError(f"In force: {', '.join(in_force)}.", "Mend it before you break more.")


def break_source(settings: Settings, *scenarios: str) -> str:
    """Breaks systems as the scenarios say; returns what was done.

    Raises:
        SettingsError: as `refuse_scenarios` does.
        SourceError: the company is not laid down, or has nothing to break.
    """
    refuse_scenarios(settings, scenarios)
    folder = company_folder(settings)
    if not folder.exists():
        raise SourceError("The demo company is not laid down.", "Run living-crm demo first.")
    # Recorded before anything is broken: a break that was killed half way can be mended.
    write_whole(_record(folder), json.dumps({"scenarios": scenarios}).encode())
    try:
        return " ".join([SCENARIOS[scenario].happen(settings) for scenario in scenarios])
    except SourceError:
        mend(settings)
        raise


def mend(settings: Settings) -> str:
    """Makes whatever is broken as it was before; returns what was done."""
    folder = company_folder(settings)
    scenarios = broken_by(settings)
    if not scenarios:
        return "Nothing is broken."
    for kept in sorted(path for path in _kept(folder).rglob("*") if path.is_file()):
        original = folder / kept.relative_to(_kept(folder))
        original.parent.mkdir(parents=True, exist_ok=True)
        kept.rename(original)
    callcentre.set_faults(folder / "callcentre", {})
    with connect(_shop_url(settings)) as connection:
        _bring_back_points(connection)
        if _has_column(connection, "members", "mobile_number"):
            connection.execute("alter table members rename column mobile_number to phone")
    _record(folder).unlink()
    return f"Mended: {', '.join(scenarios)}."


def broken_by(settings: Settings) -> list[str]:
    """Returns the scenarios in force."""
    record = _record(company_folder(settings))
    scenarios: list[str] = json.loads(record.read_text())["scenarios"] if record.exists() else []
    return scenarios


def _break_late(settings: Settings) -> str:
    folder = company_folder(settings)
    day = _newest(folder / "web")
    files = sorted(path for path in folder.glob(f"*/{day.name}/*") if path.is_file())
    for path in files:
        _take_away(settings, path)
    for place in {path.parent for path in files}:
        place.rmdir()
    return f"{len(files)} drops of {day.name} are missing."


def _break_half_the_rows(settings: Settings) -> str:
    path = _newest(company_folder(settings) / "web") / "events.jsonl.gz"
    lines = gzip.decompress(_take_away(settings, path)).splitlines(keepends=True)
    half = b"".join(lines[: len(lines) // 2])
    write_whole(path, gzip.compress(half, mtime=0))
    return f"The log of {path.parent.name} holds {len(lines) // 2} of {len(lines)} events."


def _break_wrong_encoding(settings: Settings) -> str:
    path = _newest(company_folder(settings) / "crm", "name_list_*.csv")
    write_whole(path, _take_away(settings, path).decode("cp949").encode())
    return f"{path.name} is UTF-8."


def _break_stale(settings: Settings) -> str:
    with connect(_shop_url(settings)) as connection:
        connection.execute("create schema kept")
        connection.execute(
            "create table kept.points_entries as select * from points_entries where updated_at >"
            " (select max(updated_at) - %s from points_entries)",
            (timedelta(days=STALE_DAYS),),
        )
        deleted = connection.execute(
            "delete from points_entries using kept.points_entries as kept"
            " where points_entries.entry_id = kept.entry_id"
        )
        return f"{deleted.rowcount} entries of {STALE_DAYS} days are missing in points_entries."


def _break_renamed_column(settings: Settings) -> str:
    with connect(_shop_url(settings)) as connection:
        connection.execute("alter table members rename column phone to mobile_number")
    return "members.phone is called mobile_number."


def _break_api_down(settings: Settings) -> str:
    callcentre.set_faults(company_folder(settings) / "callcentre", {"is_down": True})
    return "The call centre closes every connection."


SCENARIOS: Mapping[str, Scenario] = {
    "late": Scenario(
        frozenset({"web", "mailer"}),
        "The drops of the last day are missing: the web's log and the mailer's files.",
        _break_late,
    ),
    "stale": Scenario(
        frozenset({"shop"}), "The shop's ledger of points stopped five days ago.", _break_stale
    ),
    "renamed_column": Scenario(
        frozenset({"shop"}),
        "The shop's members have their phone in a column of another name.",
        _break_renamed_column,
    ),
    "half_the_rows": Scenario(
        frozenset({"web"}),
        "The web's log of the last day breaks off half way.",
        _break_half_the_rows,
    ),
    "wrong_encoding": Scenario(
        frozenset({"crm"}),
        "The sales team saved its newest name list as UTF-8 instead of CP949.",
        _break_wrong_encoding,
    ),
    "api_down": Scenario(
        frozenset({"callcentre"}),
        "The call centre's service closes every connection without an answer.",
        _break_api_down,
    ),
}


def _bring_back_points(connection: psycopg.Connection) -> None:
    row = connection.execute("select to_regclass('kept.points_entries')").fetchone()
    if row and row[0]:
        connection.execute("insert into points_entries select * from kept.points_entries")
        connection.execute("drop schema kept cascade")


def _has_column(connection: psycopg.Connection, table: str, column: str) -> bool:
    row = connection.execute(
        "select 1 from information_schema.columns where table_schema = 'public'"
        " and table_name = %s and column_name = %s",
        (table, column),
    ).fetchone()
    return row is not None


def _shop_url(settings: Settings) -> str:
    return sibling_url(warehouse_url(settings), SHOP_DATABASE)


def _newest(folder: Path, pattern: str = "*") -> Path:
    """Returns the path with the latest date in its name."""
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise SourceError(f"Nothing is dropped in {folder.name} yet.", "Lay a later day down.")
    return paths[-1]


def _record(folder: Path) -> Path:
    return folder / "broken.json"


def _kept(folder: Path) -> Path:
    return folder / "kept"


def _take_away(settings: Settings, path: Path) -> bytes:
    """Moves a drop to where it is kept, and returns its content."""
    folder = company_folder(settings)
    content = path.read_bytes()
    kept = _kept(folder) / path.relative_to(folder)
    kept.parent.mkdir(parents=True, exist_ok=True)
    path.rename(kept)
    return content
