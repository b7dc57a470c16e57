from collections.abc import Iterable
from datetime import date
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ml.identity.clusters import (
    AMBIGUOUS,
    CONTRADICTION,
    NEVER,
    SILENT,
    TOO_LARGE,
    Ends,
    Known,
    Overrides,
    Pair,
    Partition,
    Record,
    Rules,
    is_link,
    ordered,
    partition,
    tied,
)

RULES = Rules(link_probability=0.97, max_cluster_records=40)
SMALL = Rules(link_probability=0.97, max_cluster_records=4)
MOTHER = Known(frozenset({"kim jiwon"}), frozenset({"19600505"}))
SON = Known(frozenset({"lee minsu"}), frozenset({"19901120"}))
NOTHING = Known()


def record(number: int) -> Record:
    return f"source{number % 3}", str(number)


def ends(first: int, second: int) -> Ends:
    return ordered(record(first), record(second))


def pair(first: int, second: int, weight: float = 10.0, probability: float = 0.99) -> Pair:
    return Pair(*ends(first, second), weight, probability, "probability")


def exact(first: int, second: int) -> Pair:
    return Pair(*ends(first, second), 30.0, 1.0, "exact_key")


def placed(
    pairs: Iterable[Pair],
    known: dict[int, Known] | int,
    *,
    always: Iterable[Ends] = (),
    never: Iterable[Ends] = (),
    rules: Rules = RULES,
) -> Partition:
    of = dict.fromkeys(range(known), NOTHING) if isinstance(known, int) else known
    return partition(
        {record(number): what for number, what in of.items()}, list(pairs),
        Overrides(frozenset(always), frozenset(never)), rules,
    )  # fmt: skip


def groups(found: Partition) -> set[frozenset[int]]:
    return {frozenset(int(number) for _, number in cluster) for cluster in found.clusters}


def sets(*groups: Iterable[int]) -> set[frozenset[int]]:
    return {frozenset(group) for group in groups}


def test_records_are_tied_over_others_between_them() -> None:
    found = placed([pair(0, 1), exact(1, 2), pair(3, 4, probability=0.96)], 5)
    assert groups(found) == sets([0, 1, 2], [3], [4])
    assert found.refused == {}


def test_a_never_link_cuts_the_weakest_link_between_the_two() -> None:
    chain = [pair(0, 1, 12), pair(1, 2, 8), pair(2, 3, 10)]
    found = placed(chain, 4, never=[ends(0, 3)])
    assert groups(found) == sets([0, 1], [2, 3])
    assert found.refused == {ends(1, 2): NEVER}


def test_a_never_link_holds_against_an_exact_key() -> None:
    found = placed([exact(0, 1), pair(1, 2)], 3, never=[ends(0, 1)])
    assert groups(found) == sets([0], [1, 2])


def test_an_always_link_holds_against_all_evidence() -> None:
    found = placed([], {0: MOTHER, 1: SON}, always=[ends(0, 1)])
    assert groups(found) == sets([0, 1])


def test_a_record_that_fits_two_persons_equally_well_joins_neither() -> None:
    found = placed([pair(0, 2, 9.0), pair(1, 2, 8.0)], {0: MOTHER, 1: SON, 2: NOTHING})
    assert groups(found) == sets([0], [1], [2])
    assert found.refused == {ends(0, 2): AMBIGUOUS, ends(1, 2): AMBIGUOUS}


def test_a_rival_need_not_be_a_link_to_leave_doubt() -> None:
    rival = pair(1, 2, 8.0, probability=0.9)
    assert groups(placed([pair(0, 2, 9.0), rival], {0: MOTHER, 1: SON, 2: NOTHING})) == sets(
        [0], [1], [2]
    )


def test_a_record_that_fits_one_of_two_persons_clearly_better_joins_that_one() -> None:
    found = placed([pair(0, 2, 15.0), pair(1, 2, 8.0)], {0: MOTHER, 1: SON, 2: NOTHING})
    assert groups(found) == sets([0, 2], [1])
    assert found.refused == {ends(1, 2): AMBIGUOUS}


def test_rivals_that_are_one_person_leave_no_doubt() -> None:
    two_accounts = [pair(0, 2, 9.0), pair(1, 2, 8.0), exact(0, 1)]
    assert groups(placed(two_accounts, {0: MOTHER, 1: SON, 2: NOTHING})) == sets([0, 1, 2])


def test_a_chain_over_records_without_a_name_joins_no_two_persons() -> None:
    known = {0: MOTHER, 1: NOTHING, 2: NOTHING, 3: SON}
    found = placed([pair(0, 1, 12), pair(1, 2, 11), pair(2, 3, 10)], known)
    assert groups(found) == sets([0, 1, 2], [3])
    assert found.refused == {ends(2, 3): f"{CONTRADICTION}: name"}


def test_two_who_could_be_compared_are_judged_by_the_model_alone() -> None:
    assert groups(placed([pair(0, 1)], {0: MOTHER, 1: SON})) == sets([0, 1])


def test_twins_are_told_apart_by_their_names() -> None:
    first, second = (Known(frozenset({name}), frozenset({"19901120"})) for name in "ab")
    found = placed([pair(0, 2, 9), pair(1, 2, 3, 0.98)], {0: first, 1: second, 2: NOTHING})
    assert groups(found) == sets([0, 2], [1])


def test_a_mistyped_birth_date_is_no_contradiction() -> None:
    for mistyped in ("19901220", "19901129", "19902011"):
        other = Known(SON.names, frozenset({mistyped}))
        found = placed([pair(0, 1, 9), pair(1, 2, 8)], {0: SON, 1: NOTHING, 2: other})
        assert groups(found) == sets([0, 1, 2]), mistyped


def test_a_former_name_still_belongs_to_its_person() -> None:
    renamed = Known(frozenset({"park jiwon", "kim jiwon"}), frozenset())
    found = placed([pair(0, 1, 9), pair(1, 2, 8)], {0: MOTHER, 1: NOTHING, 2: renamed})
    assert groups(found) == sets([0, 1, 2])


def test_a_number_given_long_after_the_holder_fell_silent_is_perhaps_a_housemates() -> None:
    # 0 and 3 are of one source, which reads cards.
    member, card = Known(MOTHER.names, heard_of=date(2025, 1, 1)), Known(is_card=True)
    for since, silent in ((date(2025, 7, 1), False), (date(2025, 8, 1), True)):
        known = {0: card, 1: member, 3: Known(given_since=since)}
        found = placed([exact(0, 1), pair(1, 3)], known)
        assert groups(found) == (sets([0, 1], [3]) if silent else sets([0, 1, 3]))
        assert found.refused == ({ends(1, 3): SILENT} if silent else {})


def test_silence_says_nothing_where_no_card_is_read() -> None:
    member = Known(MOTHER.names, heard_of=date(2020, 1, 1))
    number = Known(given_since=date(2026, 1, 1))
    assert groups(placed([pair(1, 3)], {1: member, 3: number})) == sets([1, 3])
    card_elsewhere = Known(heard_of=date(2020, 1, 1), is_card=True)
    found = placed([exact(1, 4), pair(1, 3)], {1: member, 3: number, 4: card_elsewhere})
    assert groups(found) == sets([1, 3, 4])


def test_a_cluster_over_the_cap_falls_back_to_exact_keys_and_then_to_single_records() -> None:
    loose = [pair(number, number + 1) for number in range(4)]
    found = placed([*loose, exact(0, 2)], 5, rules=SMALL)
    assert groups(found) == sets([0, 2], [1], [3], [4])
    assert set(found.refused.values()) == {TOO_LARGE}
    tight = [exact(number, number + 1) for number in range(4)]
    assert groups(placed(tight, 5, rules=SMALL, always=[ends(0, 3)])) == sets([0, 3], [1], [2], [4])


def test_a_bystander_may_rival_but_is_not_placed() -> None:
    found = partition(
        {record(0): MOTHER, record(2): NOTHING}, [pair(0, 2, 9.0), pair(1, 2, 8.0, 0.9)],
        Overrides(), RULES, {record(1): SON},
    )  # fmt: skip
    assert groups(found) == sets([0], [2])


_SILENT = Known(MOTHER.names, heard_of=date(2024, 1, 1), is_card=True)
_PEOPLE = st.sampled_from([
    NOTHING, NOTHING, MOTHER, SON, Known(MOTHER.names), Known(SON.names),
    Known(heard_of=date(2025, 12, 1), is_card=True), _SILENT, Known(given_since=date(2026, 1, 1)),
])  # fmt: skip
_NUMBERS = st.integers(0, 9)
_PAIRS = st.dictionaries(
    st.tuples(_NUMBERS, _NUMBERS).filter(lambda both: both[0] < both[1]),
    st.tuples(st.sampled_from([2.0, 5.0, 8.0, 8.0, 13.0]), st.sampled_from([0.5, 0.98, 1.0])),
    max_size=20,
)
_APART = st.frozensets(
    st.tuples(_NUMBERS, _NUMBERS).filter(lambda both: both[0] < both[1]), max_size=3
)
_WORLDS = st.tuples(st.lists(_PEOPLE, min_size=10, max_size=10), _PAIRS, _APART, _APART)
World = tuple[
    list[Known], dict[tuple[int, int], tuple[float, float]], frozenset[tuple[int, int]],
    frozenset[tuple[int, int]],
]  # fmt: skip


def _decided(world: World, rules: Rules = RULES, shuffled: Random | None = None) -> Partition:
    people, weighed, always, never = world
    numbers, pairs = list(range(10)), [
        exact(*both) if probability == 1.0 else pair(*both, weight, probability)
        for both, (weight, probability) in weighed.items()
    ]  # fmt: skip
    if shuffled:
        shuffled.shuffle(numbers)
        shuffled.shuffle(pairs)
    return placed(
        pairs, {number: people[number] for number in numbers}, rules=rules,
        always=[ends(*both) for both in always - never], never=[ends(*both) for both in never],
    )  # fmt: skip


@given(_WORLDS, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_order_of_records_and_pairs_changes_nothing(world: World, random: Random) -> None:
    assert _decided(world, shuffled=random) == _decided(world)


@given(_WORLDS)
@settings(deadline=None, max_examples=60)
def test_every_record_is_in_one_cluster_and_never_links_always_hold(world: World) -> None:
    found = _decided(world, SMALL)
    assert sorted(int(n) for cluster in found.clusters for _, n in cluster) == list(range(10))
    place = {record: number for number, group in enumerate(found.clusters) for record in group}
    assert all(place[a] != place[b] for a, b in (ends(*both) for both in world[3]))


@given(_WORLDS)
@settings(deadline=None, max_examples=60)
def test_always_links_hold_where_no_never_link_forbids_them(world: World) -> None:
    people, pairs, always, _ = world
    found = _decided((people, pairs, always, frozenset()), SMALL)
    place = {record: number for number, group in enumerate(found.clusters) for record in group}
    assert all(place[a] == place[b] for a, b in (ends(*both) for both in always))


@given(_WORLDS)
@settings(deadline=None, max_examples=60)
def test_no_cluster_grows_over_the_cap_but_by_decisions(world: World) -> None:
    people, pairs, _, never = world
    found = _decided((people, pairs, frozenset(), never), SMALL)
    assert max(map(len, found.clusters)) <= SMALL.max_cluster_records


@given(_WORLDS)
@settings(deadline=None, max_examples=60)
def test_each_connected_part_is_decided_as_if_it_were_alone(world: World) -> None:
    people, weighed, always, never = world
    whole = _decided(world, SMALL)
    pairs = [
        exact(*both) if probability == 1.0 else pair(*both, weight, probability)
        for both, (weight, probability) in weighed.items()
    ]
    kept = [ends(*both) for both in always - never]
    of = tied([*(each.ends for each in pairs if is_link(each, SMALL)), *kept])
    alone: set[tuple[Record, ...]] = set()
    everyone = {record(number): people[number] for number in range(10)}
    for leader in {of.get(one, one) for one in everyone}:
        mine = {one: what for one, what in everyone.items() if of.get(one, one) == leader}
        overrides = Overrides(frozenset(kept), frozenset(ends(*both) for both in never))
        alone |= set(partition(mine, pairs, overrides, SMALL, everyone).clusters)
    assert alone == set(whole.clusters)
