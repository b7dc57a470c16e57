"""A record that says a phone and no name goes to the number's holder, unless it is doubtful.

In every test the receipt R is the one without a name; pairs are weighed as a night weighs them.
"""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.identity import comparisons
from ml.identity.candidates import find_candidates
from ml.identity.clusters import PERHAPS_A_HOUSEMATE
from ml.identity.engine import open_engine
from ml.identity.scope import arrange_all, forget_too_many
from ml.identity.standardise import RECORD_COLUMNS
from ml.identity.weigh import builtin_weights, weigh
from warehouse.policy import Policy

PHONE, LINK, DAY = "010-2345-6789", 0.97, date(2025, 6, 1)
Fields = dict[str, Any]

MEMBER: Fields = {
    "source_customer_id": "M", "person_name": "김민수", "phone": PHONE, "email": "minsu7@naver.com",
    "birth_date": date(1980, 3, 4), "exact_keys": ["member:1", "membership:881"],
    "first_seen": DAY,
}  # fmt: skip
RECEIPT: Fields = {
    "source_customer_id": "R", "phone": PHONE, "first_seen": DAY + timedelta(30), "given_days": 0,
}  # fmt: skip


@pytest.fixture
def korea(policy: Policy) -> Policy:
    identity = policy.identity.model_copy(update={"country": "KR"})
    return policy.model_copy(update={"identity": identity})


def weighed(policy: Policy, *records: Fields) -> dict[str, tuple[float, str | None]]:
    """Returns probability and doubt of each likely pair, called by both numbers: `MR`."""
    with open_engine() as connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in RECORD_COLUMNS.items())
        connection.execute(f"create table records ({columns})")
        for record in records:
            filled = {"source": "shop", "record_hash": 0, **record}
            connection.execute(
                f"insert into records ({', '.join(filled)})"
                f" values ({', '.join('?' * len(filled))})",
                list(filled.values()),
            )
        arrange_all(connection, policy)
        forget_too_many(connection)
        find_candidates(connection)
        weigh(connection, builtin_weights(), comparisons.partners(100_000), 0.01, are_few=True)
        rows = connection.execute(
            """
            select one.source_customer_id || other.source_customer_id, match_probability, doubt
            from weighed
            inner join standard as one on record_l = one.record
            inner join standard as other on record_r = other.record
            """
        ).fetchall()
    return {ends: (probability, doubt) for ends, probability, doubt in rows}


def test_a_receipt_goes_to_the_member_who_gave_the_number_before(korea: Policy) -> None:
    probability, doubt = weighed(korea, MEMBER, RECEIPT)["MR"]
    assert probability >= LINK
    assert doubt is None


@pytest.mark.parametrize(
    ("member", "receipt", "words"),
    [
        ({"exact_keys": [], "is_hearsay": True}, {}, "nobody but a list of names says whose"),
        (
            {"phone": "010-9999-1111", "former_phones": [PHONE], "phone_changed": DAY},
            {}, "the number's holder has another one now",
        ),
        ({"first_seen": DAY + timedelta(31)}, {}, "in use before its holder was known"),
        ({}, {"given_days": 91}, "again and again, though its holder has a card"),
    ],
)  # fmt: skip
def test_a_receipt_that_does_not_fit_the_holder_waits_for_somebody_to_look(
    korea: Policy, member: Fields, receipt: Fields, words: str
) -> None:
    probability, doubt = weighed(korea, MEMBER | member, RECEIPT | receipt)["MR"]
    assert probability == pytest.approx(0.5, abs=0.02)
    assert doubt is not None
    assert doubt.startswith(PERHAPS_A_HOUSEMATE)
    assert words in doubt


@pytest.mark.parametrize(
    ("member", "receipt"),
    [
        # Given only before the holder took another number.
        (
            {
                "phone": "010-9999-1111", "former_phones": [PHONE],
                "phone_changed": DAY + timedelta(90),
            },
            {},
        ),
        # Again and again, by one who has an account and no card to show.
        ({"exact_keys": ["member:1"]}, {"given_days": 400}),
    ],
)  # fmt: skip
def test_a_receipt_that_fits_the_times_is_linked(
    korea: Policy, member: Fields, receipt: Fields
) -> None:
    probability, doubt = weighed(korea, MEMBER | member, RECEIPT | receipt)["MR"]
    assert probability >= LINK
    assert doubt is None


def test_a_contact_of_the_sales_team_takes_a_receipt_where_a_caller_bears_it_out(
    korea: Policy,
) -> None:
    contact = {
        "source_customer_id": "C", "person_name": "김민수", "phone": PHONE, "is_hearsay": True,
    }  # fmt: skip
    caller = contact | {"source_customer_id": "K", "is_hearsay": False}
    assert weighed(korea, contact, RECEIPT)["CR"][0] < LINK
    assert weighed(korea, contact, caller, RECEIPT)["CR"][0] >= LINK
    assert weighed(korea, contact, MEMBER, RECEIPT)["MR"][0] >= LINK


def test_a_receipt_of_a_phone_that_nobody_says_is_theirs_is_nobodys(korea: Policy) -> None:
    message = RECEIPT | {"source_customer_id": "A"}
    probability, doubt = weighed(korea, message, RECEIPT)["AR"]
    assert probability < LINK
    assert doubt is not None


def test_one_person_in_two_spellings_is_no_rival_to_itself(korea: Policy) -> None:
    mistyped = {
        "source_customer_id": "K", "person_name": "김민민", "phone": PHONE,
        "exact_keys": ["member:1"], "first_seen": DAY,
    }  # fmt: skip
    assert weighed(korea, mistyped, MEMBER, RECEIPT)["MR"][0] >= LINK
    sister = mistyped | {"exact_keys": ["member:2"]}
    assert weighed(korea, sister, MEMBER, RECEIPT)["MR"][0] < LINK


def test_who_is_tied_to_the_member_over_others_is_no_rival(korea: Policy) -> None:
    chain = [
        {"source_customer_id": "1", "person_name": "김민민", "exact_keys": ["b:1"]},
        {"source_customer_id": "2", "person_name": "김민민", "exact_keys": ["c:1"]},
        {"source_customer_id": "3", "person_name": "김수수", "exact_keys": ["c:1", "d:1"]},
        {"source_customer_id": "4", "person_name": "김민수", "exact_keys": ["d:1"]},
    ]
    others = [one | {"phone": PHONE, "first_seen": DAY} for one in chain]
    assert weighed(korea, *others, MEMBER, RECEIPT)["MR"][0] >= LINK


def test_whoever_says_a_birth_date_is_a_rival_though_the_name_is_a_placeholder(
    korea: Policy,
) -> None:
    nobody = {"source_customer_id": "N", "phone": PHONE, "birth_date": date(1950, 1, 1)}
    assert weighed(korea, MEMBER, nobody, RECEIPT)["MR"][0] < LINK
    same_day = nobody | {"birth_date": MEMBER["birth_date"]}
    assert weighed(korea, MEMBER, same_day, RECEIPT)["MR"][0] >= LINK


def test_a_mail_whose_domain_was_mistyped_once_is_the_same_mail(korea: Policy) -> None:
    answer = {"source_customer_id": "R", "exact_keys": ["mail:9"]}
    found = weighed(korea, MEMBER, answer | {"email": "minsu7@naver.con"})
    assert found["MR"][0] >= LINK
    found = weighed(korea, MEMBER, answer | {"email": "minsu7@hanmail.net"})
    assert found.get("MR", (0.0, None))[0] < LINK


def test_one_family_name_with_another_given_name_is_two_people_of_one_birthday(
    korea: Policy,
) -> None:
    home: Fields = {"postcode": "06101", "address": "서울 강남구 중앙로 12, 103동 504호"}
    twin = {"source_customer_id": "T", "person_name": "김영윤", "birth_date": MEMBER["birth_date"]}
    found = weighed(korea, MEMBER | home, twin | home)
    assert found.get("MT", (0.0, None))[0] < LINK


_SPELLINGS = ("김민수", "김민민", "박영희", None)
_HOLDERS = st.lists(
    st.fixed_dictionaries({
        "person_name": st.sampled_from(_SPELLINGS),
        "exact_keys": st.sampled_from([[], ["member:1"], ["member:2"], ["membership:881"]]),
        "first_seen": st.sampled_from([DAY, DAY + timedelta(31)]),
        "given_days": st.sampled_from([0, 400]),
    }),
    min_size=2, max_size=4,
)  # fmt: skip


@given(_HOLDERS, st.randoms(use_true_random=False))
@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_order_of_the_holders_changes_no_pair(
    korea: Policy, holders: list[Fields], random: Any
) -> None:
    drawn = [
        one | {"source_customer_id": str(number), "phone": PHONE}
        for number, one in enumerate(holders)
    ]
    shuffled = list(drawn)
    random.shuffle(shuffled)
    assert weighed(korea, *shuffled) == weighed(korea, *drawn)


@given(_HOLDERS)
@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_further_name_on_the_phone_never_makes_a_link_of_a_receipt(
    korea: Policy, holders: list[Fields]
) -> None:
    drawn = [
        one | {"source_customer_id": str(number), "phone": PHONE, "source": "crm"}
        for number, one in enumerate(holders)
        if one["person_name"]
    ]
    stranger = {"source_customer_id": "S", "person_name": "최하늘", "phone": PHONE}
    before = weighed(korea, *drawn, RECEIPT)
    after = weighed(korea, *drawn, stranger, RECEIPT)
    assert all(after[ends][0] <= found[0] + 1e-12 for ends, found in before.items() if "R" in ends)
