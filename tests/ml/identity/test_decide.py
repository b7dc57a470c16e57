from datetime import timedelta

import pytest

from ml.identity.clusters import Record
from ml.identity.decide import decide, label
from ml.identity.review import doubts
from ml.identity.unmerge import parse_record
from tests.ml.identity.conftest import DAY, Records, sets
from warehouse.errors import SettingsError

A, B, C = ("shop", "1"), ("crm", "K2"), ("pos", "phone:3")
NEXT = DAY + timedelta(days=1)


def say(records: Records, first: Record, second: Record, decision: str) -> None:
    assert decision in ("always", "never")
    decide(
        records.connection, first, second, decision,  # type: ignore[arg-type]
        by="Kim", because="spoke with her", day=DAY,
    )  # fmt: skip


def test_a_decision_wins_from_the_next_run_on_until_it_is_decided_again(records: Records) -> None:
    records.add(A, B, C)
    records.pair(A, B, exact=True)
    records.night()
    say(records, B, A, "never")
    say(records, A, C, "always")
    assert records.partition() == sets([A, B], [C])
    records.night(NEXT)
    assert records.partition() == sets([A, C], [B])
    causes = {(row[0], row[3]): row[5] for row in records.history()}
    assert causes["record_left", "shop"] == "never-link by Kim"
    assert causes["record_joined", "shop"] == "always-link by Kim"
    say(records, A, B, "always")
    say(records, A, C, "never")
    records.night(NEXT + timedelta(days=1))
    assert records.partition() == sets([A, B], [C])


def test_a_decision_survives_pairs_that_are_weighed_anew(records: Records) -> None:
    records.add(A, B)
    records.pair(A, B, 0.98)
    records.night()
    say(records, A, B, "never")
    records.night(NEXT)
    records.run("update identity.pairs set match_probability = 0.9999, model_version = 'new'")
    records.night(NEXT + timedelta(days=1))
    assert records.partition() == sets([A], [B])
    assert records.rows("select * from identity.review_queue") == []


def test_decisions_that_cannot_both_hold_are_refused(records: Records) -> None:
    records.add(A, B, C)
    records.night()
    say(records, A, B, "always")
    say(records, B, C, "always")
    with pytest.raises(SettingsError, match="tie the two together over other records"):
        say(records, A, C, "never")
    say(records, B, C, "never")
    with pytest.raises(SettingsError, match=r"join crm:K2 with pos:phone:3, which Kim set apart"):
        say(records, A, C, "always")


def test_a_decision_about_nothing_is_refused(records: Records) -> None:
    records.add(A)
    records.night()
    with pytest.raises(SettingsError, match="No record crm:K2 is linked"):
        say(records, A, B, "always")
    with pytest.raises(SettingsError, match="Both records are shop:1"):
        say(records, A, A, "never")
    with pytest.raises(SettingsError, match="needs somebody's name and a reason"):
        decide(records.connection, A, B, "never", by=" ", because="so", day=DAY)
    with pytest.raises(SettingsError, match="in no sample"):
        label(records.connection, A, B, "same", by="Kim", because="so", day=DAY)
    with pytest.raises(SettingsError, match="'shop' names no record"):
        parse_record("shop")
    assert parse_record("pos:phone:3") == C


def test_doubtful_pairs_wait_for_somebody_the_most_valuable_first(records: Records) -> None:
    D, E = ("crm", "K4"), ("crm", "K5")  # noqa: N806 - records are capital here
    records.add(A, B, C, D, E, name="김민수", phone="010-1234-5678")
    records.pair(A, B, 0.6)
    records.pair(C, D, 0.5)
    records.pair(D, E, 0.999)
    records.night()
    records.run(
        "create table marts.fct_orders (person_id text, order_date date, order_amount numeric)"
    )
    records.run(
        "insert into marts.fct_orders values (%s, '2026-01-01', 900), (%s, '2024-01-01', 5000)",
        records.persons()[C], records.persons()[A],
    )  # fmt: skip
    try:
        assert records.night(NEXT)["reviewable_pairs"] == 2
        first, second = doubts(records.connection, 10)
    finally:
        records.run("drop table marts.fct_orders")
    assert (first.spend_amount, second.spend_amount) == (900.0, 0.0)
    assert (first.reason, first.agrees, first.differs) == (
        "between the thresholds", ("phone",), ("address",),
    )  # fmt: skip
    assert first.records[1] == ("pos:phone:3", ("김민수", "", "010-1234-5678", "", "", ""))
    columns = records.rows(
        "select string_agg(queue::text, ' ') from identity.review_queue as queue"
    )
    assert "010" not in columns[0][0]
    say(records, C, D, "never")
    assert records.night(NEXT + timedelta(days=1))["reviewable_pairs"] == 1
