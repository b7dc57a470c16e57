"""Yearly contracts of service: begun, renewed or let go."""

from dataclasses import dataclass, fields

import numpy as np

from demo.company import assumptions
from demo.company.contacts import Contacts
from demo.company.draws import Array, Draw, some, weighted
from demo.company.people import NEVER, People
from demo.company.seasons import number

VALID, EXPIRED, CANCELLED = 0, 1, 2
_PERSUADABLE = assumptions.CONTACT_EFFECTS.index("persuadable")
_DO_NOT_WAKE = assumptions.CONTACT_EFFECTS.index("do_not_wake")


@dataclass
class Contracts:
    """One entry a contract signed, in its order, and what is planned to be signed first."""

    contact: Array
    person: Array
    plan: Array
    starts: Array
    ends: Array
    state: Array
    renewed_from: Array  # place of the contract before; -1 where there is none
    planned_contact: Array
    planned_plan: Array
    planned_start: Array

    def __len__(self) -> int:
        return len(self.contact)


def drawn(draw: Draw, people: People, contacts: Contacts) -> Contracts:
    """Returns the first contracts people will sign."""
    known = np.flatnonzero((contacts.first_of >= 0) & (people.joins != NEVER))
    holders = some(draw, known, assumptions.CONTRACT_SHARE / assumptions.CRM_SHARE)
    contact = contacts.first_of[holders]
    start = contacts.entered[contact] + draw.integers(5, 300, len(holders))
    before = number(assumptions.FIRST_DAY) - start
    years = np.maximum(before, 0) // assumptions.CONTRACT_DAYS
    none = np.zeros(0, dtype=np.int32)
    return Contracts(
        contact=none,
        person=none,
        plan=none,
        starts=none,
        ends=none,
        state=none,
        renewed_from=none,
        planned_contact=contact,
        planned_plan=weighted(draw, (0.5, 0.35, 0.15), len(holders)).astype(np.int32),
        planned_start=(start + years * assumptions.CONTRACT_DAYS).astype(np.int32),
    )


def live(contracts: Contracts, contacts: Contacts, people: People, draw: Draw, day: int) -> None:
    """Signs, renews and ends the contracts of a day."""
    _renew(contracts, people, draw, day)
    leaving = np.flatnonzero((contracts.state == VALID) & (people.left[contracts.person] == day))
    contracts.state[some(draw, leaving, 0.5)] = CANCELLED
    first_day = day == number(assumptions.FIRST_DAY)
    planned = contracts.planned_start
    due = np.flatnonzero(planned <= day if first_day else planned == day)
    due = due[people.active[contacts.person[contracts.planned_contact[due]]]]
    _sign(
        contracts,
        contracts.planned_contact[due],
        contacts.person[contracts.planned_contact[due]],
        contracts.planned_plan[due],
        planned[due],
        np.full(len(due), -1),
    )


def _renew(contracts: Contracts, people: People, draw: Draw, day: int) -> None:
    """Decides on the contracts that end today."""
    ending = np.flatnonzero((contracts.state == VALID) & (contracts.ends == day))
    who = contracts.person[ending]
    contracts.state[ending] = EXPIRED
    contacted = people.contact_until[who] >= day
    effect = people.effect[who]
    chance = (
        assumptions.RENEWS
        + assumptions.RENEWS_BOND * people.bond[who]
        - assumptions.RENEWS_GRIEVANCE * people.grievance[who]
        + assumptions.RENEWS_CONTACTED * (contacted & (effect == _PERSUADABLE))
        - assumptions.RENEWS_CONTACTED * (contacted & (effect == _DO_NOT_WAKE))
    )
    renews = people.active[who] & (people.fading_until[who] == 0)
    renews &= draw.random(len(who)) < chance
    people.unbound[who[~renews]] = 1.0
    kept = ending[renews]
    _sign(
        contracts, contracts.contact[kept], contracts.person[kept], contracts.plan[kept],
        contracts.ends[kept] + 1, kept,
    )  # fmt: skip


def _sign(
    contracts: Contracts, contact: Array, person: Array, plan: Array, starts: Array, before: Array
) -> None:
    signed = {
        "contact": contact,
        "person": person,
        "plan": plan,
        "starts": starts,
        "ends": starts + assumptions.CONTRACT_DAYS - 1,
        "state": np.full(len(contact), VALID),
        "renewed_from": before,
    }
    for column in fields(contracts):
        if column.name in signed:
            old = getattr(contracts, column.name)
            more = signed[column.name].astype(np.int32)
            setattr(contracts, column.name, np.concatenate([old, more]))


def ending_within(contracts: Contracts, first: int, last: int) -> Array:
    """Returns the people whose contract ends from the day `first` to the day `last`."""
    ending = (contracts.state == VALID) & (contracts.ends >= first) & (contracts.ends <= last)
    return np.unique(contracts.person[ending])
