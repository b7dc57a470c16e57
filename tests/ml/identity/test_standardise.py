"""Person records in their standard form."""

from collections.abc import Mapping
from datetime import date

import duckdb
import pytest

from ml.identity.standardise import RECORD_COLUMNS, standardise
from warehouse.policy import Policy


def standard(
    policy: Policy, country: str, column: str, *records: Mapping[str, object]
) -> list[object]:
    """Returns a column of the standard form of records."""
    identity = policy.identity.model_copy(update={"country": country})
    with duckdb.connect() as connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in RECORD_COLUMNS.items())
        connection.execute(f"create table records ({columns})")
        for number, record in enumerate(records):
            filled = {"source": "shop", "source_customer_id": str(number), **record}
            connection.execute(
                f"insert into records ({', '.join(filled)})"
                f" values ({', '.join('?' * len(filled))})",
                list(filled.values()),
            )
        standardise(connection, policy.model_copy(update={"identity": identity}))
        query = f"select {column} from standard order by source_customer_id::int"
        return [value for (value,) in connection.execute(query).fetchall()]


def test_a_phone_is_the_same_however_it_is_typed(policy: Policy) -> None:
    typed = [
        "010-2345-6789", "01023456789", "010.2345.6789", "+82 10-2345-6789", "10-2345-6789",
        "(010) 2345 6789",
    ]  # fmt: skip
    found = standard(policy, "KR", "phone", *({"phone": text} for text in typed))
    assert found == ["821023456789"] * len(typed)


def test_another_country_reads_its_own_phones(policy: Policy) -> None:
    typed = ["0412 345 678", "+61 412 345 678", "(03) 9123 4567", "010-2345-6789"]
    found = standard(policy, "AU", "phone", *({"phone": text} for text in typed))
    assert found == ["61412345678", "61412345678", "61391234567", None]


def test_a_number_is_read_by_itself_where_its_length_is_another(policy: Policy) -> None:
    found = standard(policy, "KR", "phone", {"phone": "02-312-3456"}, {"phone": "12"})
    assert found == ["8223123456", None]


@pytest.mark.parametrize(
    ("text", "mail", "local"),
    [
        ("Minsu.Kim@Naver.COM ", "minsu.kim@naver.com", "minsu.kim"),
        ("minsu@naver.com.", None, "minsu"),
        ("minsunaver.com", None, None),
        ("minsu@naver", None, "minsu"),
        ("o'brien@example-shop.com", "o'brien@example-shop.com", "o'brien"),
        ("a..b@naver.com", None, "a..b"),
    ],
)
def test_a_mail_is_read_without_network(
    policy: Policy, text: str, mail: str | None, local: str | None
) -> None:
    record: dict[str, object] = {"email": text}
    assert standard(policy, "KR", "email", record) == [mail]
    assert standard(policy, "KR", "mail_name", record) == [local]


def test_placeholders_are_unknown(policy: Policy) -> None:
    placeholders = policy.placeholders.model_copy(
        update={
            "names": ("홍길동",), "phones": ("01012345678",), "emails": ("test@test.com",),
            "birth_dates": (date(1900, 1, 1),),
        }
    )  # fmt: skip
    record: dict[str, object] = {
        "person_name": "홍길동", "phone": "010-1234-5678", "email": "Test@test.com",
        "birth_date": date(1900, 1, 1),
    }  # fmt: skip
    mine = policy.model_copy(update={"placeholders": placeholders})
    for column in ("name_written", "phone", "email", "mail_name", "birth"):
        assert standard(mine, "KR", column, record) == [None]


def test_an_address_is_the_same_with_long_and_with_short_words(policy: Policy) -> None:
    typed = ["서울특별시 강남구 중앙로 12, 103동 504호", "서울 강남구 중앙로 12 103-504"]
    first, second = standard(policy, "KR", "homes", *({"address": text} for text in typed))
    assert first == second
    assert standard(policy, "KR", "house_numbers", {"address": typed[0]}) == [["103", "12", "504"]]


def test_former_values_stand_beside_the_newest(policy: Policy) -> None:
    record: dict[str, object] = {
        "phone": "010-2345-6789", "former_phones": ["010-9999-8888", "unknown"],
    }  # fmt: skip
    assert standard(policy, "KR", "phones", record) == [["821023456789", "821099998888"]]
