from datetime import date
from random import Random

import pytest

from ml.identity.connectedness import connected
from ml.identity.decide import decide, label
from ml.identity.estimates import Estimate, Stratum, precision, recall, wilson
from ml.identity.samples import sizes
from tests.ml.identity.conftest import DAY, Record, Records

A, B, C, D, E, F = (
    ("shop", "1"), ("crm", "2"), ("crm", "3"), ("shop", "4"), ("pos", "5"), ("pos", "6"),
)  # fmt: skip


def drawn(records: Records) -> list[tuple[str, Record, Record]]:
    return [
        (stratum, (a, i), (b, j))
        for stratum, a, i, b, j in records.rows(
            "select stratum, source_a, source_customer_id_a, source_b, source_customer_id_b"
            " from identity.samples order by 1, 2, 3, 4, 5"
        )
    ]


def test_connectedness_counts_each_side_by_its_best_evidence(records: Records) -> None:
    records.add(A, B, C, D, E)
    records.pair(A, B, exact=True)
    records.pair(C, D, 0.98)
    records.pair(D, E, 0.99)
    records.night()
    found = records.rows(
        "select source_a, source_b, records_a, linked_a, linked_b, linked_share_a, evidence,"
        " linked_by_exact_key_a, linked_by_override_a, linked_by_probability_a"
        " from identity.connectedness where as_of_date = %s order by 1, 2", DAY,
    )  # fmt: skip
    assert found == [
        ("crm", "pos", 2, 1, 1, 0.5, "probability", 0, 0, 1),
        ("crm", "shop", 2, 2, 2, 1.0, "exact_key, probability", 1, 0, 1),
        ("pos", "crm", 1, 1, 1, 1.0, "probability", 0, 0, 1),
        ("pos", "shop", 1, 1, 1, 1.0, "probability", 0, 0, 1),
        ("shop", "crm", 2, 2, 2, 1.0, "exact_key, probability", 1, 0, 1),
        ("shop", "pos", 2, 1, 1, 0.5, "probability", 0, 0, 1),
    ]


def test_a_decision_connects_what_no_exact_key_does(records: Records) -> None:
    records.add(A, B, C, D)
    records.pair(A, B, exact=True)
    records.night()
    for other in (B, D):
        decide(records.connection, C, other, "always", by="Kim", because="so", day=DAY)
    records.night()
    found = records.rows(
        "select source_a, linked_a, linked_by_exact_key_a, linked_by_override_a,"
        " linked_by_probability_a, evidence from identity.connectedness order by 1"
    )
    evidence = "exact_key, override"
    assert found == [("crm", 2, 1, 1, 0, evidence), ("shop", 2, 1, 1, 0, evidence)]


def test_each_record_of_a_group_is_connected_with_each_other_source_of_it() -> None:
    found = connected(["crm", "pos", "shop"], [(1, 0, 2, 10), (3, 0, 0, 5), (1, 1, 1, 1)])
    assert (found["crm", "shop"], found["shop", "crm"]) == (11, 21)
    assert (found["pos", "crm"], found["pos", "shop"]) == (1, 1)


def test_a_months_sample_holds_each_kind_and_is_drawn_once(records: Records) -> None:
    records.add(A, B, C, D, name="김민수", born="1980-05-05")
    records.add(E, F, phone="010-1234-5678")
    records.pair(A, B, exact=True)
    records.pair(B, C, 0.6)
    facts = records.night()
    assert facts["sampled_pairs"] == 7
    assert drawn(records) == [
        ("linked", B, A), ("near", B, D), ("near", C, D), ("near", E, F), ("near", A, D),
        ("reviewable", B, C), ("reviewable", C, A),
    ]  # fmt: skip
    assert records.night()["sampled_pairs"] == 0
    before = drawn(records)
    records.run("truncate identity.samples, identity.sample_strata")
    records.night()
    assert drawn(records) == before
    assert records.night(date(2026, 4, 1))["sampled_pairs"] == 7


def test_labels_of_the_sample_give_precision_and_recall_and_change_no_link(
    records: Records,
) -> None:
    records.add(A, B, C, D, name="김민수", born="1980-05-05")
    records.pair(A, B, exact=True)
    records.pair(B, C, 0.6)
    assert "precision" not in records.night()
    persons = records.persons()
    for stratum, first, second in drawn(records):
        told = "same" if stratum != "near" else "different"
        label(records.connection, first, second, told, by="Kim", because="called", day=DAY)  # type: ignore[arg-type]
    facts = records.night()
    assert records.persons() == persons
    assert (facts["precision"], facts["recall"]) == (1.0, 0.3333)
    row = records.rows(
        "select labelled_pairs, precision_lower, recall_lower, recall_upper, sample_month"
        " from identity.link_quality where as_of_date = %s", DAY,
    )  # fmt: skip
    assert row == [(6, 1.0, pytest.approx(1 / 3), pytest.approx(1 / 3), date(2026, 3, 1))]


def test_persons_known_from_name_lists_alone_are_counted(records: Records) -> None:
    records.add(A, B, C)
    records.pair(A, B, exact=True)
    assert records.night()["name_list_only_persons"] == 1
    assert records.rows("select name_list_only_share from identity.link_quality") == [(0.5,)]


def test_half_of_a_sample_is_linked_pairs_and_small_kinds_are_taken_whole() -> None:
    many = {"linked": 9000, "reviewable": 900, "near": 900}
    assert sizes(200, many) == {"linked": 100, "reviewable": 50, "near": 50}
    assert sizes(200, {**many, "near": 3}) == {"linked": 147, "reviewable": 50, "near": 3}
    assert sizes(200, {"linked": 5, "reviewable": 0, "near": 0})["linked"] == 5


def test_a_share_of_ten_in_ten_has_wilsons_interval() -> None:
    found = wilson(Stratum(pairs=1000, labelled=10, same=10))
    assert found.share == found.upper == 1.0
    assert found.lower == pytest.approx(0.7225, abs=1e-4)
    assert wilson(Stratum(pairs=10, labelled=10, same=9)) == Estimate(0.9, 0.9, 0.9)


def test_nothing_is_claimed_without_labels() -> None:
    unlabelled, labelled = Stratum(100, 0, 0), Stratum(100, 20, 20)
    assert precision(unlabelled) is None
    assert recall(labelled, unlabelled) is None
    assert recall(labelled, Stratum(0, 0, 0)) is not None


def test_intervals_hold_the_truth_at_least_as_often_as_they_promise() -> None:
    random = Random(7)
    truth = {"linked": (20_000, 0.996), "reviewable": (600, 0.3), "near": (3_000, 0.02)}
    true_recall = 20_000 * 0.996 / (20_000 * 0.996 + 180 + 60)
    held, narrow = 0, []
    for _ in range(400):
        strata = [
            Stratum(pairs, size, sum(random.random() < share for _ in range(size)))
            for (pairs, share), size in zip(truth.values(), (100, 50, 50), strict=True)
        ]
        found = recall(*strata)
        assert found is not None
        held += found.lower <= true_recall <= found.upper
        narrow.append(found.upper - found.lower)
    assert held >= 0.95 * 400
    assert max(narrow) < 0.1
