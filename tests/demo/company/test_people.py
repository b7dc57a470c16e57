"""The demo company's people, and how their names, phones, mails and addresses are written."""

import numpy as np
import pandas as pd
import pytest

from demo.company import accounts, contacts, crm, names, people, places, seasons
from demo.company.draws import Array, generator
from demo.company.people import People


@pytest.fixture(scope="module")
def everyone() -> People:
    return people.drawn(generator(1, 0, "people"), 20_000)


def codes(value: int, size: int) -> Array:
    return np.full(size, value)


def test_one_name_is_written_in_hangul_and_in_several_latin_ways() -> None:
    size = len(names.NAME_STYLES)
    kim, man = codes(0, size), codes(1, size)
    written = names.names(kim, kim, kim, man, kim, np.arange(size)).to_pylist()
    assert written == [
        "김민수", "김 민수", "김민수님",
        "KIM Min-su", "Minsu Kim", "Min soo Kim", "김민민", "홍길동",
    ]  # fmt: skip


def test_one_phone_is_written_in_several_ways_and_nobodys_as_zeros() -> None:
    size = len(names.PHONE_STYLES)
    assert names.phones(codes(12_345_678, size), np.arange(size)).to_pylist() == [
        "010-1234-5678", "01012345678", "010.1234.5678", "010 1234 5678", "+82 10-1234-5678",
        "10-1234-5678", None,
    ]  # fmt: skip
    assert names.phones(codes(0, 1), codes(0, 1)).to_pylist() == ["010-0000-0000"]


def test_birth_dates_are_typed_in_several_forms() -> None:
    day = codes(seasons.number(pd.Timestamp("1985-03-07").date()), 5)
    assert crm.days_as_text(day, np.arange(5)).to_pylist() == [
        "1985-03-07", "85.3.7", "19850307", "1985년 3월 7일", None,
    ]  # fmt: skip


def test_no_two_people_have_one_mail_address_and_a_new_version_is_another(
    everyone: People,
) -> None:
    who = np.arange(len(everyone))
    person = people.named(everyone, who)
    parts = (person.first, person.second, person.gender)
    right = np.zeros(len(who), dtype=int)
    first = names.mails(who, *parts, right.astype(np.int16), right).to_pylist()
    second = names.mails(who, *parts, right.astype(np.int16) + 1, right).to_pylist()
    assert len(set(first) | set(second)) == 2 * len(who)


def test_a_household_shares_an_address_and_children_their_fathers_surname(
    everyone: People,
) -> None:
    table = pd.DataFrame(
        {"household": everyone.household, "home": everyone.home, "surname": everyone.surname}
    )
    households = table.groupby("household")
    assert (households["home"].nunique() == 1).all()
    of_four = households.filter(lambda group: len(group) == 4).groupby("household")["surname"]
    children = of_four.nth(2).to_numpy()
    assert (children == of_four.nth(3).to_numpy()).all()
    parents = np.stack([of_four.nth(0).to_numpy(), of_four.nth(1).to_numpy()])
    assert (parents == children).any(axis=0).all()


def test_there_are_twins_and_families_with_one_phone(everyone: People) -> None:
    table = pd.DataFrame(
        {"home": everyone.home, "birth": everyone.birth, "surname": everyone.surname}
    )
    assert 0.002 < table.duplicated(keep=False).mean() < 0.05
    own = pd.Series(everyone.phone).duplicated()
    assert own.mean() == pytest.approx(0.045, abs=0.01)


def test_surnames_are_as_frequent_as_in_the_population_and_ages_have_no_spikes(
    everyone: People,
) -> None:
    shares = pd.Series(everyone.surname).value_counts(normalize=True)
    assert shares[0] == pytest.approx(0.23, abs=0.02)  # 김
    assert shares[1] == pytest.approx(0.157, abs=0.02)  # 이
    assert pd.Series(everyone.birth).value_counts(normalize=True).max() < 0.002


def test_a_recycled_phone_stands_in_records_of_two_people(everyone: People) -> None:
    draw = generator(1, 0, "recycling")
    own = people.drawn(generator(1, 0, "people"), 20_000)
    givers = people.recycle_phones(draw, own)
    known, members = contacts.drawn(draw, own), accounts.drawn(draw, own)
    old = own.phone[givers]
    people.renew_phones(draw, own, givers)
    assert not np.isin(old, own.phone[givers]).any()
    assert np.isin(old, np.delete(own.phone, givers)).all()
    assert np.isin(known.phone, old).any()
    assert np.isin(members.phone[np.isin(members.person, givers)], old).any()
    assert everyone.phone[givers].tolist() == old.tolist()


def test_the_region_of_an_address_is_the_one_it_is_written_with() -> None:
    homes = np.arange(1, 500)
    written = places.addresses(homes, np.zeros(len(homes), dtype=int)).to_pylist()
    regions = places.region_of(homes)
    assert all(
        address.startswith(places.REGIONS[region])
        for address, region in zip(written, regions, strict=True)
    )
    assert all(len(code) == 5 for code in places.postcodes(homes).to_pylist())
