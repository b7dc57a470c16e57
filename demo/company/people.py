"""The people: who they are, drawn before the first day, and what becomes of them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from demo.company import assumptions, names, places
from demo.company.draws import Array, Draw, some, weighted
from demo.company.seasons import number

NEVER = np.iinfo(np.int32).max
WOMAN, MAN = 0, 1


@dataclass
class People:
    """One entry a person; `true_person_id` is its place plus one. Days count from 1970."""

    household: Array
    surname: Array
    first: Array
    second: Array
    gender: Array
    latin: Array
    birth: Array
    home: Array
    region: Array
    phone: Array
    mail: Array  # version of the mail address
    joins: Array  # the day of becoming a customer; NEVER for prospects
    sensitivity: Array
    gap: Array  # mean days between purchases
    shape: Array
    web: Array  # share of purchases on the web; 0 for who has no account
    favourite: Array  # first favourite department; the second follows from it
    effect: Array  # index into CONTACT_EFFECTS
    frailty: Array
    # what changes
    active: Array
    left: Array  # the day of leaving; 0 while a customer
    cause: Array  # index into leaving.CAUSES
    rhythm: Array
    remaining: Array  # days at the own gap until the next purchase
    fading_from: Array
    fading_until: Array  # 0 while not fading
    grievance: Array
    bond: Array
    unbound: Array  # the distance after a contract's end
    uprooted: Array  # the distance after a move
    contact_until: Array
    contact_strength: Array
    last_bought: Array

    def __len__(self) -> int:
        return len(self.household)


class Named(NamedTuple):
    """The parts of people's names, as `names.names` and `names.mails` take them."""

    surname: Array
    first: Array
    second: Array
    gender: Array


def named(people: People, who: Array) -> Named:
    """Returns the parts of some people's names."""
    return Named(people.surname[who], people.first[who], people.second[who], people.gender[who])


def _joining_days(draw: Draw, customers: int) -> Array:
    first, counted = (
        number(assumptions.FIRST_DAY), number(assumptions.CUSTOMERS_COUNTED_ON),
    )  # fmt: skip
    opening = round(customers * assumptions.OPENING_SHARE)
    later = customers - opening
    beyond = round(later * (number(assumptions.LAST_ARRIVALS) - counted) / (counted - first))
    prospects = round(customers * assumptions.PROSPECT_SHARE)
    days = np.concatenate(
        [
            draw.integers(number(assumptions.OPENING_SINCE), first, opening),
            draw.integers(first, counted + 1, later),
            draw.integers(counted + 1, number(assumptions.LAST_ARRIVALS) + 1, beyond),
            np.full(prospects, NEVER),
        ]
    )
    joins: Array = draw.permutation(days).astype(np.int32)
    return joins


def _births(draw: Draw, place: Array, start: Array) -> Array:
    """Birth days: the first two of a household are its parents, who come next their children."""
    elder = number(assumptions.FIRST_DAY) - (365.25 * draw.triangular(20, 43, 82, len(place)))
    parent = elder[start]
    partner = parent + 365 * draw.normal(1, 3, len(place))
    child = parent + 365.25 * draw.uniform(24, 34, len(place))
    birth = np.choose(np.minimum(place, 3), [elder, partner, child, child])
    youngest = number(assumptions.FIRST_DAY) - 365 * 16
    born = np.where(birth > youngest, youngest - draw.integers(0, 3650, len(place)), birth)
    return born.astype(np.int32)


def drawn(draw: Draw, customers: int) -> People:
    """Returns the people of a company: customers, later arrivals and prospects."""
    joins = _joining_days(draw, customers)
    size = len(joins)
    sizes = 1 + weighted(draw, assumptions.HOUSEHOLD_SIZES, size)
    household = np.repeat(np.arange(size), sizes)[:size]
    start = np.flatnonzero(np.diff(household, prepend=-1))[household]
    place = np.arange(size) - start
    gender = draw.integers(0, 2, size).astype(np.uint8)
    gender = np.where(place == 1, 1 - gender[start], gender).astype(np.uint8)
    birth = _births(draw, place, start)
    surname = weighted(draw, [share for _, share, _ in names.SURNAMES], size).astype(np.uint8)
    father = start + ((gender[start] == WOMAN) & (sizes[household] > 1))
    surname = np.where(place >= 2, surname[np.minimum(father, size - 1)], surname)
    surname = surname.astype(np.uint8)
    twins = some(draw, np.flatnonzero(place == 3), assumptions.TWIN_SHARE)
    birth[twins] = birth[twins - 1]
    home = draw.integers(1, 2**40, size)[start]
    phone = (draw.permutation(size) * 9_000_011) % 80_000_000 + 10_000_000  # all different
    sharing = some(draw, np.flatnonzero(place > 0), assumptions.SHARED_PHONE_SHARE)
    phone[sharing] = phone[start[sharing]]
    sensitivity = draw.beta(*assumptions.SENSITIVITY, size).astype(np.float32)
    shares = np.tile(assumptions.CONTACT_EFFECT_SHARES, (size, 1))
    shares[:, 0] *= np.exp(assumptions.PERSUADABLE_BY_SENSITIVITY * (sensitivity - 0.42))
    edges = np.cumsum(shares, axis=1)
    effect = (draw.random(size) * edges[:, -1] > edges[:, :-1].T).sum(axis=0).astype(np.uint8)
    frailty = draw.gamma(assumptions.FRAILTY_SHAPE, 1 / assumptions.FRAILTY_SHAPE, size)
    member = draw.random(size) < assumptions.MEMBER_SHARE
    none, zero = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.float32)
    gap = assumptions.GAP_MEDIAN_DAYS * np.exp(assumptions.GAP_SPREAD * draw.normal(size=size))
    return People(
        household=household.astype(np.int32),
        surname=surname,
        first=draw.integers(0, names.FIRST_SYLLABLES, size).astype(np.uint8),
        second=draw.integers(0, names.SECOND_SYLLABLES, size).astype(np.uint8),
        gender=gender,
        latin=weighted(draw, (0.7, 0.15, 0.15), size).astype(np.uint8),
        birth=birth,
        home=home,
        region=places.region_of(home),
        phone=phone.astype(np.int32),
        mail=none.astype(np.int16),
        joins=joins,
        sensitivity=sensitivity,
        gap=gap.astype(np.float32),
        shape=draw.uniform(*assumptions.GAP_SHAPE_RANGE, size).astype(np.float32),
        web=np.where(member, draw.beta(*assumptions.WEB_PREFERENCE, size), 0).astype(np.float32),
        favourite=draw.integers(0, 8, size).astype(np.uint8),
        effect=effect,
        frailty=(frailty * np.array(assumptions.FRAILTY_BY_EFFECT)[effect]).astype(np.float32),
        active=np.zeros(size, dtype=bool),
        left=none.copy(),
        cause=none.astype(np.uint8),
        rhythm=zero + np.float32(1),
        remaining=zero + np.float32(np.inf),
        fading_from=none.copy(),
        fading_until=none.copy(),
        grievance=zero.copy(),
        bond=zero.copy(),
        unbound=zero.copy(),
        uprooted=zero.copy(),
        contact_until=none.copy(),
        contact_strength=zero.copy(),
        last_bought=none.copy(),
    )


def recycle_phones(draw: Draw, people: People) -> Array:
    """Gives some later customers the numbers of early ones; returns the early ones.

    They have given their number up, but records made before they take another (`renew_phones`)
    still say the old one.
    """
    first = number(assumptions.FIRST_DAY)
    later = np.flatnonzero((people.joins > first + 200) & (people.joins != NEVER))
    heirs = some(draw, later, assumptions.RECYCLED_PHONE_SHARE)
    early = np.flatnonzero(people.joins < first)
    givers: Array = draw.choice(early, min(len(heirs), len(early)), replace=False)
    people.phone[heirs[: len(givers)]] = people.phone[givers]
    return givers


def renew_phones(draw: Draw, people: People, who: Array) -> None:
    """Gives people a new phone number."""
    people.phone[who] = draw.integers(90_000_000, 99_999_999, len(who))


class Changes(NamedTuple):
    """Who moved, married or took a new phone on a day."""

    moved: Array
    married: Array
    new_phone: Array


def change(draw: Draw, people: People) -> Changes:
    """Lets a day's moves, marriages and new phones happen; returns whose."""
    known = np.flatnonzero(people.active)

    def chosen(per_year: float) -> Array:
        return some(draw, known, per_year / 365)

    changes = Changes(
        chosen(assumptions.MOVES_PER_YEAR),
        chosen(assumptions.MARRIAGES_PER_YEAR),
        chosen(assumptions.NEW_PHONE_PER_YEAR),
    )
    for who in (changes.moved, changes.married):
        people.home[who] = draw.integers(1, 2**40, len(who))
        region = places.region_of(people.home[who])
        people.uprooted[who] = np.where(region != people.region[who], 1.0, 0.3)
        people.region[who] = region
    people.mail[changes.married] += 1
    people.latin[changes.married] = (people.latin[changes.married] + 1) % 3
    renew_phones(draw, people, changes.new_phone)
    return changes
