"""How many records of one source are found in another, and by which evidence.

A record of a source is connected with another source if its person has a record there. Ordered
pairs of sources, because connection is lopsided: all of a small source may be found in a large one
of which it covers only a third. A record is counted by the best evidence that leads it there.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

import psycopg
from psycopg import sql

from warehouse.context import RunContext

# How many groups have so many records of each source: there are few such combinations.
_COMBINATIONS = """
select {sources}, count(*)
from (
    select {counts}
    from {links}
    where {group} is not null
    group by {group}
) as groups
group by {sources}
"""

# Steps from one source to the next in the index, instead of reading every link.
_SOURCES = """
with recursive sources as (
    (select source from {links} order by source limit 1)
    union all
    select (
        select links.source from {links} as links
        where links.source > sources.source
        order by links.source
        limit 1
    )
    from sources
    where sources.source is not null
)

select source from sources where source is not null order by source
"""

_WRITE = """
insert into identity.connectedness (
    as_of_date, source_a, source_b, records_a, records_b, linked_a, linked_b, linked_share_a,
    evidence, linked_by_exact_key_a, linked_by_override_a, linked_by_probability_a
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

SourcePair = tuple[str, str]


@dataclass(frozen=True)
class Connectedness:
    """What was counted of a day.

    Attributes:
        sources: those that have records.
        persons: for each kind of person, how many records of each source it has, and then how many
            persons are of that kind.
    """

    sources: Sequence[str]
    persons: Sequence[Sequence[int]]

    @property
    def source_pairs(self) -> int:
        """The number of ordered pairs of sources."""
        return len(self.sources) * (len(self.sources) - 1)


def write_connectedness(
    connection: psycopg.Connection, context: RunContext, links: sql.Identifier
) -> Connectedness:
    """Replaces the day's connectedness; returns what it rests on.

    Args:
        links: the table of the links that are counted.
    """
    connection.execute("delete from identity.connectedness where as_of_date = %s", (context.as_of,))
    found = connection.execute(sql.SQL(_SOURCES).format(links=links)).fetchall()
    sources = [source for (source,) in found]
    if not sources:
        return Connectedness((), ())
    # What an exact key ties, decisions do as well; what these tie is one person.
    persons, *tied = (
        _combinations(connection, links, sources, group)
        for group in ("person_id", "certain_group", "exact_group")
    )
    linked, certain, exact = (connected(sources, groups) for groups in (persons, *tied))
    sizes = {
        source: sum(records[place] * records[-1] for records in persons)
        for place, source in enumerate(sources)
    }
    rows = []
    for a, b in permutations(sources, 2):
        by = {
            "exact_key": exact[a, b],
            "override": certain[a, b] - exact[a, b],
            "probability": linked[a, b] - certain[a, b],
        }
        rows.append((
            context.as_of, a, b, sizes[a], sizes[b], linked[a, b], linked[b, a],
            linked[a, b] / sizes[a],
            ", ".join(evidence for evidence, records in by.items() if records) or "none",
            *by.values(),
        ))  # fmt: skip
    connection.cursor().executemany(_WRITE, rows)
    return Connectedness(sources, persons)


def connected(sources: Sequence[str], combinations: Iterable[Sequence[int]]) -> Counter[SourcePair]:
    """Returns how many records of one source have another one in their group: pure.

    Args:
        sources: their names.
        combinations: for each, the records of a group in each source, then how many groups there
            are of that kind.
    """
    found: Counter[SourcePair] = Counter()
    for *records, groups in combinations:
        present = [(name, count) for name, count in zip(sources, records, strict=True) if count]
        for (a, count), (b, _) in permutations(present, 2):
            found[a, b] += count * groups
    return found


def _combinations(
    connection: psycopg.Connection, links: sql.Identifier, sources: Sequence[str], group: str
) -> list[tuple[int, ...]]:
    names = [sql.Identifier(f"source_{number}") for number, _ in enumerate(sources)]
    counts = [
        sql.SQL("count(*) filter (where source = {}) as {}").format(sql.Literal(source), name)
        for source, name in zip(sources, names, strict=True)
    ]
    query = sql.SQL(_COMBINATIONS).format(
        sources=sql.SQL(", ").join(names),
        counts=sql.SQL(", ").join(counts),
        links=links,
        group=sql.Identifier(group),
    )
    return connection.execute(query).fetchall()
