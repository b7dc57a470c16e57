"""`identity.pairs` on a real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import psycopg
import pytest

from ml.identity.pairs import find_pairs
from tests.ml.identity.persons import Person, write
from warehouse.context import RunContext

DAY = date(2026, 6, 30)

ANNA = Person(
    "1", name="김민수", phone="010-2345-6789", email="minsu7@naver.com",
    birth_date=date(1980, 3, 4), postcode="06101",
    address="서울특별시 강남구 중앙로 12, 103동 504호",
)  # fmt: skip


@pytest.fixture
def context(context_for: Callable[[date], RunContext]) -> RunContext:
    """A night in Korea."""
    made = context_for(DAY)
    identity = made.policy.identity.model_copy(update={"country": "KR"})
    return replace(made, policy=made.policy.model_copy(update={"identity": identity}))


def pairs(context: RunContext) -> list[tuple[object, ...]]:
    with psycopg.connect(context.url) as connection:
        return connection.execute(
            """
            select source_a, source_customer_id_a, source_b, source_customer_id_b, rests_on,
                evidence, round(match_probability::numeric, 6), round(match_weight::numeric, 6)
            from identity.pairs order by 1, 2, 3, 4
            """
        ).fetchall()


def test_a_record_in_latin_letters_meets_the_same_person_in_hangul(context: RunContext) -> None:
    latin = replace(
        ANNA, number="K1", source="crm", name="KIM Min-su", phone="+82 10-2345-6789",
        address="서울 강남구 중앙로 12 103-504",
    )  # fmt: skip
    write(context.url, [ANNA, latin])
    facts = find_pairs(context)
    assert facts["pairs"] == 1
    (found,) = pairs(context)
    assert found[:4] == ("crm", "K1", "shop", "1")
    assert found[4] == "probability"
    assert found[5] == "name, phone, email, birth date, address"
    assert float(str(found[6])) > 0.999


def test_an_exact_key_is_certain_whatever_the_fields_say(context: RunContext) -> None:
    other = Person("2", name="박영희", exact_keys=["card:881"], birth_date=date(1990, 1, 1))
    write(context.url, [replace(ANNA, exact_keys=["card:881"]), other])
    find_pairs(context)
    (found,) = pairs(context)
    assert found[4:7] == ("exact_key", "membership number", 1)


def test_a_night_ends_with_the_pairs_of_a_full_run(context: RunContext) -> None:
    people = [
        replace(
            ANNA, number=f"{number}", name=name, phone=f"010-2345-{number % 7:04}",
            email=f"person{number % 9}@naver.com",
        )
        for number, name in enumerate(["김민수", "KIM Min-su", "박지은", "이영희"] * 15)
    ]  # fmt: skip
    write(context.url, people[:50])
    find_pairs(context)
    changed = [replace(people[0], phone=None), *people[2:]]
    write(context.url, changed)
    facts = find_pairs(context)
    assert facts["is_full_pairing"] == 0
    night = pairs(context)
    with psycopg.connect(context.url) as connection:
        connection.execute("truncate pii.pairing")
    facts = find_pairs(context)
    assert facts["is_full_pairing"] == 1
    assert pairs(context) == night
    assert night
