"""The demo company: founded from a seed, lived day by day, saved and taken up again."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from demo.company import (
    accounts,
    assumptions,
    buying,
    cases,
    catalogue,
    contacts,
    contracts,
    crm,
    fulfilment,
    leaving,
    loyalty,
    marketing,
    people,
    rhythm,
    staffing,
    surveys,
    truth,
    web,
    world,
)  # fmt: skip
from demo.company.draws import generator
from demo.company.rows import Rows
from demo.company.seasons import at, day_of, demand, number

FIRST_DAY = assumptions.FIRST_DAY
DayRows: TypeAlias = Mapping[str, pa.Table]


class Company:
    """A company at the end of a day. Make one with `found` or `load`, then `live` on."""

    def __init__(self, state: world.World) -> None:
        self._world = state
        self._name_list = crm.NameList()

    @classmethod
    def found(
        cls,
        seed: int,
        customers: int,
        recent_from: date | None = None,
        log_from: date | None = None,
    ) -> "Company":
        """Returns a company before its first day, its people drawn.

        Args:
            seed: the same seed gives the same rows.
            customers: how many have become customers by 2026-06-30; more arrive later.
            recent_from: before this day only what a drop folder still holds after a while is handed
                over: of each month the first Monday's snapshots. None: everything is, from the
                first day on.
            log_from: before this day nothing of the web's log is handed over; None: as recent_from.
        """
        draw = generator(seed, 0, "founding")
        everyone = people.drawn(draw, customers)
        gave_up_phone = people.recycle_phones(draw, everyone)
        known = contacts.drawn(draw, everyone)
        members = accounts.drawn(draw, everyone)
        people.renew_phones(draw, everyone, gave_up_phone)
        return cls(
            world.World(
                seed=seed,
                customers=customers,
                recent_from=number(recent_from or FIRST_DAY),
                log_from=number(log_from or recent_from or FIRST_DAY),
                people=everyone,
                accounts=members,
                catalogue=catalogue.drawn(draw),
                contacts=known,
                contracts=contracts.drawn(draw, everyone, known),
                staffing=staffing.drawn(customers),
            )
        )

    @classmethod
    def load(cls, path: Path) -> "Company":
        """Returns a company that `save` wrote."""
        return cls(world.load(path))

    def save(self, path: Path) -> None:
        """Writes the company as one file."""
        world.save(self._world, path)

    @property
    def day(self) -> date | None:
        """The last day lived; None before the first."""
        return day_of(self._world.day) if self._world.day else None

    def live(self, day: date) -> DayRows:
        """Lives one day and returns the rows its source systems get, by table.

        Raises:
            ValueError: the day does not follow the last one.
        """
        state = self._world
        expected = day_of(state.day + 1) if state.day else FIRST_DAY
        if day != expected:
            raise ValueError(f"The company lives {expected} next, not {day}.")
        state.day = number(day)
        rows = Rows()
        rhythm.join(state)
        catalogue.live(state.catalogue, state.draw("prices"), day, rows)
        if day.day == 1:
            rhythm.drift(state)
            truth.note_hazards(state)
            truth.note_expectations(state)
        left = leaving.live(state, leaving.hazards(state))
        _change_members(state, left, rows)
        fulfilment.live(state, rows)
        marketing.live(state, day, rows)
        orders = buying.live(state, rhythm.buyers(state, rhythm.pace(state), demand(day)), rows)
        loyalty.live(state, rows)
        cases.live(state, day, rows)
        surveys.live(state, rows)
        contracts.live(
            state.contracts, state.contacts, state.people, state.draw("contracts"), state.day
        )
        crm.live(state, self._name_list, day, rows)
        if state.day >= state.log_from:
            web.live(state, orders, demand(day), rows)
        leaving.forget(state.people)
        return rows.tables()

    def truth(self) -> dict[str, pa.Table]:
        """Returns what is really so, as of now: the tables of `tables.TRUTH`."""
        return truth.tables(self._world)


def _change_members(state: world.World, left: np.ndarray, rows: Rows) -> None:
    """Opens accounts, and hands over the rows of those whose owner moved, married or left."""
    draw, known, everyone = state.draw("members"), state.accounts, state.people
    opened = accounts.open_due(draw, known, everyone, state.day)
    changes = people.change(draw, everyone)
    changed, readdressed = accounts.learn(draw, known, everyone, *changes)
    contacts.learn(draw, state.contacts, everyone, changes, state.day)
    closed = accounts.close(draw, known, everyone, left)
    changed = np.setdiff1d(np.union1d(changed, closed), opened)
    early = at(state.day, 3600 * 2 + np.arange(len(opened)) * 0.01)
    new_at = np.maximum(known.registered_at[opened], early)
    rows.add("shop.members", **accounts.columns(known, everyone, opened, new_at))
    changed_at = np.sort(at(state.day, draw.uniform(1 * 3600, 23 * 3600, len(changed))))
    rows.add("shop.members", **accounts.columns(known, everyone, changed, changed_at))
    marketing.register(state, opened, known.registered_at[opened], rows)
    readdressed = np.setdiff1d(readdressed, closed)
    marketing.register(state, readdressed, np.full(len(readdressed), at(state.day, 3600)), rows)
    if state.day == number(FIRST_DAY):
        loyalty.carry_over(state, opened, rows)
