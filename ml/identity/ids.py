"""Which id a cluster of records bears, so that nobody's changes without need: pure.

An id is made for a person's earliest record and then kept. A merge keeps the older id. A split
leaves it to the part with most evidence: the greatest summed match weight among the records that
bore it, then the most of them, then the earliest.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ml.identity.clusters import Pair, Record

Change = Literal["created", "merged", "split", "record_joined", "record_left"]
_YOUNGER = timedelta(microseconds=1)


@dataclass(frozen=True, order=True, slots=True)
class Id:
    """A person's id.

    Attributes:
        since: when the record it was made for was first seen; the earlier, the older the id. One
            made at a split is younger than the id it left, so that merging again restores that.
    """

    since: datetime
    person_id: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history of persons; a record is named where one record is meant."""

    person_id: str
    change: Change
    other_person_id: str | None = None
    record: Record | None = None


def made_for(record: Record, number: int = 1) -> str:
    """Returns the id made for a record; a further one where the first is another person's."""
    digest = hashlib.md5(":".join(record).encode(), usedforsecurity=False).hexdigest()[:16]
    return f"P{digest}" if number == 1 else f"P{digest}-{number}"


def assign(
    clusters: Iterable[Sequence[Record]],
    first_seen: Mapping[Record, datetime],
    held: Mapping[Record, Id],
    pairs: Iterable[Pair],
    taken: Collection[str] = (),
) -> dict[Record, Id]:
    """Returns the id of every record's person.

    Args:
        held: the ids that records bear so far; new records have none.
        pairs: the links, whose weights are the evidence of a part.
        taken: ids that persons outside these clusters bear.
    """
    groups = [sorted(group, key=lambda record: (first_seen[record], record)) for group in clusters]
    claims: dict[Id, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        for bears in {held[record] for record in group if record in held}:
            claims[bears].append(number)
    weights = _weights(groups, held, pairs, {i for i, by in claims.items() if len(by) > 1})
    given: dict[int, Id] = {}
    for bears in sorted(claims):

        def evidence(number: int, bears: Id = bears) -> tuple[float, int, datetime, Record]:
            mine = [record for record in groups[number] if held.get(record) == bears]
            weight = weights.get((bears, number), 0.0)
            return -weight, -len(mine), first_seen[mine[0]], mine[0]

        free = [number for number in claims[bears] if number not in given]
        if free:
            given[min(free, key=evidence)] = bears
    used = {bears.person_id for bears in claims} | set(taken)
    for number, group in enumerate(groups):
        if number not in given:
            fresh = _fresh(group[0], used)
            used.add(fresh)
            left = [held[record].since + _YOUNGER for record in group if record in held]
            given[number] = Id(max([first_seen[group[0]], *left]), fresh)
    return {record: given[number] for number, group in enumerate(groups) for record in group}


def _fresh(record: Record, used: Collection[str]) -> str:
    number = 1
    while made_for(record, number) in used:
        number += 1
    return made_for(record, number)


def _weights(
    groups: Sequence[Sequence[Record]],
    held: Mapping[Record, Id],
    pairs: Iterable[Pair],
    contested: Collection[Id],
) -> dict[tuple[Id, int], float]:
    """Sums the weights of the links of each part among the records that bore a contested id."""
    sums: dict[tuple[Id, int], float] = defaultdict(float)
    if not contested:
        return sums
    place = {record: number for number, group in enumerate(groups) for record in group}
    for pair in pairs:
        bears, number = held.get(pair.a), place.get(pair.a)
        together = number is not None and number == place.get(pair.b)
        if together and bears in contested and held.get(pair.b) == bears:
            assert bears is not None and number is not None
            sums[bears, number] += round(pair.weight, 6)
    return sums


def events(
    held: Mapping[Record, Id], given: Mapping[Record, Id], first_seen: Mapping[Record, datetime]
) -> list[Event]:
    """Returns what changed for persons and records, persons before records.

    A person all of whose records are new is created; one with a new id among others' former
    records was split off; an id that nobody bears any more was merged into where its records went.
    """
    members: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(given, key=lambda record: (first_seen[record], record)):
        members[given[record].person_id].append(record)
    before = {bears.person_id for bears in held.values()}
    found: list[Event] = []
    for person_id, records in sorted(members.items()):
        came_from = {held[record].person_id for record in records if record in held} - {person_id}
        if person_id not in before:
            if came_from:
                found += [Event(person_id, "split", other) for other in sorted(came_from)]
            else:
                found.append(Event(person_id, "created", record=records[0]))
        found += [
            Event(person_id, "merged", other) for other in sorted(came_from) if other not in members
        ]
        creator = records[0] if person_id not in before and not came_from else None
        for record in records:
            bore = held[record].person_id if record in held else None
            if bore == person_id or record == creator:
                continue
            found.append(Event(person_id, "record_joined", bore, record))
            if bore:
                found.append(Event(bore, "record_left", person_id, record))
    return found
