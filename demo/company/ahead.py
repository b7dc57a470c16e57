"""Lives a saved company on in a process of its own, while its systems are filled by this one.

Simulating needs a core and so does filling the systems: two processes use both. A single day leaves
nothing to do at the same time, and starting a process takes longer than the day.
"""

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from demo.company.simulation import FIRST_DAY, Company
from demo.company.systems.system import DayRows, Days
from warehouse.errors import SourceError

_SAVE_DAYS = 91  # the company's state is large: it is saved after so many days and at the end


@dataclass(frozen=True)
class Batch:
    """Some days' rows; `state` is the company after them, saved for when they are handed over."""

    days: Days
    state: Path | None


def batches(saved: Path, saved_day: date | None, as_of: date, batch_rows: int) -> Iterator[Batch]:
    """Yields the days after those of a saved company, to the end of `as_of`.

    While a batch is worked on, the next one is lived; not the one after it. The other process ends
    when nobody takes its batches any more, also where this process was killed.

    Args:
        saved: the company; states are saved beside it.
        saved_day: the last day that it has lived.
        batch_rows: a batch has about so many rows, and at least a day.

    Raises:
        SourceError: the other process ended too early.
    """
    if saved_day and as_of - saved_day == timedelta(days=1):
        yield from _lived(saved, as_of, batch_rows)
        return
    processes = multiprocessing.get_context("spawn")
    receiver, sender = processes.Pipe(duplex=False)
    living = processes.Process(
        target=_live, args=(sender, saved, as_of, batch_rows), name="the company", daemon=True
    )
    living.start()
    sender.close()  # held by the other process alone, so that its end is seen here
    try:
        while batch := receiver.recv():
            yield batch
    except EOFError:
        living.join()
        raise SourceError(
            f"The process that lives the company's days ended early (code {living.exitcode}).",
            "Run it again; its memory may have been too small, or see the error above.",
        ) from None
    finally:
        receiver.close()
        living.terminate()
        living.join()


def remove_left_behind(saved: Path) -> None:
    """Removes the states of processes that were killed."""
    for file in saved.parent.glob(".*.state*"):
        file.unlink()


def _live(sender: "Connection[Batch | None, None]", saved: Path, as_of: date, rows: int) -> None:
    for batch in _lived(saved, as_of, rows):
        sender.send(batch)
    sender.send(None)


def _lived(saved: Path, as_of: date, batch_rows: int) -> Iterator[Batch]:
    company = Company.load(saved)
    saved_at = company.day
    days: dict[date, DayRows] = {}
    rows = 0
    while company.day != as_of:
        day = company.day + timedelta(days=1) if company.day else FIRST_DAY
        days[day] = company.live(day)
        rows += sum(table.num_rows for table in days[day].values())
        if rows >= batch_rows or day == as_of:
            state = None
            if day == as_of or (day - (saved_at or FIRST_DAY)).days >= _SAVE_DAYS:
                # Its own name: a process that outlived its parent may be writing the same day.
                state = saved.with_name(f".{day}.{os.getpid()}.state")
                company.save(state)
                saved_at = day
            yield Batch(days, state)
            days, rows = {}, 0
