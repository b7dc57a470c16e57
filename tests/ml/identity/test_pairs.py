"""`identity.pairs` on a real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import adbc_driver_manager
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import simulated_persons
from ml.identity.pairs import find_pairs
from tests.ml.identity.persons import Person, write
from warehouse.context import RunContext
from warehouse.schemas import ensure_schemas

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
    assert found[5] == "name, phone, email, birth date, address, house number"
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
    member = replace(
        ANNA, number="900", phone="010-7777-0001", email="alone@naver.com", exact_keys=["member:9"]
    )
    caller = Person("901", source="calls", name="김민민", phone=member.phone)
    receipt = Person("902", source="pos", phone=member.phone)
    write(context.url, [*people[:50], member, caller, receipt])
    find_pairs(context)
    changed = [replace(people[0], phone=None), *people[2:]]
    as_a_member = replace(caller, exact_keys=["member:9"])
    write(context.url, [*changed, member, as_a_member, receipt])
    facts = find_pairs(context)
    assert facts["is_full_pairing"] == 0
    night = pairs(context)
    (of_receipt,) = (row for row in night if row[:4] == ("pos", "902", "shop", "900"))
    assert float(str(of_receipt[6])) >= context.policy.identity.link_probability
    with psycopg.connect(context.url) as connection:
        connection.execute("truncate pii.pairing")
    facts = find_pairs(context)
    assert facts["is_full_pairing"] == 1
    assert pairs(context) == night
    assert night


def test_a_full_pairing_leaves_keys_and_triggers_as_they_were_and_all_to_be_decided(
    context: RunContext,
) -> None:
    def made() -> list[tuple[object, ...]]:
        return connection.execute(
            """
            select indexdef, null from pg_indexes where schemaname in ('identity', 'pii')
            union all
            select conrelid::regclass || pg_get_constraintdef(oid), conname from pg_constraint
            where connamespace in ('identity'::regnamespace, 'pii'::regnamespace)
            union all
            select tgname, tgenabled::text from pg_trigger
            where tgrelid = 'identity.pairs'::regclass
            order by 1, 2
            """
        ).fetchall()

    with psycopg.connect(context.url, autocommit=True) as connection:
        before = made()
        connection.execute("insert into identity.rules_in_force values ('those of yesterday')")
        write(context.url, [ANNA, replace(ANNA, number="2")])
        assert find_pairs(context)["is_full_pairing"] == 1
        assert made() == before
        assert connection.execute("select * from identity.rules_in_force").fetchall() == []
        assert connection.execute("select * from identity.undecided").fetchall() == []


def test_what_fails_beside_the_weighing_leaves_the_old_state(context: RunContext) -> None:
    write(context.url, [ANNA, replace(ANNA, number="2")])
    find_pairs(context)
    before = pairs(context)
    write(context.url, [ANNA])
    with psycopg.connect(context.url, autocommit=True) as connection:
        connection.execute("truncate pii.pairing")
        connection.execute("alter table pii.standard_records rename column birth to born")
        try:
            with pytest.raises(adbc_driver_manager.Error):
                find_pairs(context)
        finally:
            connection.execute("alter table pii.standard_records rename column born to birth")
    assert pairs(context) == before != []


def test_the_order_of_the_records_changes_no_pair(context: RunContext) -> None:
    table = simulated_persons.simulate(400)
    simulated_persons.write(context.url, table)
    find_pairs(context)
    in_order = pairs(context)

    @settings(max_examples=3, deadline=None)
    @given(st.permutations(range(400)))
    def shuffled(order: list[int]) -> None:
        simulated_persons.write(context.url, table.take(order))
        with psycopg.connect(context.url) as connection:
            connection.execute("truncate pii.pairing")
        find_pairs(context)
        assert pairs(context) == in_order

    shuffled()
    assert len(in_order) > 100


def test_twins_and_families_on_one_phone_are_not_one_person(context: RunContext) -> None:
    twin = replace(ANNA, number="2", name="김민지", email="minji8@naver.com")
    mother = replace(
        ANNA, number="3", name="박영희", email="younghee1@naver.com", birth_date=date(1955, 7, 1)
    )
    write(context.url, [ANNA, twin, mother])
    find_pairs(context)
    link = context.policy.identity.link_probability
    assert all(float(str(probability)) < link for *_, probability, _ in pairs(context))


def test_a_record_without_a_name_goes_to_the_only_holder_of_its_phone(context: RunContext) -> None:
    member = replace(ANNA, exact_keys=["member:1"])
    receipt = Person("R", source="pos", phone=ANNA.phone)
    write(context.url, [member, receipt])
    find_pairs(context)
    ((*_, alone, _),) = pairs(context)
    mother = replace(ANNA, number="3", name="박영희", email=None, birth_date=date(1955, 7, 1))
    write(context.url, [member, receipt, mother])
    find_pairs(context)
    of_receipt = [float(str(row[6])) for row in pairs(context) if "R" in (row[1], row[3])]
    assert float(str(alone)) >= context.policy.identity.link_probability
    assert of_receipt == [pytest.approx(0.5, abs=0.02)] * 2


def test_a_value_of_too_many_records_is_no_evidence_and_is_reported(context: RunContext) -> None:
    most = context.policy.identity.max_value_records
    people = [
        Person(str(number), phone=ANNA.phone, exact_keys=["card:0"]) for number in range(most + 1)
    ]
    write(context.url, people)
    facts = find_pairs(context)
    assert (facts["pairs"], facts["ignored_values"]) == (0, 2)
    write(context.url, people[:3])
    facts = find_pairs(context)
    assert facts["ignored_values"] == 0
    assert facts["pairs"] == 3


def test_a_pair_that_is_found_again_as_it_stands_is_not_written(context: RunContext) -> None:
    def place() -> list[tuple[object, ...]]:
        with psycopg.connect(context.url) as connection:
            return connection.execute(
                "select ctid::text, xmin::text from identity.pairs"
                " where source_customer_id_a = 'R' and source_customer_id_b = '1'"
            ).fetchall()

    people = [ANNA, Person("R", source="pos", phone=ANNA.phone), Person("8", name="이지은")]
    write(context.url, people)
    find_pairs(context)
    before = place()
    people.append(replace(ANNA, number="2"))
    write(context.url, people)
    assert find_pairs(context)["paired_again"] == 2
    assert place() == before != []
    people.append(replace(ANNA, number="3", name="박영희", email=None, birth_date=date(1955, 7, 1)))
    write(context.url, people)
    assert find_pairs(context)["paired_again"] == 2
    assert place() != before


def test_a_record_that_is_gone_leaves_no_pair(context: RunContext) -> None:
    four = [replace(ANNA, number=str(number)) for number in range(4)]
    write(context.url, four)
    assert find_pairs(context)["pairs"] == 6
    write(context.url, four[:3])
    facts = find_pairs(context)
    assert (facts["pairs"], facts["is_full_pairing"]) == (3, 0)
    with psycopg.connect(context.url) as connection:
        held = connection.execute("select count(*) from pii.standard_records").fetchone()
    assert held == (3,)


def test_a_warehouse_that_kept_the_whole_standard_form_pairs_everything_anew(
    context: RunContext,
) -> None:
    write(context.url, [ANNA, replace(ANNA, number="2")])
    find_pairs(context)
    with psycopg.connect(context.url) as connection:
        connection.execute(
            "alter table pii.standard_records add column name_written text, add phones text[],"
            " drop column is_nameless"
        )
        ensure_schemas(connection)
    facts = find_pairs(context)
    assert (facts["is_full_pairing"], facts["pairs"]) == (1, 1)


def test_shared_contacts_are_told_without_the_value(context: RunContext) -> None:
    write(context.url, [ANNA, replace(ANNA, number="2", name="박영희", address=None)])
    find_pairs(context)
    with psycopg.connect(context.url) as connection:
        shared = connection.execute(
            "select source_customer_id, kind, value_hash from identity.shared_contacts"
        ).fetchall()
    assert {(number, kind) for number, kind, _ in shared} == {("1", "phone"), ("2", "phone")}
    assert len({value for *_, value in shared}) == 1
    assert "2345" not in str(shared)
