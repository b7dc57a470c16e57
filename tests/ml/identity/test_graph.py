"""Components found as sets are those of the graph logic."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.identity.clusters import tied
from ml.identity.graph import smallest_reached


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=60))
def test_what_edges_connect_bears_its_smallest_node(edges: list[tuple[int, int]]) -> None:
    def record(node: int) -> tuple[str, str]:
        return "shop", f"{node:02}"

    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    found = smallest_reached(ends[:, 0], ends[:, 1], 30)
    expected = tied((record(a), record(b)) for a, b in edges)
    assert [record(int(node)) for node in found] == [
        expected.get(record(node), record(node)) for node in range(30)
    ]


def test_a_long_chain_is_one() -> None:
    chain = np.random.default_rng(1).permutation(10_000)
    assert not smallest_reached(chain[:-1], chain[1:], 10_000).any()
