"""Which records are one person, from weighed pairs and people's decisions: pure graph logic.

Links are taken strongest first, as in Kruskal's spanning trees (1956), and one that would break a
rule is refused. So of a path between two records that must stay apart the weakest link is cut, and
what comes out depends on the links alone, never on the order they arrive in. The rules, with their
reasons: docs/decisions/0026-when-a-link-is-refused.md.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

from ml.identity.contradictions import contradicted_field, dates_differ, differ

Record = tuple[str, str]  # source, source_customer_id
Ends = tuple[Record, Record]  # the smaller record first

NEVER = "never-link"
TOO_LARGE = "too many records"
AMBIGUOUS = "fits several persons"
CONTRADICTION = "contradiction"
PERHAPS_A_HOUSEMATE = "perhaps a housemate"
SILENT = f"{PERHAPS_A_HOUSEMATE}: the holder, who has a card, had not been heard of for half a year"
SILENCE = timedelta(days=182)

# Weights are compared in so many steps a bit: their last digits follow the order of summing up.
WEIGHT_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that something speaks for being one person.

    Attributes:
        a: the smaller of the two records.
        weight: base-two logarithm of the odds' factor, as Splink gives it.
        evidence: what agrees, in words.
        model_version: which weights judged it.
    """

    a: Record
    b: Record
    weight: float
    probability: float
    rests_on: Literal["exact_key", "probability"]
    evidence: str = ""
    model_version: str = ""

    @property
    def ends(self) -> Ends:
        """The two records."""
        return self.a, self.b


@dataclass(frozen=True, slots=True)
class Known:
    """What tells one person from another: every name and birth date a record gives or gave.

    Attributes:
        names: in a form in which two spellings of a name are one.
        birth_dates: as YYYYMMDD.
        given_since: of a record that says a contact alone, since when somebody gives it.
        heard_of: of a record with an exact key, when its person last said something.
        is_card: whether it is known by a key that is shown where one buys.
    """

    names: frozenset[str] = frozenset()
    birth_dates: frozenset[str] = frozenset()
    given_since: date | None = None
    heard_of: date | None = None
    is_card: bool = False


@dataclass(frozen=True)
class Rules:
    """The policy's numbers that decide."""

    link_probability: float
    max_cluster_records: int

    @property
    def margin(self) -> float:
        """How much better, in bits, the best of two rivals must fit to be as sure as a link."""
        return math.log2(self.link_probability / (1 - self.link_probability))


@dataclass(frozen=True)
class Overrides:
    """What people decided, whatever the evidence says."""

    always: frozenset[Ends] = frozenset()
    never: frozenset[Ends] = frozenset()


@dataclass(frozen=True)
class Partition:
    """The records in clusters, each sorted, and why links between clusters were refused."""

    clusters: tuple[tuple[Record, ...], ...]
    refused: Mapping[Ends, str]


def ordered(first: Record, second: Record) -> Ends:
    """Returns two records, the smaller first."""
    return (first, second) if first <= second else (second, first)


def tied(links: Iterable[Ends]) -> dict[Record, Record]:
    """Returns for every record of a link the smallest record that links lead to from it."""
    leader: dict[Record, Record] = {}

    def find(record: Record) -> Record:
        while leader.setdefault(record, record) != record:
            leader[record] = leader[leader[record]]
            record = leader[record]
        return record

    for a, b in links:
        first, second = ordered(find(a), find(b))
        leader[second] = first
    return {record: find(record) for record in leader}


def is_link(pair: Pair, rules: Rules) -> bool:
    """Tells whether a pair is enough for one person without anybody looking."""
    return pair.rests_on == "exact_key" or pair.probability >= rules.link_probability


def partition(
    known: Mapping[Record, Known],
    pairs: Collection[Pair],
    overrides: Overrides,
    rules: Rules,
    bystanders: Mapping[Record, Known] = MappingProxyType({}),
) -> Partition:
    """Returns which records are one person.

    A never-link always holds; an always-link holds unless a never-link forbids it. A cluster of
    more records than the cap falls apart into what exact keys tie together, and where that is too
    much as well, into single records, except for always-links.

    Args:
        known: every record to be placed, with what it says of the person.
        pairs: links, and weaker pairs, which may rival a link.
        bystanders: records of other persons that are not placed anew, but may be rivals.
    """
    links = [pair for pair in pairs if is_link(pair, rules) and pair.a in known and pair.b in known]
    always = [ends for ends in overrides.always if ends[0] in known and ends[1] in known]
    ambiguous = _ambiguous({**bystanders, **known}, pairs, links, overrides, rules)
    refused = dict.fromkeys(ambiguous, AMBIGUOUS)
    exact = [pair for pair in links if pair.rests_on == "exact_key"]
    likely = [pair for pair in links if pair.rests_on == "probability" and pair.ends not in refused]
    forest = _Forest(known, overrides.never)
    refused |= forest.join(sorted(always))
    refused |= forest.join(pair.ends for pair in strongest_first(exact))
    refused |= forest.join((pair.ends for pair in strongest_first(likely)), heed=True)
    clusters: list[tuple[Record, ...]] = []
    for cluster in forest.clusters():
        if len(cluster) <= rules.max_cluster_records:
            clusters.append(cluster)
        else:
            clusters += _broken_up(cluster, known, always, exact, overrides.never, rules)
    place = {record: number for number, cluster in enumerate(clusters) for record in cluster}
    for pair in links:
        if place[pair.a] == place[pair.b]:
            refused.pop(pair.ends, None)
        else:
            refused.setdefault(pair.ends, TOO_LARGE)
    refused |= {ends: NEVER for ends in overrides.never if ends in refused}
    return Partition(tuple(sorted(clusters)), refused)


def strongest_first(pairs: Iterable[Pair]) -> list[Pair]:
    """Returns pairs by their weight, the greatest first, and of equal ones the smaller records."""
    return sorted(pairs, key=lambda pair: (-round(pair.weight * WEIGHT_STEPS), pair.ends))


def _broken_up(
    cluster: tuple[Record, ...],
    known: Mapping[Record, Known],
    always: Iterable[Ends],
    exact: Iterable[Pair],
    never: frozenset[Ends],
    rules: Rules,
) -> list[tuple[Record, ...]]:
    within = set(cluster)
    decided = sorted(ends for ends in always if within.issuperset(ends))
    by_keys = _Forest({record: known[record] for record in cluster}, never)
    by_keys.join(decided)
    by_keys.join(pair.ends for pair in strongest_first(exact) if within.issuperset(pair.ends))
    parts: list[tuple[Record, ...]] = []
    for part in by_keys.clusters():
        if len(part) <= rules.max_cluster_records:
            parts.append(part)
        else:
            alone = _Forest({record: known[record] for record in part}, never)
            alone.join(ends for ends in decided if set(part).issuperset(ends))
            parts += alone.clusters()
    return parts


def _ambiguous(
    known: Mapping[Record, Known],
    pairs: Collection[Pair],
    links: Collection[Pair],
    overrides: Overrides,
    rules: Rules,
) -> set[Ends]:
    """Returns the links of records that fit two different persons about equally well.

    A record that does not say whose it is, by name or birth date, may fit several who contradict
    each other, as a family's phone does. It goes to the best of them only if the chance that it is
    this one and not the other is itself enough for a link.
    """
    vague = {record for record, what in known.items() if not (what.names and what.birth_dates)}
    neighbours: dict[Record, list[tuple[float, Record]]] = defaultdict(list)
    for pair in pairs:
        if pair.ends not in overrides.never:
            weight = math.inf if pair.rests_on == "exact_key" else pair.weight
            for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
                if one in vague:
                    neighbours[one].append((weight, other))
    together = {pair.ends for pair in links} | overrides.always
    found: set[Ends] = set()
    for pair in links:
        if pair.rests_on == "exact_key":
            continue
        for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
            if any(
                rival in known
                and weight > pair.weight - rules.margin
                and rival != other
                and ordered(rival, other) not in together
                and contradicted_field(known[one], known[other], known[rival])
                for weight, rival in neighbours.get(one, ())
            ):
                found.add(pair.ends)
    return found


def _latest(first: Mapping[str, date], second: Mapping[str, date]) -> dict[str, date]:
    return {
        source: max(days[source] for days in (first, second) if source in days)
        for source in first.keys() | second.keys()
    }


class _Forest:
    """Clusters that grow link by link and know what they may not be joined with."""

    def __init__(self, known: Mapping[Record, Known], never: Iterable[Ends]) -> None:
        self._known = known
        self._root = {record: record for record in known}
        self._members = {record: [record] for record in known}
        self._names = {record: what.names for record, what in known.items()}
        self._dates = {record: what.birth_dates for record, what in known.items()}
        # Contacts given without a name, since when, and cards: by source, each has its own custom.
        self._given = {
            record: {record[0]: what.given_since}
            for record, what in known.items()
            if what.given_since
        }
        self._cards = {record: {record[0]} for record, what in known.items() if what.is_card}
        self._heard_of = {record: what.heard_of for record, what in known.items() if what.heard_of}
        self._apart: dict[Record, set[Record]] = defaultdict(set)
        for a, b in never:
            if a in known and b in known:
                self._apart[a].add(b)
                self._apart[b].add(a)

    def join(self, links: Iterable[Ends], *, heed: bool = False) -> dict[Ends, str]:
        """Joins clusters over links in their order; returns those refused, with the reason.

        Args:
            heed: refuse also what the persons' names, birth dates and cards contradict.
        """
        refused: dict[Ends, str] = {}
        for a, b in links:
            first, second = self._find(a), self._find(b)
            if first == second:
                continue
            reason = self._forbidden(first, second)
            if heed and reason is None:
                reason = self._contradiction(a, b, first, second) or self._silence(first, second)
            if reason:
                refused[a, b] = reason
            else:
                self._unite(first, second)
        return refused

    def clusters(self) -> list[tuple[Record, ...]]:
        """Returns every cluster, sorted."""
        return [tuple(sorted(members)) for members in self._members.values()]

    def _find(self, record: Record) -> Record:
        root = self._root
        while root[record] != record:
            root[record] = root[root[record]]
            record = root[record]
        return record

    def _forbidden(self, first: Record, second: Record) -> str | None:
        apart = self._apart.get(first)
        if apart and any(self._find(record) == second for record in apart):
            return NEVER
        return None

    def _contradiction(self, a: Record, b: Record, first: Record, second: Record) -> str | None:
        """Compares the two clusters in what the linked records themselves could not compare."""
        here, there = self._known[a], self._known[b]
        if not (here.names and there.names) and differ(self._names[first], self._names[second]):
            return f"{CONTRADICTION}: name"
        if not (here.birth_dates and there.birth_dates) and dates_differ(
            self._dates[first], self._dates[second]
        ):
            return f"{CONTRADICTION}: birth date"
        return None

    def _silence(self, first: Record, second: Record) -> str | None:
        """Looks for a contact given where a card is read, and its holder long silent by then."""
        given = _latest(self._given.get(first, {}), self._given.get(second, {}))
        cards = self._cards.get(first, set()) | self._cards.get(second, set())
        heard = max(self._heard_of.get(root, date.min) for root in (first, second))
        if any(source in cards and since - heard > SILENCE for source, since in given.items()):
            return SILENT
        return None

    def _unite(self, first: Record, second: Record) -> None:
        if len(self._members[first]) < len(self._members[second]):
            first, second = second, first
        self._root[second] = first
        self._members[first] += self._members.pop(second)
        self._names[first] |= self._names.pop(second)
        self._dates[first] |= self._dates.pop(second)
        if second in self._given:
            self._given[first] = _latest(self._given.get(first, {}), self._given.pop(second))
        if second in self._cards:
            self._cards[first] = self._cards.get(first, set()) | self._cards.pop(second)
        if second in self._heard_of:
            heard = self._heard_of.pop(second)
            self._heard_of[first] = max(heard, self._heard_of.get(first, heard))
        if second in self._apart:
            self._apart[first] |= self._apart.pop(second)
