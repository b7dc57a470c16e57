from datetime import UTC, datetime
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ml.identity.clusters import Pair, Record, ordered
from ml.identity.ids import Event, Id, assign, events, made_for

A, B, C, D = (("shop", name) for name in "abcd")
SEEN = {record: datetime(2026, 1, 1 + day, tzinfo=UTC) for day, record in enumerate((A, B, C, D))}


def first(*groups: list[Record]) -> dict[Record, Id]:
    return assign(groups, SEEN, {}, [])


def link(a: Record, b: Record, weight: float) -> Pair:
    return Pair(*ordered(a, b), weight, 0.99, "probability")


def test_a_new_person_bears_the_id_of_its_earliest_record() -> None:
    given = first([C, B], [D])
    assert given[B] == given[C] == Id(SEEN[B], made_for(B))
    assert given[D].person_id == made_for(D)


def test_a_merge_keeps_the_older_id_also_when_its_record_has_left() -> None:
    held = {B: Id(SEEN[A], "older"), D: Id(SEEN[C], "younger")}
    assert assign([[B, D]], SEEN, held, [])[D].person_id == "older"


def test_a_split_leaves_the_id_to_the_greatest_weight_then_to_the_most_records() -> None:
    held = dict.fromkeys((A, B, C, D), Id(SEEN[A], "one"))
    by_weight = assign([[A, B], [C, D]], SEEN, held, [link(A, B, 5), link(C, D, 9)])
    assert by_weight[C].person_id == "one"
    assert by_weight[A].person_id == made_for(A)
    by_count = assign([[A], [B, C, D]], SEEN, held, [])
    assert by_count[B].person_id == "one"
    by_age = assign([[A, B], [C, D]], SEEN, held, [])
    assert by_age[A].person_id == "one"


def test_an_id_that_is_taken_is_never_made_again() -> None:
    held = {A: Id(SEEN[A], made_for(A)), B: Id(SEEN[A], made_for(A)), C: Id(SEEN[A], made_for(A))}
    apart = assign([[A], [B, C]], SEEN, held, [])
    assert apart[B].person_id == made_for(A)
    assert apart[A].person_id == made_for(A, 2)
    assert assign([[D]], SEEN, {}, [], {made_for(D)})[D].person_id == made_for(D, 2)


def test_a_part_that_has_an_older_id_leaves_the_younger_one_to_others() -> None:
    held = {A: Id(SEEN[A], "old"), B: Id(SEEN[B], "new"), C: Id(SEEN[B], "new")}
    given = assign([[A, B], [C]], SEEN, held, [])
    assert (given[A].person_id, given[B].person_id, given[C].person_id) == ("old", "old", "new")


def test_what_happened_is_told_person_by_person_and_record_by_record() -> None:
    held = {A: Id(SEEN[A], "a"), B: Id(SEEN[B], "b"), C: Id(SEEN[B], "b")}
    given = {A: held[A], B: held[A], C: held[B], D: held[B]}
    assert events(held, given, SEEN) == [
        Event("a", "record_joined", "b", B),
        Event("b", "record_left", "a", B),
        Event("b", "record_joined", None, D),
    ]
    assert events({}, first([A, B]), SEEN) == [
        Event(made_for(A), "created", None, A),
        Event(made_for(A), "record_joined", None, B),
    ]
    assert events(held, dict.fromkeys((A, B, C), held[A]), SEEN)[0] == Event("a", "merged", "b")


_RECORDS = [("source", str(number)) for number in range(8)]
_SEEN = {record: datetime(2026, 1, 1 + n // 2, tzinfo=UTC) for n, record in enumerate(_RECORDS)}
_NIGHTS = st.lists(st.lists(st.integers(0, 3), min_size=8, max_size=8), min_size=1, max_size=6)


def _clusters(places: list[int]) -> list[list[Record]]:
    of: dict[int, list[Record]] = {}
    for record, place in zip(_RECORDS, places, strict=True):
        of.setdefault(place, []).append(record)
    return list(of.values())


@settings(deadline=None, max_examples=60)
@given(_NIGHTS, st.randoms(use_true_random=False))
def test_ids_are_one_to_a_cluster_and_stay_with_those_that_stay_together(
    nights: list[list[int]], random: Random
) -> None:
    held: dict[Record, Id] = {}
    for places in nights:
        clusters = _clusters(places)
        given_now = assign(clusters, _SEEN, held, [])
        shuffled = [random.sample(cluster, len(cluster)) for cluster in clusters]
        random.shuffle(shuffled)
        assert assign(shuffled, _SEEN, held, []) == given_now
        assert len({given_now[cluster[0]].person_id for cluster in clusters}) == len(clusters)
        for cluster in clusters:
            bore = {held.get(record) for record in cluster}
            was = [record for record, bears in held.items() if bears in bore]
            if len(bore) == 1 and None not in bore and len(was) == len(cluster):
                assert {given_now[record] for record in cluster} == bore
        assert assign(clusters, _SEEN, given_now, []) == given_now
        held = given_now


@settings(deadline=None, max_examples=60)
@given(_NIGHTS)
def test_what_is_split_and_merged_again_has_the_same_ids(nights: list[list[int]]) -> None:
    held: dict[Record, Id] = {}
    for places in nights:
        held = assign(_clusters(places), _SEEN, held, [])
    for cluster in _clusters(nights[-1]):
        if len(cluster) > 1:
            others = [other for other in _clusters(nights[-1]) if other != cluster]
            apart = assign([*others, cluster[:1], cluster[1:]], _SEEN, held, [])
            assert assign(_clusters(nights[-1]), _SEEN, apart, []) == held
