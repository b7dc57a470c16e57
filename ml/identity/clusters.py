"""Which records belong together: pure, apart from any database or library."""

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

Record = TypeVar("Record", bound=Hashable)


def clusters(keys: Mapping[Record, Collection[str]]) -> list[list[Record]]:
    """Returns the records in groups: two that share a key are in one, also over others between.

    The groups are the same in whatever order the records and keys come; a group lists its records
    in the order of `keys`. Union-find with path halving (Tarjan and van Leeuwen, 1984).

    Args:
        keys: per record the keys it holds; one without any stands alone.
    """
    leader: dict[Hashable, Hashable] = {}

    def find(node: Hashable) -> Hashable:
        while leader.setdefault(node, node) != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for record, held in keys.items():
        for key in held:
            leader[find(("key", key))] = find(("record", record))
    grouped: dict[Hashable, list[Record]] = {}
    for record in keys:
        grouped.setdefault(find(("record", record)), []).append(record)
    return list(grouped.values())
