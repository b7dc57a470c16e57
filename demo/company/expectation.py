"""What the planted rates expect a person to spend in the year to come, as far as systems see it.

Nobody's next purchase is looked at, nor what will happen to anybody: rates as they stand today, the
moods fading as planted. Campaigns, complaints, moves and price rises to come are left out.
"""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from demo.company import assumptions, leaving
from demo.company.catalogue import DEPARTMENTS, PRODUCTS_OF_DEPARTMENT
from demo.company.draws import Array
from demo.company.seasons import day_of, demand
from demo.company.world import World

YEAR_DAYS = 365
_STEP_DAYS = 36.5  # survival hardly bends within so many days
# Days in which each of `leaving.CAUSES` fades to a half; a competitor presses for a while only.
_HALF_LIVES = (
    assumptions.PRICE_PRESSURE_HALF_LIFE_DAYS,
    assumptions.GRIEVANCE_HALF_LIFE_DAYS,
    np.inf,
    assumptions.DISTANCE_HALF_LIFE_DAYS,
    assumptions.DISTANCE_HALF_LIFE_DAYS,
    assumptions.COMPETITOR_PRESSURE_DAYS / 2,
)
_FAVOURITE_FIRST = 0.6  # of the lines from the two favourite departments
_MEAN_QUANTITY = 0.78 + 2 * 0.16 + 3 * 0.06
_MEAN_DISCOUNT = 0.5 * 0.10 + 0.2 * 0.15 + 0.2 * 0.20 + 0.1 * 0.30


class Spend(NamedTuple):
    """What people are expected to spend within 365 days, in won.

    Attributes:
        really: as it stands with each.
        of_customer: if they are customers who have not decided to leave.
        of_leaver: if they have left.
    """

    really: Array
    of_customer: Array
    of_leaver: Array


def expected_spend(world: World, who: Array) -> Spend:
    """Returns what each of some people is expected to spend.

    Counted are the purchases that a system can tell whose they are: on the web, with a card, or
    with a phone given at the till.
    """
    people = world.people
    customer, leaver = _purchases(world, who)
    is_customer = people.active[who] & (people.fading_until[who] == 0)
    really = np.where(is_customer, customer, leaver) + _purchases_while_fading(world, who)
    amount = people.rhythm[who] / people.gap[who] * _basket_amount(world, who)
    amount *= known_share(world, who)
    return Spend(really * amount, customer * amount, leaver * amount)


def _purchases(world: World, who: Array) -> tuple[Array, Array]:
    """Returns what customers and what leavers buy in a year, in days of the own rhythm's spend."""
    people, today = world.people, day_of(world.day)
    causes = [hazard * people.frailty[who] for hazard in leaving.hazards_by_cause(world, who)]
    customer, hazard_so_far = np.zeros(len(who)), np.zeros(len(who))
    leaver = np.zeros(len(who))
    for step in range(round(YEAR_DAYS / _STEP_DAYS)):
        middle = (step + 0.5) * _STEP_DAYS
        hazard = np.zeros(len(who))
        for cause, half_life in zip(causes, _HALF_LIVES, strict=True):
            hazard += cause * 0.5 ** (middle / half_life)
        bond = people.bond[who] * 0.5 ** (middle / assumptions.BOND_HALF_LIFE_DAYS)
        hazard *= np.exp(-bond) * _STEP_DAYS
        stays = np.exp(-(hazard_so_far + hazard / 2))
        hazard_so_far += hazard
        is_back = -np.expm1(-assumptions.COMES_BACK_PER_DAY * middle)
        pace = np.exp(assumptions.RHYTHM_FADING_PER_MONTH * middle / 30.4)
        bought = _STEP_DAYS * pace * _demand_around(today + timedelta(days=round(middle)))
        customer += stays * bought
        leaver += is_back * bought
    return customer, leaver


def _purchases_while_fading(world: World, who: Array) -> Array:
    """Returns what who has decided to leave still buys, in days of the own rhythm's spend."""
    people, day = world.people, world.day
    begun, until = people.fading_from[who], people.fading_until[who]
    start, end = assumptions.FADING_PACE
    left = np.maximum(until - day, 0)
    now = start + (end - start) * (day - begun) / np.maximum(until - begun, 1)
    lines = (1 + assumptions.FADING_LINES * assumptions.MORE_LINES) / (1 + assumptions.MORE_LINES)
    return np.where(until > 0, left * (now + end) / 2 * lines, 0.0)


def _demand_around(day: date) -> float:
    """Returns the mean demand of the five weeks around a day."""
    return float(np.mean([demand(day + timedelta(days=away)) for away in range(-17, 18)]))


def _basket_amount(world: World, who: Array) -> Array:
    """Returns what a purchase costs on average."""
    people = world.people
    edges = (np.arange(PRODUCTS_OF_DEPARTMENT + 1) / PRODUCTS_OF_DEPARTMENT) ** (1 / 1.8)
    prices = world.catalogue.price.reshape(len(DEPARTMENTS), PRODUCTS_OF_DEPARTMENT)
    price = prices @ np.diff(edges)
    first = people.favourite[who].astype(np.int64)
    favourite = (
        _FAVOURITE_FIRST * price[first]
        + (1 - _FAVOURITE_FIRST) * price[(first + 3) % len(DEPARTMENTS)]
    )
    share = assumptions.FAVOURITE_SHARE
    line = (share * favourite + (1 - share) * price.mean()) * _MEAN_QUANTITY
    on_offer = (
        assumptions.LINE_DISCOUNT_BASE
        + assumptions.LINE_DISCOUNT_BY_SENSITIVITY * people.sensitivity[who]
    )
    amount: Array = (1 + assumptions.MORE_LINES) * line * (1 - _MEAN_DISCOUNT * on_offer)
    return amount


def known_share(world: World, who: Array) -> Array:
    """Returns the share of the purchases that can be told whose they are."""
    known, web = world.accounts, world.people.web[who]
    main = known.main[who]
    has_card = (main >= 0) & known.card[main]
    shown = np.where(has_card, assumptions.CARD_SHOWN, 0.0)
    return web + (1 - web) * (shown + (1 - shown) * assumptions.PHONE_GIVEN)
