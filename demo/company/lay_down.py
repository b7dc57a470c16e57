"""Lays the demo company down as seven source systems, lived day by day to the end of any day."""

import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from fcntl import LOCK_EX, flock
from pathlib import Path

from demo.company.faults import broken_by
from demo.company.installation import company_folder, open_systems, publish_addresses
from demo.company.simulation import FIRST_DAY, Company
from demo.company.systems import truth
from demo.company.systems.system import DayRows, Days, System
from warehouse.context import StepReport
from warehouse.errors import SettingsError, SourceError
from warehouse.files import write_whole
from warehouse.policy import Policy
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

SEED = 20240101
CUSTOMERS = 10_000
TIME_ZONE = "Asia/Seoul"

_WEB_DAYS = 120  # the web's log is kept so long before the day that is laid down first
_BATCH_ROWS = 500_000  # handed to the systems at once
_SAVE_DAYS = 91  # the company's state is large: it is saved after so many days and at the end


@dataclass(frozen=True)
class _Batch:
    """Some days' rows; `state` is the company after them, saved for when they are handed over."""

    days: Days
    state: Path | None


def lay_down(
    settings: Settings,
    policy: Policy,
    as_of: date,
    customers: int = CUSTOMERS,
    seed: int = SEED,
) -> StepReport:
    """Brings the seven systems to the end of `as_of`, starts their servers, writes their addresses.

    Repeated for the same day it changes nothing. Killed half way and called again it comes to the
    same end: each system remembers the last day it was given, and the saved company is never ahead
    of any of them. An earlier day, another seed or another number of customers makes all anew.

    Args:
        customers: how many people the company is founded with.

    Returns:
        Rows written; days lived and rows of the truth as facts.

    Raises:
        SettingsError: `as_of` lies before the first day, or the policy's days are other days.
        SourceError: a server cannot be started, or a system is broken on purpose.
        WarehouseError: the database server cannot be used.
    """
    _check(policy, as_of)
    folder = company_folder(settings)
    founding = {"seed": seed, "customers": customers}
    rows = days_lived = truth_rows = 0
    with _alone(folder):
        systems = open_systems(settings)
        truth_url = truth.truth_url(settings)
        is_same = _recorded(folder) == founding
        days = {truth.last_day(truth_url), *(system.last_day() for system in systems)}
        if not is_same or days != {as_of}:
            _refuse_when_broken(settings)
            company = _resumed(folder, systems, as_of) if is_same else None
            company = company or _found(folder, systems, founding, as_of)
            rows, days_lived = _live_on(company, folder, systems, as_of)
            truth_rows = truth.replace(truth_url, company.truth(), as_of)
        publish_addresses(settings, systems)
    return StepReport(rows=rows, facts={"days_lived": days_lived, "truth_rows": truth_rows})


def _check(policy: Policy, as_of: date) -> None:
    if as_of < FIRST_DAY:
        raise SettingsError(
            f"The demo company has no day {as_of}.", f"Choose {FIRST_DAY} or a later day."
        )
    if policy.time_zone != TIME_ZONE:
        raise SettingsError(
            f"The policy's days end in {policy.time_zone}, the demo company's in {TIME_ZONE}.",
            f"Set time_zone: {TIME_ZONE} in policy.yml.",
        )


def _refuse_when_broken(settings: Settings) -> None:
    scenario = broken_by(settings)
    if scenario:
        raise SourceError(
            f"A system of the demo company is broken on purpose: {scenario}.",
            "Mend it before the company lives on.",
        )


def _resumed(folder: Path, systems: Sequence[System], as_of: date) -> Company | None:
    """Returns the saved company, unless some system is behind it or already past `as_of`."""
    file = _state(folder)
    company = Company.load(file) if file.exists() else None
    for system in systems:
        day = system.last_day()
        if company is None or _days_between(company.day, day) < 0 or (day and day > as_of):
            return None
    return company


def _found(
    folder: Path, systems: Sequence[System], founding: dict[str, int], as_of: date
) -> Company:
    """Empties the systems and founds the company; what marks it as founded is written last."""
    logger.info("Founding the demo company with %d customers", founding["customers"])
    _founding_file(folder).unlink(missing_ok=True)
    for system in systems:
        system.clear()
    web_from = max(FIRST_DAY, as_of - timedelta(days=_WEB_DAYS - 1))
    company = Company.found(founding["seed"], founding["customers"], web_from=web_from)
    company.save(_state(folder))
    write_whole(_founding_file(folder), json.dumps(founding).encode())
    return company


def _live_on(
    company: Company, folder: Path, systems: Sequence[System], as_of: date
) -> tuple[int, int]:
    """Lives to the end of `as_of` and fills the systems; returns the rows written, the days lived.

    The company lives the next days while the systems take the last ones: one of them waits for
    servers, the other for nothing.
    """
    for left_behind in folder.glob(".*.state"):  # by a process that was killed
        left_behind.unlink()
    written = days_lived = 0
    batches = _batches(company, folder, as_of)
    with ThreadPoolExecutor(max_workers=1) as ahead:
        coming = ahead.submit(next, batches, None)
        while batch := coming.result():
            coming = ahead.submit(next, batches, None)
            written += sum(_hand_over(system, batch.days) for system in systems)
            days_lived += len(batch.days)
            if batch.state:
                batch.state.rename(_state(folder))
            logger.info("The demo company has lived to %s", max(batch.days))
    return written, days_lived


def _batches(company: Company, folder: Path, as_of: date) -> Iterator[_Batch]:
    """Lives to the end of `as_of` and yields the days' rows, some days at once."""
    saved = company.day
    days: dict[date, DayRows] = {}
    rows = 0
    while company.day != as_of:
        day = company.day + timedelta(days=1) if company.day else FIRST_DAY
        days[day] = company.live(day)
        rows += sum(table.num_rows for table in days[day].values())
        if rows >= _BATCH_ROWS or day == as_of:
            state = None
            if day == as_of or _days_between(saved, day) >= _SAVE_DAYS:
                state = folder / f".{day}.state"
                company.save(state)
                saved = day
            yield _Batch(days, state)
            days, rows = {}, 0


def _hand_over(system: System, days: Days) -> int:
    """Gives a system those of the days that it has not had; returns the rows written."""
    last = system.last_day()
    missing = {day: rows for day, rows in days.items() if last is None or day > last}
    return system.take(missing) if missing else 0


def _days_between(first: date | None, second: date | None) -> int:
    """Returns the days from `first` to `second`; no day at all is the one before the first."""
    before = FIRST_DAY - timedelta(days=1)
    return ((second or before) - (first or before)).days


def _state(folder: Path) -> Path:
    return folder / "company.state"


def _founding_file(folder: Path) -> Path:
    return folder / "founding.json"


def _recorded(folder: Path) -> dict[str, int] | None:
    file = _founding_file(folder)
    return json.loads(file.read_text()) if file.exists() else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time fill the systems."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        flock(handle, LOCK_EX)
        yield
