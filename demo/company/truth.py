"""What is really so: who is who, why people left, and how likely they were to."""

import numpy as np
import pyarrow as pa

from demo.company import assumptions, expectation, leaving, names, rhythm
from demo.company.draws import Array, digits, joined, words
from demo.company.people import NEVER, named
from demo.company.tables import TRUTH
from demo.company.world import World


def note_hazards(world: World) -> None:
    """Keeps today's hazards of the people who are customers, of the first so many people."""
    hazard = leaving.hazards(world)[: assumptions.HAZARD_PEOPLE]
    rate = (rhythm.pace(world) / world.people.gap)[: assumptions.HAZARD_PEOPLE]
    who = np.flatnonzero(world.people.active[: assumptions.HAZARD_PEOPLE])
    world.log("hazard_people").add(who.astype(np.int32))
    world.log("hazard_days").add(np.full(len(who), world.day, dtype=np.int32))
    world.log("hazard_leaving").add(hazard[who])
    world.log("hazard_rates").add(rate[who].astype(np.float32))


def note_expectations(world: World) -> None:
    """Keeps what is expected of those who have joined, of the first so many people."""
    who = np.flatnonzero(world.people.joins[: assumptions.HAZARD_PEOPLE] < world.day)
    world.log("expectation_people").add(who.astype(np.int32))
    world.log("expectation_days").add(np.full(len(who), world.day, dtype=np.int32))
    spend = expectation.expected_spend(world, who)
    hazard = leaving.hazards_of_customers(world)[who]
    rate = (rhythm.pace_of_customers(world) / world.people.gap)[who]
    for name, values in (
        ("spend", spend.really),
        ("spend_of_customer", spend.of_customer),
        ("spend_of_leaver", spend.of_leaver),
        ("hazard", hazard),
        ("rate", rate),
    ):
        world.log(f"expectation_{name}").add(values.astype(np.float32))


def tables(world: World) -> dict[str, pa.Table]:
    """Returns the truth tables as of the last day lived."""
    return {
        "people": _people(world),
        "person_records": pa.concat_tables(_records(world)),
        "hazards": pa.table(
            {
                "true_person_id": world.log("hazard_people").whole().astype(np.int64) + 1,
                "on_day": _days(world.log("hazard_days").whole()),
                "leaving_hazard_per_day": world.log("hazard_leaving").whole().astype(float),
                "purchase_rate_per_day": world.log("hazard_rates").whole().astype(float),
            },
            schema=TRUTH["hazards"],
        ),
        "expectations": pa.table(
            {
                "true_person_id": world.log("expectation_people").whole().astype(np.int64) + 1,
                "on_day": _days(world.log("expectation_days").whole()),
                "spend_365d": world.log("expectation_spend").whole().astype(float),
                "spend_365d_of_customer": (
                    world.log("expectation_spend_of_customer").whole().astype(float)
                ),
                "spend_365d_of_leaver": (
                    world.log("expectation_spend_of_leaver").whole().astype(float)
                ),
                "leaving_hazard_of_customer": world.log("expectation_hazard").whole().astype(float),
                "purchase_rate_of_customer": world.log("expectation_rate").whole().astype(float),
            },
            schema=TRUTH["expectations"],
        ),
    }


def _days(days: Array, gone: Array | None = None) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32(), mask=gone).cast(pa.date32())


def _people(world: World) -> pa.Table:
    """Everybody a system knows: who has joined, and the prospects entered by the sales team."""
    people, contacts = world.people, world.contacts
    known = people.joins <= world.day
    known[contacts.person[contacts.entered <= world.day]] = True
    who = np.flatnonzero(known)
    person, style = named(people, who), np.zeros(len(who), dtype=int)
    left = people.left[who]
    return pa.table(
        {
            "true_person_id": who + 1,
            "true_household_id": people.household[who].astype(np.int64) + 1,
            "name": names.names(*person, people.latin[who], style),
            "birth_date": _days(people.birth[who]),
            "gender": words(("female", "male"), people.gender[who]),
            "first_active_on": _days(people.joins[who], people.joins[who] == NEVER),
            "left_on": _days(left, left == 0),
            "leaving_cause": pa.array(leaving.CAUSES).take(
                pa.array(people.cause[who], mask=left == 0)
            ),
            "price_sensitivity": people.sensitivity[who].astype(float),
            "base_gap_days": people.gap[who].astype(float),
            "gap_shape": people.shape[who].astype(float),
            "known_purchase_share": expectation.known_share(world, who).astype(float),
            "contact_effect": words(assumptions.CONTACT_EFFECTS, people.effect[who]),
        },
        schema=TRUTH["people"],
    )


def _records(world: World) -> list[pa.Table]:
    """The record of every system that stands for a person, and whose it is."""
    opened = np.flatnonzero(world.accounts.opened)
    entered = np.flatnonzero(world.contacts.entered <= world.day)
    kinds: list[tuple[str, str, pa.Array, Array]] = [
        ("shop", "members", _numbers(opened), world.accounts.person[opened]),
        ("crm", "name_list", joined("K", digits(entered + 1, 7)), world.contacts.person[entered]),
    ]
    for source, table, log in (
        ("pos", "receipts", "receipts"),
        ("callcentre", "cases", "cases"),
        ("survey", "responses", "responses"),
        ("mailer", "sends", "sends"),
    ):
        person = world.log(log).whole()
        kinds.append((source, table, _numbers(np.arange(len(person))), person))
    return [
        pa.table(
            {
                "source": pa.repeat(source, len(person)),
                "source_table": pa.repeat(table, len(person)),
                "source_record_id": record,
                "true_person_id": person.astype(np.int64) + 1,
            },
            schema=TRUTH["person_records"],
        )
        for source, table, record, person in kinds
    ]


def _numbers(place: Array) -> pa.Array:
    return pa.array(place + 1).cast(pa.string())
