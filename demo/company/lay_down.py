"""Lays the demo company down as seven source systems, lived day by day to the end of any day."""

import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from fcntl import LOCK_EX, flock
from functools import partial
from pathlib import Path

from demo.company import ahead
from demo.company.faults import broken_by
from demo.company.installation import (
    company_folder,
    open_systems,
    publish_addresses,
    saved_company,
    wound_to,
)
from demo.company.simulation import FIRST_DAY, Company
from demo.company.systems import truth
from demo.company.systems.system import Days, System
from warehouse.context import StepReport
from warehouse.errors import SettingsError, SourceError
from warehouse.files import write_whole
from warehouse.policy import Policy
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

SEED = 20240101
CUSTOMERS = 10_000
TIME_ZONE = "Asia/Seoul"

_RECENT_DAYS = 120  # so long before the day laid down first drop folders hold everything
_BATCH_ROWS = 500_000  # handed to the systems at once


def lay_down(
    settings: Settings,
    policy: Policy,
    as_of: date,
    customers: int | None = None,
    seed: int = SEED,
    whole_log: bool | None = None,
) -> StepReport:
    """Brings the seven systems to the end of `as_of`, starts their servers, writes their addresses.

    Repeated for the same day it changes nothing. Killed half way and called again it comes to the
    same end: each system remembers the last day it was given, and the saved company is never ahead
    of any of them. An earlier day, another seed or another number of customers makes all anew.

    Args:
        customers: how many people the company is founded with; where None as many as it was
            founded with before, and 10,000 at first.
        whole_log: whether the web's log is there from the first day on, as a warehouse would hold
            that has read it all along, and not for the recent days alone; where None as it was
            founded with before, and the recent days at first.

    Returns:
        Rows written; days lived and rows of the truth as facts.

    Raises:
        SettingsError: `as_of` lies before the first day, or the policy's days are other days.
        SourceError: a server cannot be started, or a system is broken on purpose.
        WarehouseError: the database server cannot be used.
    """
    _check(policy, as_of)
    folder = company_folder(settings)
    rows = days_lived = truth_rows = 0
    with _alone(folder):
        recorded = _recorded(folder)
        founding = {
            "seed": seed,
            "customers": customers or (recorded["customers"] if recorded else CUSTOMERS),
            "whole_log": bool(recorded and recorded.get("whole_log"))
            if whole_log is None
            else whole_log,
        }
        systems = open_systems(settings)
        truth_url = truth.truth_url(settings)
        days = {truth.last_day(truth_url), *(system.last_day() for system in systems)}
        if recorded != founding or days != {as_of}:
            _refuse_when_broken(settings)
            if recorded != founding or not _can_live_on(settings, systems, as_of):
                _found(settings, systems, founding, as_of)
            rows, days_lived = _live_on(settings, systems, as_of)
            company = Company.load(saved_company(settings))
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
    if scenarios := broken_by(settings):
        raise SourceError(
            f"The demo company is broken on purpose: {', '.join(scenarios)}.",
            "Mend it before the company lives on.",
        )


def _can_live_on(settings: Settings, systems: Sequence[System], as_of: date) -> bool:
    """Tells whether no system is behind the saved company, and none is past `as_of`."""
    if not saved_company(settings).exists():
        return False
    saved = wound_to(settings)
    given = [system.last_day() for system in systems]
    return all(_order(saved) <= _order(day) <= as_of for day in given)


def _found(
    settings: Settings, systems: Sequence[System], founding: dict[str, int], as_of: date
) -> None:
    """Empties the systems and founds the company; what marks it as founded is written last."""
    logger.info("Founding the demo company with %d customers", founding["customers"])
    mark = _founding_file(company_folder(settings))
    mark.unlink(missing_ok=True)
    saved_company(settings).unlink(missing_ok=True)
    for system in systems:
        system.clear()
    recent_from = max(FIRST_DAY, as_of - timedelta(days=_RECENT_DAYS - 1))
    company = Company.found(
        founding["seed"],
        founding["customers"],
        recent_from,
        log_from=FIRST_DAY if founding["whole_log"] else recent_from,
    )
    company.save(saved_company(settings))
    write_whole(mark, json.dumps(founding).encode())


def _live_on(settings: Settings, systems: Sequence[System], as_of: date) -> tuple[int, int]:
    """Lives to the end of `as_of` and fills the systems; returns the rows written, the days lived.

    The systems are filled at the same time: most of it is waiting for servers.
    """
    saved = saved_company(settings)
    ahead.remove_left_behind(saved)
    written = days_lived = 0
    with ThreadPoolExecutor(len(systems)) as together:
        for batch in ahead.batches(saved, wound_to(settings), as_of, _BATCH_ROWS):
            written += sum(together.map(partial(_hand_over, days=batch.days), systems))
            days_lived += len(batch.days)
            if batch.state:
                batch.state.rename(saved)
            logger.info("The demo company has lived to %s", max(batch.days))
    return written, days_lived


def _hand_over(system: System, days: Days) -> int:
    """Gives a system those of the days that it has not had; returns the rows written."""
    last = system.last_day()
    missing = {day: rows for day, rows in days.items() if last is None or day > last}
    return system.take(missing) if missing else 0


def _order(day: date | None) -> date:
    """Returns the day, or for no day at all the one before the first."""
    return day or FIRST_DAY - timedelta(days=1)


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
