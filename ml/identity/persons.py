"""Decides about records: who is one person, under which id, on what evidence and why: pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml.identity.clusters import Ends, Known, Overrides, Pair, Record, Rules, is_link, partition
from ml.identity.evidence import ALONE, Evidence, causes, evidence_of
from ml.identity.ids import Event, Id, assign, events


@dataclass(frozen=True)
class Case:
    """What is decided about: records and what is known of them, their pairs.

    Attributes:
        known: the records, with what they say of the person.
        bystanders: records at the other ends of their pairs, which are not decided about.
        held: the ids the records bear so far.
        rows: their links so far, as they would be written.
        decided_by: who decided each override.
    """

    known: Mapping[Record, Known]
    bystanders: Mapping[Record, Known]
    first_seen: Mapping[Record, datetime]
    load_ids: Mapping[Record, str | None]
    held: Mapping[Record, Id]
    rows: Mapping[Record, tuple[Any, ...]]
    pairs: Collection[Pair]
    overrides: Overrides
    decided_by: Mapping[Ends, str]


@dataclass(frozen=True)
class Decision:
    """What came of it: ids, what ties each record, refused links, and changes with their causes."""

    given: Mapping[Record, Id]
    evidence: Mapping[Record, Evidence]
    refused: Mapping[Ends, str]
    history: list[tuple[Event, str]]

    def row(self, record: Record, load_id: str | None) -> tuple[Any, ...]:
        """Returns a record's link behind its key: the columns of `bulk.LINK_COLUMNS`."""

        def named(group: Record | None) -> str | None:
            return ":".join(group) if group else None

        bears, evidence = self.given[record], self.evidence.get(record, ALONE)
        return (
            bears.person_id, bears.since, evidence.rests_on, evidence.detail, evidence.strength,
            evidence.probability, named(evidence.exact_group), named(evidence.certain_group),
            load_id,
        )  # fmt: skip


def decide_about(case: Case, rules: Rules, taken: Collection[str] = ()) -> Decision:
    """Returns who is who.

    Args:
        taken: ids that other persons bear.
    """
    found = partition(case.known, case.pairs, case.overrides, rules, case.bystanders)
    links = [pair for pair in case.pairs if is_link(pair, rules)]
    given = assign(found.clusters, case.first_seen, case.held, links, taken)
    evidence = evidence_of(found, links, case.overrides, case.decided_by)
    happened = events(case.held, given, case.first_seen)
    never_by = {ends: case.decided_by[ends] for ends in case.overrides.never}
    why = causes(happened, case.held, given, evidence, found.refused, never_by)
    return Decision(given, evidence, found.refused, list(zip(happened, why, strict=True)))
