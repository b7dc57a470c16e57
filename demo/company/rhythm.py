"""How fast each person's days to the next purchase run, and who buys today."""

import numpy as np

from demo.company import assumptions
from demo.company.draws import Array, Draw
from demo.company.leaving import PERSUADABLE
from demo.company.people import NEVER
from demo.company.seasons import number
from demo.company.world import World


def join(world: World) -> Array:
    """Makes today's new people customers, on the first day all the earlier ones; returns them."""
    people, draw = world.people, world.draw("joining")
    first_day = world.day == number(assumptions.FIRST_DAY)
    new = np.flatnonzero(people.joins <= world.day if first_day else people.joins == world.day)
    people.active[new] = True
    earlier = people.joins[new] < world.day
    until_next = draw.random(len(new)) * gaps(world, draw, new)
    first = draw.uniform(*assumptions.FIRST_PURCHASE_DAYS, len(new))
    people.remaining[new] = np.where(earlier, until_next, first)
    people.last_bought[new] = np.where(
        earlier,
        np.maximum(world.day - people.gap[new] * draw.random(len(new)), people.joins[new]),
        0,
    )
    return new


def gaps(world: World, draw: Draw, who: Array) -> Array:
    """Returns days to the next purchase, as counted in a person's own rhythm."""
    shape = world.people.shape[who]
    return np.maximum(draw.gamma(shape) * world.people.gap[who] / shape, 1.0)


def pace_of_customers(world: World) -> Array:
    """Returns how fast each person's days run as a customer: 1 for the own rhythm."""
    people = world.people
    speed = people.rhythm.copy()
    touched = np.flatnonzero((people.contact_until >= world.day) & (people.effect == PERSUADABLE))
    speed[touched] *= (
        1 + np.float32(assumptions.PERSUADABLE_PACE) * people.contact_strength[touched]
    )
    return speed


def pace(world: World) -> Array:
    """Returns how fast each person's days run: 0 for who is no customer, slower while fading."""
    people, day = world.people, world.day
    speed = np.where(people.active, pace_of_customers(world), np.float32(0))
    fading = np.flatnonzero(people.fading_until)
    start, end = assumptions.FADING_PACE
    begun, until = people.fading_from[fading], people.fading_until[fading]
    speed[fading] *= start + (end - start) * (day - begun) / np.maximum(until - begun, 1)
    return speed


def buyers(world: World, speed: Array, demand: float) -> Array:
    """Runs the day and returns who buys, each with a next purchase drawn, in random order."""
    people, draw = world.people, world.draw("rhythm")
    people.remaining -= speed * np.float32(demand)
    due = draw.permutation(np.flatnonzero(people.remaining <= 0))
    people.remaining[due] = gaps(world, draw, due)
    people.last_bought[due] = world.day
    return due


def drift(world: World) -> None:
    """Lets every rhythm drift by a month's worth."""
    people, draw = world.people, world.draw("drift")
    step = draw.normal(
        assumptions.RHYTHM_FADING_PER_MONTH,
        assumptions.RHYTHM_DRIFT_PER_MONTH,
        len(people),
    )
    people.rhythm *= np.exp(step).astype(np.float32)
    np.clip(people.rhythm, 0.3, 2.5, out=people.rhythm)
    people.rhythm[people.joins == NEVER] = 1
