"""Persons who share a phone or an address and are not one person: families, not duplicates."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import psycopg

from ml.identity.clusters import tied
from warehouse.context import RunContext

# Who gives a value that two persons give. Placeholders and values of too many records are not in
# `shared_contacts`.
_SHARED = """
with given as materialized (
    select contacts.kind, contacts.value_hash, links.person_id, links.person_since
    from identity.shared_contacts as contacts
    inner join identity.person_links as links
        on contacts.source = links.source
        and contacts.source_customer_id = links.source_customer_id
),

shared as (
    select kind, value_hash
    from given
    group by kind, value_hash
    having min(person_id) != max(person_id)
)

select given.kind, given.value_hash, given.person_id, min(given.person_since)
from given
inner join shared on given.kind = shared.kind and given.value_hash = shared.value_hash
group by given.kind, given.value_hash, given.person_id
"""

_WRITE = """
with gone as (
    delete from identity.households as households
    where not exists (
        select from living_together where living_together.person_id = households.person_id
    )
)

insert into identity.households (person_id, household_id, basis)
select person_id, household_id, basis from living_together
on conflict (person_id) do update set
    household_id = excluded.household_id,
    basis = excluded.basis
where (households.household_id, households.basis) != (excluded.household_id, excluded.basis)
"""


class Shared(NamedTuple):
    """A person gives a value that somebody else gives as well.

    Attributes:
        kind: 'phone' or 'address'.
        since: how old the person's id is.
    """

    kind: str
    value: str
    person_id: str
    since: datetime


class Home(NamedTuple):
    """With whom a person lives, and whether by 'phone', 'address' or 'both'."""

    household_id: str
    basis: str


def write_households(connection: psycopg.Connection, context: RunContext) -> dict[str, int]:
    """Replaces the households; returns their number and how many were too large to be one.

    Whoever shares a value with somebody lives with all whom that one shares a value with. More
    persons than records make a person at most are a dormitory or an office, and no household.
    """
    shared = [Shared(*row) for row in connection.execute(_SHARED)]
    homes, too_large = households(shared, context.policy.identity.max_cluster_records)
    connection.execute(
        "create temporary table living_together"
        " (person_id text primary key, household_id text, basis text) on commit drop"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy("copy living_together (person_id, household_id, basis) from stdin") as copy,
    ):
        for person_id in sorted(homes):
            copy.write_row((person_id, *homes[person_id]))
    connection.execute(_WRITE)
    return {
        "households": len({home.household_id for home in homes.values()}),
        "too_large_households": too_large,
    }


def households(shared: Collection[Shared], cap: int) -> tuple[dict[str, Home], int]:
    """Returns who lives where, and how many households were left out for their size. Pure.

    A household is called after its eldest person.

    Args:
        shared: each value of two persons or more.
        cap: the most persons a household may have.
    """
    reached = tied(((one.kind, one.value), ("person", one.person_id)) for one in shared)
    kinds: dict[str, set[str]] = defaultdict(set)
    since: dict[str, datetime] = {}
    for one in shared:
        kinds[one.person_id].add(one.kind)
        since[one.person_id] = min(one.since, since.get(one.person_id, one.since))
    together: dict[tuple[str, str], list[str]] = defaultdict(list)
    for person_id in since:
        together[reached["person", person_id]].append(person_id)
    homes: dict[str, Home] = {}
    for persons in together.values():
        if len(persons) <= cap:
            eldest = min(persons, key=lambda person_id: (since[person_id], person_id))
            for person_id in persons:
                basis = "both" if len(kinds[person_id]) > 1 else min(kinds[person_id])
                homes[person_id] = Home(eldest, basis)
    return homes, sum(len(persons) > cap for persons in together.values())
