from hypothesis import given
from hypothesis import strategies as st

from ml.identity.clusters import clusters

_KEYS = st.dictionaries(st.integers(0, 30), st.sets(st.sampled_from("abcdefgh"), max_size=3))


def _partition(keys: dict[int, set[str]]) -> set[frozenset[int]]:
    return {frozenset(cluster) for cluster in clusters(keys)}


def test_records_are_tied_over_others_between_them() -> None:
    assert _partition({1: {"a"}, 2: {"a", "b"}, 3: {"b"}, 4: set(), 5: {"c"}}) == {
        frozenset({1, 2, 3}), frozenset({4}), frozenset({5}),
    }  # fmt: skip


@given(_KEYS, st.randoms())
def test_the_order_of_the_records_changes_no_group(
    keys: dict[int, set[str]], random: object
) -> None:
    shuffled = list(keys.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _partition(dict(shuffled)) == _partition(keys)


@given(_KEYS)
def test_every_record_is_in_one_group_and_groups_share_no_key(keys: dict[int, set[str]]) -> None:
    found = clusters(keys)
    assert sorted(record for cluster in found for record in cluster) == sorted(keys)
    held = [set().union(*(keys[record] for record in cluster)) for cluster in found]
    assert sum(map(len, held)) == len(set().union(*held))
