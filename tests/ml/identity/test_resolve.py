from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from random import Random

from ml.identity.ids import made_for
from tests.ml.identity.conftest import DAY, Record, Records, partition_of, sets

A, B, C, D, E = [("shop", "1"), ("crm", "K2"), ("pos", "phone:3"), ("mail", "4"), ("crm", "K5")]
NEXT = DAY + timedelta(days=1)


def test_linked_records_are_one_person_with_the_id_of_the_earliest(records: Records) -> None:
    records.add(B, seen="2026-02-01 09:00+09")
    records.add(A, C, D)
    records.pair(A, B, exact=True)
    records.pair(B, C, 0.98)
    facts = records.night()
    assert records.partition() == sets([A, B, C], [D])
    assert records.persons()[C] == made_for(B)
    assert records.persons()[D] == made_for(D)
    assert (facts["records"], facts["persons"]) == (4, 2)


def test_a_link_says_what_it_rests_on_and_how_strong_that_is(records: Records) -> None:
    records.add(A, B, C, D)
    records.pair(A, B, exact=True)
    records.pair(B, C, 0.98)
    records.night()
    found = records.rows(
        "select source, evidence, evidence_detail, strength, match_probability, exact_group"
        " from identity.person_links order by source"
    )
    assert found == [
        ("crm", "exact_key", "membership number", "certain", 1.0, "crm:K2"),
        ("mail", "single_record", "no other record", "alone", None, None),
        ("pos", "probability", "name, phone", "sufficient", 0.98, None),
        ("shop", "exact_key", "membership number", "certain", 1.0, "crm:K2"),
    ]


def test_a_night_without_changes_decides_about_nothing(records: Records) -> None:
    records.add(A, B, C)
    records.pair(A, B)
    records.night()
    history, links = records.history(), records.rows("select * from identity.person_links")
    facts = records.night(NEXT)
    assert (facts["decided_records"], facts["changed_links"]) == (0, 0)
    assert records.rows("select * from identity.person_links") == links
    assert records.history() == history


def test_only_a_changed_record_and_its_neighbours_are_decided_about(records: Records) -> None:
    records.add(A, B, C, D, E)
    records.pair(A, B)
    records.pair(C, D)
    records.night()
    records.add(E, load="2")
    records.pair(D, E, 0.5)
    assert records.night(NEXT)["decided_records"] == 3


def test_a_merge_keeps_the_older_id_and_tells_its_cause(records: Records) -> None:
    records.add(A, seen="2026-01-01 09:00+09")
    records.add(B)
    records.night()
    records.pair(A, B, 0.98)
    records.night(NEXT)
    assert set(records.persons().values()) == {made_for(A)}
    told = [row for row in records.history() if row[0] != "created"]
    cause = "probability 0.9800 by builtin: name, phone"
    assert told == [
        ("merged", made_for(A), made_for(B), None, None, cause),
        ("record_joined", made_for(A), made_for(B), *B, cause),
        ("record_left", made_for(B), made_for(A), *B, cause),
    ]


def test_a_split_leaves_the_id_to_the_part_with_most_evidence(records: Records) -> None:
    records.add(A, seen="2026-01-01 09:00+09")
    records.add(B, C)
    records.pair(A, B, 0.98)
    records.pair(B, C, 0.99)
    records.night()
    records.unpair(A, B)
    records.night(NEXT)
    persons = records.persons()
    assert records.partition() == sets([A], [B, C])
    assert persons[B] == made_for(A)
    assert persons[A] == made_for(A, 2)
    assert ("split", persons[A], made_for(A), None, None, "the evidence is gone") in (
        records.history()
    )


def test_what_a_split_made_and_a_merge_took_back_has_the_same_ids(records: Records) -> None:
    records.add(A, seen="2026-01-01 09:00+09")
    records.add(B, C)
    records.pair(A, B, 0.99)
    records.pair(B, C, 0.98)
    records.night()
    before = records.persons()
    records.unpair(B, C)
    records.night(NEXT)
    apart = records.persons()
    records.pair(B, C, 0.98)
    records.night(NEXT + timedelta(days=1))
    assert records.persons() == before
    records.unpair(B, C)
    records.night(NEXT + timedelta(days=2))
    assert records.persons() == apart


def test_a_record_that_came_too_late_for_the_day_is_left_out(records: Records) -> None:
    records.add(A)
    records.add(B, seen="2026-03-03 00:00+09")
    records.pair(A, B)
    records.night()
    assert records.partition() == sets([A])
    records.night(NEXT)
    assert records.partition() == sets([A, B])


def test_filling_in_a_day_of_the_past_takes_no_record_away(records: Records) -> None:
    records.add(A)
    records.add(B, seen="2026-03-03 00:00+09")
    records.pair(A, B)
    records.night(NEXT)
    records.night(DAY)
    assert records.partition() == sets([A, B])


def test_a_record_that_its_source_no_longer_knows_leaves_its_person(records: Records) -> None:
    records.add(A, B, C)
    records.pair(A, B)
    records.pair(B, C)
    records.night()
    records.run("delete from intermediate.int_persons__unioned where source = 'crm'")
    records.run("delete from identity.pairs")
    records.night(NEXT)
    assert records.partition() == sets([A], [C])
    left = [row for row in records.history() if row[3] == "crm" and row[0] == "record_left"]
    assert left[-1][5] == "the source no longer knows the record"


def test_a_phone_alone_joins_nobody_of_a_family(records: Records) -> None:
    records.add(A, name="김민수", born="1980-05-05")
    records.add(B, name="김지원", born="1984-11-20")
    records.add(C)
    records.pair(A, C, 0.98, 9.0)
    records.pair(B, C, 0.975, 8.5)
    facts = records.night()
    assert records.partition() == sets([A], [B], [C])
    assert facts["reviewable_pairs"] == 2
    assert {row[0] for row in records.rows("select reason from identity.review_queue")} == {
        "fits several persons"
    }


def test_a_name_that_becomes_known_is_reason_to_decide_again(records: Records) -> None:
    records.add(A, name="김민수", born="1980-05-05")
    records.add(B, C)
    records.pair(A, C, 0.98, 9.0)
    records.pair(B, C, 0.975, 8.5)
    records.night()
    assert records.partition() == sets([A, B, C])
    records.add(B, name="이영희", born="1991-01-30", load="2")
    records.night(NEXT)
    assert records.partition() == sets([A], [B], [C])


def test_other_numbers_in_the_policy_are_reason_to_decide_about_all(records: Records) -> None:
    records.add(A, B, C)
    records.pair(A, B, 0.98)
    records.night()
    identity = records.context.policy.identity.model_copy(update={"link_probability": 0.985})
    policy = records.context.policy.model_copy(update={"identity": identity})
    records.context = replace(records.context, policy=policy)
    assert records.night(NEXT)["decided_records"] == 3
    assert records.partition() == sets([A], [B], [C])


def test_a_cluster_over_the_cap_is_not_merged_but_reported(records: Records) -> None:
    many: list[Record] = [("pos", f"{number:03}") for number in range(45)]
    records.add(*many, A)
    for first, second in pairwise(many):
        records.pair(first, second, 0.99)
    records.pair(many[0], A, exact=True)
    facts = records.night()
    assert len(records.partition()) == 45
    assert frozenset([many[0], A]) in records.partition()
    assert facts["links_over_the_cap"] == 44
    assert facts["reviewable_pairs"] == 44


def test_ten_nights_day_by_day_end_as_one_night_from_scratch(records: Records) -> None:
    random = Random(1)
    nights: list[date] = [DAY + timedelta(days=number) for number in range(10)]
    everyone: list[Record] = []
    for number, day in enumerate(nights):
        new = [("s" + str(random.randrange(4)), f"{number}-{i}") for i in range(8)]
        for record in new:
            records.add(
                record, seen=f"{day} 09:00+09",
                name=random.choice([None, "김민수", "이영희"]),
                born=random.choice([None, "1980-05-05", "1991-01-30"]),
            )  # fmt: skip
        everyone += new
        for _ in range(10):
            first, second = random.sample(everyone[-24:], 2)
            probability = random.choice([0.5, 0.8, 0.98, 0.99, 0.999])
            records.pair(first, second, probability, round(random.uniform(2, 14), 1))
        if number % 3 == 2:
            for a, i, b, j in records.rows(
                "select source_a, source_customer_id_a, source_b, source_customer_id_b"
                " from identity.pairs order by md5(source_customer_id_a) limit 3"
            ):
                records.unpair((a, i), (b, j))
        records.night(day)
    day_by_day = records.persons()
    records.run("truncate identity.person_links")
    records.night(nights[-1], "scratch")
    assert partition_of(day_by_day) == records.partition()
    ids = records.persons()
    assert len(set(ids.values())) == len(records.partition())
