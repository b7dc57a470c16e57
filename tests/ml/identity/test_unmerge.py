from datetime import timedelta

import pytest

from ml.identity.clusters import ordered
from ml.identity.decide import decide
from ml.identity.ids import made_for
from ml.identity.unmerge import unmerge, unmerge_step, weakest_cut
from tests.ml.identity.conftest import DAY, Records, sets
from warehouse.errors import SettingsError

A, B, C = ("shop", "1"), ("crm", "K2"), ("pos", "phone:3")
NEXT, LATER = DAY + timedelta(days=1), DAY + timedelta(days=2)

_MARTS = """
create table activation.target_list_entries (as_of_date date, list_name text, person_id text,
    rank integer, channel text, treatment_group text);
create table marts.fct_contacts (person_id text, contact_date date, channel text, contact_id text);
create table pii.customer_contacts (person_id text, channel text, contact_value text,
    consent_status text, consent_basis text, consent_source text);
"""
_NO_MARTS = """
drop table activation.target_list_entries, marts.fct_contacts, pii.customer_contacts;
truncate ml.customer_scores, activation.publications
"""


@pytest.fixture
def merged(records: Records) -> Records:
    """Three records that became one person on the second night."""
    records.add(A, seen="2026-02-01 09:00+09")
    records.add(B, C)
    records.pair(A, B, exact=True)
    records.night()
    records.pair(B, C, 0.98)
    records.night(NEXT)
    return records


def test_a_person_is_cut_at_its_weakest_probabilistic_link_for_good(merged: Records) -> None:
    done = unmerge(merged.context, person_id=made_for(A), by="Kim", because="two people")
    assert done.persons == {made_for(A): [B, A], made_for(C): [C]}
    assert done.since == NEXT
    merged.run("update identity.pairs set match_probability = 0.9999")
    merged.night(LATER)
    assert merged.partition() == sets([A, B], [C])


def test_named_records_are_set_apart_also_from_an_exact_key(merged: Records) -> None:
    unmerge(merged.context, person_id=made_for(A), by="Kim", because="so", apart=[A])
    assert merged.partition() == sets([A], [B, C])
    assert merged.persons() == {A: made_for(A, 2), B: made_for(A), C: made_for(A)}


def test_deciding_again_restores_the_person_with_its_id(merged: Records) -> None:
    before = merged.persons()
    unmerge(merged.context, person_id=made_for(A), by="Kim", because="so", apart=[C])
    for other in (A, B):
        decide(merged.connection, *ordered(C, other), "always", by="Lee", because="no", day=NEXT)
    merged.night(LATER)
    assert merged.persons() == before


def test_all_that_the_wrong_merge_touched_is_listed_and_nothing_before_it(merged: Records) -> None:
    person = made_for(A)
    merged.connection.execute(_MARTS)
    for day in (DAY, NEXT):
        merged.run(
            "insert into activation.target_list_entries values"
            " (%s, 'win_back', %s, 3, 'email', 'contact')", day, person,
        )  # fmt: skip
        merged.run(
            "insert into activation.publications values (%s, 'win_back', 'file:///lists', 1, 'c',"
            " 9, 'published', null, 'r')", day,
        )  # fmt: skip
        merged.run(
            "insert into ml.customer_scores values"
            " (%s, %s, 'churn', 'v1', 'rule', 60, 0.25, false, 0.5)", day, person,
        )  # fmt: skip
        merged.run("insert into marts.fct_contacts values (%s, %s, 'sms', 'm:7')", person, day)
    merged.run(
        "insert into pii.customer_contacts values"
        " (%s, 'email', 'jane@example.com', 'granted', 'registration', 'shop')", person,
    )  # fmt: skip
    try:
        done = unmerge(merged.context, person_id=person, by="Kim", because="two people")
    finally:
        merged.connection.execute(_NO_MARTS)
    assert [(each.kind, each.on_date, each.name, each.detail) for each in done.recalls] == [
        ("target_list_entry", NEXT, "win_back", "contact, email, rank 3"),
        ("publication", NEXT, "win_back", "file:///lists, published"),
        ("score", NEXT, "churn", "0.250 by v1"),
        ("contact", NEXT, "sms", "m:7"),
        ("consent", None, "email", "granted, registration, from shop"),
    ]
    assert len(done.file.read_text().splitlines()) == 6
    assert "jane" not in done.file.read_text()
    assert merged.rows("select count(*) from identity.recalls where person_id = %s", person) == [
        (5,)
    ]


def test_a_step_that_is_tried_again_takes_nobody_apart_twice(merged: Records) -> None:
    named = {"person_id": made_for(A), "by": "Kim", "because": "so", "apart": ""}
    merged.night(LATER, "unmerge")
    assert unmerge_step(merged.context, **named).facts == {"persons": 2}
    partition = merged.partition()
    assert unmerge_step(merged.context, **named).facts == {"done_before": 1}
    assert merged.partition() == partition == sets([A, B], [C])


def test_what_cannot_be_taken_apart_is_refused_with_the_reason(merged: Records) -> None:
    def refuse(person: str, *apart: tuple[str, str]) -> str:
        with pytest.raises(SettingsError) as refused:
            unmerge(merged.context, person_id=person, by="Kim", because="so", apart=apart)
        return str(refused.value)

    person = made_for(A)
    assert "No person has the id 'Pnobody'" in refuse("Pnobody")
    assert "Record shop:9 is not of person" in refuse(person, ("shop", "9"))
    assert "All records are to be set apart" in refuse(person, A, B, C)
    unmerge(merged.context, person_id=person, by="Kim", because="so")
    assert "Exact keys and decisions alone hold" in refuse(person)
    assert "has one record" in refuse(made_for(C))


def test_the_weakest_link_is_that_of_the_strongest_spanning_tree() -> None:
    ring = [(ordered(A, B), 5.0), (ordered(B, C), 9.0), (ordered(A, C), 7.0)]
    assert weakest_cut([A, B, C], ring, []) in ({A}, {B, C})
    assert weakest_cut([A, B, C], ring, [ordered(A, B), ordered(B, C)]) == set()
