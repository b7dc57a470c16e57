from datetime import UTC, datetime
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ml.identity.households import Shared, households
from ml.identity.ids import made_for
from tests.ml.identity.conftest import Records

A, B, C, D = ("shop", "1"), ("crm", "2"), ("crm", "3"), ("pos", "4")


def share(records: Records, kind: str, value: str, *who: tuple[str, str]) -> None:
    for record in who:
        records.run("insert into identity.shared_contacts values (%s, %s, %s, %s)",
                    *record, kind, value)  # fmt: skip


def found(records: Records) -> dict[str, tuple[str, str]]:
    return {
        person: (household, basis)
        for person, household, basis in records.rows("select * from identity.households")
    }


def test_persons_who_share_a_phone_or_an_address_are_a_household_of_the_earliest(
    records: Records,
) -> None:
    records.add(B, seen="2026-01-01 09:00+09")
    records.add(A, C, D)
    share(records, "phone", "h1", A, B)
    share(records, "address", "h2", A, C)
    assert records.night()["households"] == 1
    assert found(records) == {
        made_for(A): (made_for(B), "both"),
        made_for(B): (made_for(B), "phone"),
        made_for(C): (made_for(B), "address"),
    }


def test_records_of_one_person_are_no_household(records: Records) -> None:
    records.add(A, B)
    records.pair(A, B)
    share(records, "phone", "h1", A, B)
    assert records.night()["households"] == 0
    assert found(records) == {}


def test_a_household_ends_when_nothing_is_shared_any_more(records: Records) -> None:
    records.add(A, B)
    share(records, "phone", "h1", A, B)
    records.night()
    records.run("delete from identity.shared_contacts")
    records.night()
    assert found(records) == {}


def _shared(pairs: list[tuple[int, int]]) -> list[Shared]:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return [Shared("phone", f"v{value}", f"p{person}", day) for value, person in set(pairs)]


def test_more_persons_than_the_cap_are_no_household() -> None:
    crowd = _shared([(1, person) for person in range(5)] + [(2, 8), (2, 9)])
    homes, too_large = households(crowd, cap=4)
    assert (sorted(homes), too_large) == (["p8", "p9"], 1)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9))), st.randoms())
def test_the_order_of_what_is_shared_changes_no_household(
    pairs: list[tuple[int, int]], random: Random
) -> None:
    shared = _shared(pairs)
    shuffled = random.sample(shared, len(shared))
    assert households(shuffled, cap=100) == households(shared, cap=100)
