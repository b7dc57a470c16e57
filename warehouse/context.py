"""What every room is given: where, which numbers, which day, which run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

import psycopg

from warehouse.connections import connect
from warehouse.days import day_end
from warehouse.policy import Policy
from warehouse.settings import Settings


@dataclass(frozen=True)
class RunContext:
    """One run of a room.

    Attributes:
        as_of: the business day; nothing later may be read.
        run_id: the run in `ops.runs`.
        url: the warehouse's URL; holds a secret, never log it.
    """

    settings: Settings
    policy: Policy
    as_of: date
    run_id: str
    url: str = field(repr=False)

    @property
    def day_end(self) -> datetime:
        """The first instant (UTC) after the business day."""
        return day_end(self.as_of, self.policy.tz)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection that commits at the end, rolls back on error and closes."""
        with connect(self.url) as connection:
            yield connection


@dataclass(frozen=True)
class StepReport:
    """What a room says of itself.

    Attributes:
        rows: rows it wrote or checked, the one number the status page shows.
        facts: further counts; no personal field, no secret.
    """

    rows: int
    facts: Mapping[str, int | float | str] = field(default_factory=dict)
