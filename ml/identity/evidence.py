"""What a link rests on and why a person changed, in words: pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ml.identity.clusters import (
    NEVER,
    Ends,
    Overrides,
    Pair,
    Partition,
    Record,
    ordered,
    strongest_first,
    tied,
)
from ml.identity.ids import Event, Id

VERY_STRONG, STRONG = 0.9999, 0.99

Kind = Literal["exact_key", "override", "probability", "single_record"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The best that ties a record to its person.

    Attributes:
        rests_on: what kind it is.
        detail: what agrees, or who decided.
        strength: how strong it is, in a word or two.
        probability: null for a record that stands alone.
        exact_group: the smallest record that exact keys lead to, where they lead to any.
        certain_group: the same of exact keys and people's decisions together.
        model_version: which weights judged it, where weights did.
    """

    rests_on: Kind
    detail: str
    strength: str
    probability: float | None = None
    exact_group: Record | None = None
    certain_group: Record | None = None
    model_version: str = ""

    @property
    def cause(self) -> str:
        """The evidence as the cause of a change."""
        if self.rests_on == "exact_key":
            return f"exact key: {self.detail}"
        if self.rests_on == "probability":
            return f"probability {self.probability:.4f} by {self.model_version}: {self.detail}"
        if self.rests_on == "override":
            return f"always-link by {self.detail}"
        return "first seen"


ALONE = Evidence("single_record", "no other record", "alone")


def evidence_of(
    found: Partition,
    links: Iterable[Pair],
    overrides: Overrides,
    decided_by: Mapping[Ends, str],
) -> dict[Record, Evidence]:
    """Returns the best evidence of every record that is not alone.

    Args:
        links: the pairs strong enough to link; those between two persons are left out.
        decided_by: who decided each override.
    """
    place = {record: number for number, group in enumerate(found.clusters) for record in group}
    held = [pair for pair in links if place.get(pair.a, -1) == place.get(pair.b, -2)]
    decided = [
        ends for ends in overrides.always if place.get(ends[0], -1) == place.get(ends[1], -2)
    ]
    exact = [pair.ends for pair in held if pair.rests_on == "exact_key"]
    exact_group, certain_group = tied(exact), tied([*exact, *decided])
    best: dict[Record, Evidence] = {}

    def offer(
        ends: Ends, kind: Kind, detail: str, strength: str, probability: float, version: str = ""
    ) -> None:
        for record in ends:
            if record not in best:
                best[record] = Evidence(
                    kind, detail, strength, probability,
                    exact_group.get(record), certain_group.get(record), version,
                )  # fmt: skip

    by_strength = strongest_first(held)
    for pair in by_strength:
        if pair.rests_on == "exact_key":
            offer(pair.ends, "exact_key", pair.evidence, "certain", 1.0, pair.model_version)
    for ends in sorted(decided):
        offer(ends, "override", decided_by[ends], "decided", 1.0)
    for pair in by_strength:
        offer(
            pair.ends, "probability", pair.evidence, _in_words(pair.probability),
            pair.probability, pair.model_version,
        )  # fmt: skip
    return best


def _in_words(probability: float) -> str:
    if probability >= VERY_STRONG:
        return "very strong"
    return "strong" if probability >= STRONG else "sufficient"


def causes(
    events: Sequence[Event],
    held: Mapping[Record, Id],
    given: Mapping[Record, Id],
    evidence: Mapping[Record, Evidence],
    refused: Mapping[Ends, str],
    never_by: Mapping[Ends, str],
) -> list[str]:
    """Returns the cause of every event.

    What comes together does so by the evidence of a record that came; what parts does so because a
    link is refused, or because the evidence is gone.
    """
    living = {bears.person_id for bears in given.values()}
    members: dict[str, list[Record]] = defaultdict(list)
    for record, bears in sorted(held.items()):
        members[bears.person_id].append(record)
    arrived: dict[tuple[str, str | None], Record] = {}
    for record in sorted(given):
        bore = held[record].person_id if record in held else None
        arrived.setdefault((given[record].person_id, bore), record)
    parting: dict[tuple[str, str], str] = {}

    def parted(left: str, now: str) -> str:
        """Looks once per pair of persons for what keeps them apart."""
        if (left, now) not in parting:
            stayed = [r for r in members[left] if r in given and given[r].person_id != now]
            gone = [r for r in members[left] if r in given and given[r].person_id == now]
            found = {ordered(a, b) for a in gone for b in stayed}
            by = sorted(never_by[ends] for ends in found if ends in never_by)
            reasons = sorted(refused[ends] for ends in found if ends in refused)
            parting[left, now] = (
                f"{NEVER} by {by[0]}" if by
                else f"refused: {reasons[0]}" if reasons
                else "the evidence is gone"
            )  # fmt: skip
        return parting[left, now]

    def cause(event: Event) -> str:
        other = event.other_person_id
        if event.change == "created":
            return "first seen"
        if event.change == "split" and other:
            return parted(other, event.person_id)
        if event.change == "record_left" and other and event.person_id in living:
            return parted(event.person_id, other)
        record = event.record or arrived[event.person_id, other]
        if record not in evidence and other and other in living:
            return parted(other, event.person_id)
        return evidence.get(record, ALONE).cause

    return [cause(event) for event in events]
