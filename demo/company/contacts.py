"""The sales team's name list: whom it knows, and how it wrote them down."""

from dataclasses import dataclass

import numpy as np

from demo.company import assumptions, names
from demo.company.draws import Array, Draw, some, weighted
from demo.company.people import NEVER, Changes, People
from demo.company.seasons import number


@dataclass
class Contacts:
    """One entry a contact, in the order of being entered; `contact_id` is K and its place plus one.

    A person entered twice has two contacts. What a contact says of a person is what was true when
    it was entered or last edited.
    """

    person: Array
    entered: Array  # a day
    edited: Array  # a day
    name_style: Array
    phone_style: Array
    mail_error: Array
    date_style: Array
    address_style: Array
    knows_card: Array
    grade: Array
    phone: Array
    home: Array
    mail: Array
    latin: Array
    first_of: Array  # for each person: the first contact; -1 where there is none

    def __len__(self) -> int:
        return len(self.person)


def drawn(draw: Draw, people: People) -> Contacts:
    """Returns all contacts there will be, entered or not yet."""
    customers = some(draw, np.flatnonzero(people.joins != NEVER), assumptions.CRM_SHARE)
    prospects = np.flatnonzero(people.joins == NEVER)
    twice = some(draw, customers, assumptions.CRM_DOUBLE_SHARE)
    person = np.concatenate([customers, twice, prospects])
    since, until = number(assumptions.OPENING_SINCE), number(assumptions.LAST_ARRIVALS)
    entered = np.concatenate(
        [
            people.joins[customers] + draw.integers(0, 120, len(customers)),
            people.joins[twice] + draw.integers(120, 900, len(twice)),
            draw.integers(since, until, len(prospects)),
        ]
    )
    order = np.argsort(entered, kind="stable")
    person, entered = person[order].astype(np.int32), entered[order].astype(np.int32)
    size = len(person)
    first_of = np.full(len(people), -1)
    first_of[person[::-1]] = np.arange(size)[::-1]
    placeholder = draw.random(size) < assumptions.CRM_PLACEHOLDER_PHONE

    def styles(shares: tuple[float, ...]) -> Array:
        return weighted(draw, shares, size).astype(np.uint8)

    return Contacts(
        person=person,
        entered=entered,
        edited=entered.copy(),
        name_style=styles(assumptions.CRM_NAME_STYLES),
        phone_style=styles(assumptions.CRM_PHONE_STYLES),
        mail_error=styles(assumptions.CRM_MAIL_ERRORS),
        date_style=styles(assumptions.CRM_DATE_STYLES),
        address_style=styles((0.5, 0.25, 0.25)),
        knows_card=draw.random(size) < assumptions.CRM_KNOWS_CARD,
        grade=styles((0.05, 0.15, 0.3, 0.5)),
        phone=np.where(placeholder, names.PLACEHOLDER_PHONE, people.phone[person]).astype(np.int32),
        home=people.home[person],
        mail=people.mail[person],
        latin=people.latin[person],
        first_of=first_of.astype(np.int32),
    )


def learn(draw: Draw, contacts: Contacts, people: People, changes: Changes, day: int) -> None:
    """Lets the sales team hear of some of a day's changes and edit its list."""
    for kind, who in changes._asdict().items():
        known = contacts.first_of[some(draw, who, assumptions.CRM_LEARNS_OF_CHANGE)]
        known = known[known >= 0]
        known = known[contacts.entered[known] <= day]
        person = contacts.person[known]
        contacts.edited[known] = day
        if kind == "new_phone":
            contacts.phone[known] = people.phone[person]
        else:
            contacts.home[known] = people.home[person]
            contacts.mail[known] = people.mail[person]
            contacts.latin[known] = people.latin[person]
