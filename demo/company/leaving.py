"""Who decides to leave and why, how they fade away, and who comes back."""

import numpy as np

from demo.company import assumptions, places
from demo.company.draws import Array, some
from demo.company.people import People
from demo.company.seasons import number
from demo.company.world import World

CAUSES = ("price", "complaint", "rhythm", "moved", "contract_end", "competitor")
PERSUADABLE, DO_NOT_WAKE = 0, 3


def _competition(day: int) -> Array:
    """Which regions a competitor presses on."""
    pressed = np.zeros(len(places.REGIONS), dtype=np.float32)
    for opened, region in assumptions.COMPETITOR_OPENINGS:
        if 0 <= day - number(opened) < assumptions.COMPETITOR_PRESSURE_DAYS:
            pressed[places.REGIONS.index(region)] = 1.0
    return pressed


def hazards_by_cause(world: World, who: Array | slice) -> list[Array]:
    """Returns the hazards per day of deciding to leave, one array for each of `CAUSES`."""
    people, day = world.people, world.day
    new = day - people.joins[who] < assumptions.HAZARD_NEW_DAYS
    rhythm = assumptions.HAZARD_RHYTHM / people.rhythm[who]
    price = np.float32(assumptions.HAZARD_PRICE * world.catalogue.pressure[0])
    pressed = _competition(day)[people.region[who]]
    return [
        price * people.sensitivity[who] ** 2,
        np.float32(assumptions.HAZARD_COMPLAINT) * people.grievance[who],
        np.where(new, np.float32(assumptions.HAZARD_NEW_FACTOR), np.float32(1)) * rhythm,
        np.float32(assumptions.HAZARD_MOVED) * people.uprooted[who],
        np.float32(assumptions.HAZARD_CONTRACT_END) * people.unbound[who],
        np.float32(assumptions.HAZARD_COMPETITOR) * pressed,
    ]


def contact_factor(people: People, day: int) -> Array:
    """Returns what contact does to the hazards of each person today."""
    factor = np.ones(len(people), dtype=np.float32)
    touched = np.flatnonzero(people.contact_until >= day)
    strength, effect = people.contact_strength[touched], people.effect[touched]
    factor[touched] += np.where(
        effect == PERSUADABLE, -assumptions.PERSUADABLE_CALM * strength, 0
    ) + np.where(effect == DO_NOT_WAKE, assumptions.WOKEN_HAZARD * strength, 0)
    return factor


def hazards_of_customers(world: World) -> Array:
    """Returns the hazard per day of deciding to leave that each person has as a customer."""
    people = world.people
    total = np.asarray(np.sum(hazards_by_cause(world, slice(None)), axis=0, dtype=np.float32))
    total *= people.frailty * np.exp(-people.bond) * contact_factor(people, world.day)
    return total


def hazards(world: World) -> Array:
    """Returns each person's hazard per day of deciding to leave; only customers have one."""
    total = hazards_of_customers(world)
    total[~world.people.active] = 0
    return total


def live(world: World, hazard: Array) -> Array:
    """Lets people decide, leave and come back; returns those who left today."""
    people, day, draw = world.people, world.day, world.draw("leaving")
    deciding = np.flatnonzero(draw.random(len(people), dtype=np.float32) < hazard)
    deciding = deciding[people.fading_until[deciding] == 0]
    people.cause[deciding] = np.argmax(hazards_by_cause(world, deciding), axis=0)
    people.fading_from[deciding] = day
    people.fading_until[deciding] = day + draw.integers(*assumptions.FADING_DAYS, len(deciding))
    leaving = np.flatnonzero(people.fading_until == day)
    people.active[leaving] = False
    people.left[leaving] = day
    people.fading_until[leaving] = 0
    people.remaining[leaving] = np.inf
    gone = np.flatnonzero((people.left > 0) & (people.left < day - 30))
    come_back(world, some(draw, gone, assumptions.COMES_BACK_PER_DAY))
    return leaving


def come_back(world: World, who: Array) -> None:
    """Makes people who left customers again, from a purchase today on."""
    people = world.people
    people.active[who] = True
    people.left[who] = 0
    people.remaining[who] = 0
    for mood in (people.grievance, people.unbound, people.uprooted):
        mood[who] = 0


def forget(people: People) -> None:
    """Lets a day's worth of grievances, bonds and distances fade."""
    people.grievance *= np.float32(0.5 ** (1 / assumptions.GRIEVANCE_HALF_LIFE_DAYS))
    people.bond *= np.float32(0.5 ** (1 / assumptions.BOND_HALF_LIFE_DAYS))
    fading = np.float32(0.5 ** (1 / assumptions.DISTANCE_HALF_LIFE_DAYS))
    people.unbound *= fading
    people.uprooted *= fading
