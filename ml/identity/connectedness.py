"""How many records of one source are found in another, and by which evidence.

A record of a source is connected with another source if its person has a record there. Ordered
pairs of sources, because connection is lopsided: all of a small source may be found in a large one
of which it covers only a third. A record is counted by the best evidence that leads it there.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import permutations

import psycopg
from psycopg import sql

from warehouse.context import RunContext

# How many groups have so many records of each source: there are few such combinations.
_COMBINATIONS = """
select {sources}, count(*)
from (
    select {counts}
    from known_links
    where {group} is not null
    group by {group}
) as groups
group by {sources}
"""

_SIZES = "select source, count(*) from known_links group by source order by source"

_WRITE = """
insert into identity.connectedness (
    as_of_date, source_a, source_b, records_a, records_b, linked_a, linked_b, linked_share_a,
    evidence, linked_by_exact_key_a, linked_by_override_a, linked_by_probability_a
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

SourcePair = tuple[str, str]


def write_connectedness(connection: psycopg.Connection, context: RunContext) -> int:
    """Replaces the day's connectedness, counted of `known_links`.

    Returns:
        The number of ordered pairs of sources.
    """
    connection.execute("delete from identity.connectedness where as_of_date = %s", (context.as_of,))
    sizes: dict[str, int] = dict(connection.execute(_SIZES).fetchall())
    if not sizes:
        return 0
    # What an exact key ties, decisions do as well; what these tie is one person.
    linked, certain, exact = (
        connected(list(sizes), _combinations(connection, list(sizes), group))
        for group in ("person_id", "certain_group", "exact_group")
    )
    rows = []
    for a, b in permutations(sizes, 2):
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
    return len(rows)


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
    connection: psycopg.Connection, sources: Sequence[str], group: str
) -> list[tuple[int, ...]]:
    names = [sql.Identifier(f"source_{number}") for number, _ in enumerate(sources)]
    counts = [
        sql.SQL("count(*) filter (where source = {}) as {}").format(sql.Literal(source), name)
        for source, name in zip(sources, names, strict=True)
    ]
    query = sql.SQL(_COMBINATIONS).format(
        sources=sql.SQL(", ").join(names),
        counts=sql.SQL(", ").join(counts),
        group=sql.Identifier(group),
    )
    return connection.execute(query).fetchall()
