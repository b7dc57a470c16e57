"""How alive fields are, in numbers. Real PostgreSQL, versions laid down by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from expectations import contradictions, sources, vitality, vitality_page
from warehouse.context import RunContext
from warehouse.policy import load_policy
from warehouse.settings import REPOSITORY

DAY = date(2026, 6, 30)

CATALOG = {
    "shop": """
description: The shop's members.
reader: sql
feeds: {persons: stg_shop__members}
tables:
  - name: members
    key: [member_id]
    cursor: updated_at
    mode: upsert
    fresh_within_hours: 24
    required: true
    lasting: true
    fields: {name: person_name, phone: phone, email: email, birth_date: birth_date}
    columns: {member_id: bigint, name: text, phone: text, email: text, birth_date: date,
      updated_at: timestamptz}
""",
    "crm": """
description: The name list and the calls of a day.
reader: files
feeds: {persons: [stg_crm__name_list]}
tables:
  - name: name_list
    path: name_list_{date}.csv
    format: csv
    key: [contact_id]
    cursor: _file_date
    mode: snapshot
    fresh_within_hours: 168
    required: false
    lasting: true
    fields: {mobile: phone, born: birth_date, edited: edited_on}
    columns: {contact_id: text, mobile: text, born: text, edited: text}
  - name: calls
    path: calls_{date}.csv
    format: csv
    key: [call_id]
    cursor: _file_date
    mode: append
    fresh_within_hours: 24
    required: false
    fields: {caller: person_name}
    columns: {call_id: text, caller: text}
""",
}

TABLES = """
create schema raw_shop;
create table raw_shop.members (
    member_id bigint, name text, phone text, email text, birth_date date, updated_at timestamptz,
    _dlt_load_id text, _dlt_id text
);
create schema raw_crm;
create table raw_crm.name_list (
    contact_id text, mobile text, born text, edited text, _file_date date, _dlt_load_id text,
    _dlt_id text
);
create table raw_crm.calls (call_id text, caller text, _file_date date, _dlt_load_id text);
"""

Shares = tuple[float | None, ...]


@pytest.fixture
def context(context_for: Callable[[date], RunContext], tmp_path: Path) -> RunContext:
    for source, entry in CATALOG.items():
        (tmp_path / f"{source}.yml").write_text(entry, encoding="utf-8")
    found = context_for(DAY)
    execute(found, TABLES)
    settings = found.settings.model_copy(
        update={"catalog_dir": tmp_path, "living_crm_home": tmp_path}
    )
    return replace(found, settings=settings, policy=load_policy(REPOSITORY / "policy.yml"))


def execute(context: RunContext, statement: str) -> list[Any]:
    with psycopg.connect(context.url) as connection:
        found = connection.execute(statement.encode())
        return found.fetchall() if found.description else []


def measure(context: RunContext) -> None:
    vitality.record(context, vitality.measure(context, sources.measure(context)))


def of(context: RunContext, shares: str, table: str) -> dict[str, Any]:
    """Returns per field of a table what stands in `ops.field_vitality` for the context's day."""
    rows = execute(
        context,
        f"select field, {shares} from ops.field_vitality_trend"
        f" where as_of_date = '{context.as_of}' and table_name = '{table}'",
    )
    return {field: found[0] if len(found) == 1 else tuple(found) for field, *found in rows}


def test_a_placeholder_is_not_filled_in_however_it_is_typed(context: RunContext) -> None:
    execute(
        context,
        """
        insert into raw_shop.members values
        (1, ' 홍 길동', '010-0000-0000', 'TEST@test.com ', '1970-01-01', '2026-06-01', '1', 'a'),
        (2, 'Test', '+82 10.1234.5678', 'no@email.com', '1970-01-02', '2026-06-01', '1', 'b'),
        (3, '김하나', '010-2345-6789', 'hana@test.com', null, '2026-06-01', '1', 'c'),
        (4, ' ', '', 'x', null, '2026-06-01', '1', 'd'),
        (5, '홍길동전', '010-0000-00001', null, '1985-05-05', '2026-07-01 00:00+09', '1', 'e');
        insert into raw_crm.name_list values
        ('1', null, '1970년 1월 1일', '', '2026-06-29', '1', 'a'),
        ('2', null, '1970.1.1', '', '2026-06-29', '1', 'b'),
        ('3', null, '1971-01-01', '', '2026-06-29', '1', 'c'),
        ('4', null, '', '', '2026-06-29', '1', 'd');
        """,
    )
    measure(context)
    # The fifth member is written after the business day has ended.
    assert of(context, "row_count, completeness, placeholder_share", "members") == {
        "member_id": (4, 1, None),
        "name": (4, 0.25, 0.5),
        "phone": (4, 0.25, 0.5),
        "email": (4, 0.5, 0.5),
        "birth_date": (4, 0.25, 0.25),
        "updated_at": (4, 1, None),
    }
    assert of(context, "completeness, placeholder_share", "name_list")["born"] == (0.25, 0.5)


def test_a_quote_in_a_placeholder_is_a_quote(context: RunContext) -> None:
    names = context.policy.placeholders.model_copy(
        update={"names": ("o'; drop schema ops; --%s{}",)}
    )
    policy = context.policy.model_copy(update={"placeholders": names})
    execute(
        context,
        """
        insert into raw_shop.members values
        (1, 'O''; drop schema ops; --%s{}', null, null, null, '2026-06-01', '1', 'a')
        """,
    )
    measure(replace(context, policy=policy))
    assert of(context, "placeholder_share", "members")["name"] == 1


def test_a_member_is_judged_by_its_newest_version_and_what_it_said_two_years_ago(
    context: RunContext,
) -> None:
    execute(
        context,
        """
        insert into raw_shop.members values
        -- As it was.
        (1, 'Kim', '1', 'a@b.kr', null, '2023-01-01', '1', 'a'),
        -- Changed since, in one field.
        (2, 'Lee', '2', null, null, '2022-01-01', '1', 'b'),
        (2, 'Lee', '3', 'c@d.kr', null, '2025-01-01', '1', 'c'),
        -- Changed, before that.
        (3, 'Cho', '4', 'e@f.kr', null, '2021-01-01', '1', 'd'),
        (3, 'Ahn', '5', null, null, '2024-06-30 23:59+09', '1', 'e'),
        (3, 'Ahn', '5', null, null, '2026-06-29', '1', 'f'),
        -- Nothing is known of it so long ago.
        (4, 'Han', '6', 'g@h.kr', null, '2024-07-01 00:00+09', '1', 'g');
        """,
    )
    measure(context)
    assert of(context, "row_count, completeness, unchanged_share", "members") == {
        "member_id": (4, 1, None),
        "name": (4, 1, 0.75),
        "phone": (4, 1, 0.5),
        "email": (4, 0.75, pytest.approx(1 / 3)),
        "birth_date": (4, 0, None),
        "updated_at": (4, 1, None),
    }


def test_what_no_version_is_old_enough_to_say_is_null_and_not_zero(context: RunContext) -> None:
    execute(
        context,
        """
        insert into raw_shop.members values
        (1, 'Kim', '1', 'a@b.kr', null, '2025-01-01', '1', 'a');
        insert into raw_crm.name_list values ('1', '1', '2', 'long ago', '2026-06-29', '1', 'a')
        """,
    )
    measure(context)
    assert set(of(context, "unchanged_share", "members").values()) == {None}
    assert set(of(context, "unchanged_share", "name_list").values()) == {None}


def test_a_list_is_judged_by_its_newest_drop_and_the_day_that_somebody_edited_a_row(
    context: RunContext,
) -> None:
    execute(
        context,
        """
        insert into raw_crm.name_list values
        ('gone', '0', '', '2020-01-01', '2026-06-22', '1', 'a'),
        ('old', '1', '', '2020-01-01', '2026-06-22', '1', 'b'),
        ('old', '1', '', '2024-06-30', '2026-06-29', '1', 'c'),
        ('young', '2', '', '2024-07-01', '2026-06-29', '1', 'd'),
        ('tomorrow', '3', '', '2020-01-01', '2026-07-01', '1', 'e');
        """,
    )
    measure(context)
    assert of(context, "row_count, unchanged_share", "name_list")["mobile"] == (2, 0.5)
    assert of(context, "unchanged_share", "name_list")["edited"] is None


def test_what_happened_is_judged_by_the_28_days_before_the_day(context: RunContext) -> None:
    execute(
        context,
        """
        insert into raw_crm.calls
        select id::text, caller, date '2026-06-30' - days, '1'
        from (values
            (1, '홍길동', 0), (2, '홍길동', 1), (3, 'Kim', 28), (4, '', 28), (5, 'Lee', 29)
        ) as calls (id, caller, days)
        """,
    )
    measure(context)
    assert of(context, "row_count, completeness, placeholder_share, unchanged_share", "calls")[
        "caller"
    ] == (3, pytest.approx(1 / 3), pytest.approx(1 / 3), None)


def test_a_table_that_never_came_has_fields_of_which_nothing_is_known(context: RunContext) -> None:
    execute(context, "drop table raw_shop.members")
    measure(context)
    assert of(context, "row_count, completeness, placeholder_share", "members")["name"] == (
        0, None, None,
    )  # fmt: skip


def test_each_share_is_compared_with_the_newest_day_28_days_back(context: RunContext) -> None:
    for days, name in ((40, "null"), (29, "'Kim'"), (27, "null"), (0, "null")):
        day = DAY - timedelta(days=days)
        execute(
            context,
            f"insert into raw_shop.members values (1, {name}, '1', null, null, '{day}', '1', 'a')",
        )
        measure(replace(context, as_of=day))
    assert of(context, "compared_with_date, completeness, completeness_change", "members")[
        "name"
    ] == (DAY - timedelta(days=29), 0, -1)
    measure(context)
    assert execute(context, "select count(distinct as_of_date) from ops.field_vitality") == [(4,)]


PERSONS = """
create table intermediate.int_persons__unioned (
    source text, source_customer_id text, person_name text, phone text, email text,
    birth_date date, postcode text, address text
);
"""


def know(context: RunContext, *records: tuple[str, str, str, str | None]) -> None:
    """Lays down person records: person, source, a name and a phone."""
    with psycopg.connect(context.url) as connection:
        connection.execute(PERSONS)
        for number, (person, source, name, phone) in enumerate(records):
            connection.execute(
                "insert into intermediate.int_persons__unioned (source, source_customer_id,"
                " person_name, phone, birth_date) values (%s, %s, %s, %s, '1990-05-05')",
                (source, str(number), name, phone),
            )
            connection.execute(
                "insert into identity.person_links"
                " (source, source_customer_id, person_id, evidence, linked_at_run,"
                " linked_as_of_date) values (%s, %s, %s, 'test', 'test', '2026-06-30')",
                (source, str(number), person),
            )


def contradicted(context: RunContext, table: str) -> dict[str, Any]:
    """Returns per field of a person the records compared and contradicted."""
    rows = execute(
        context,
        "select field, compared_records, contradicted_records from ops.field_vitality"
        f" where table_name = '{table}' and compared_records is not null",
    )
    return {field: tuple(found) for field, *found in rows}


def test_a_source_contradicts_a_value_where_it_knows_only_others(context: RunContext) -> None:
    measure(context)
    know(
        context,
        # Written otherwise, the same.
        ("P1", "shop", "Kim Hana", "010-1111-2222"),
        ("P1", "crm", "KIM HANA", "+82 10 1111 2222"),
        # Another phone; of the name list's two, one agrees with the second account.
        ("P2", "shop", "이둘", "010-3333-4444"),
        ("P2", "shop", "이둘", "010-5555-6666"),
        ("P2", "crm", "이둘", "01055556666"),
        ("P2", "crm", "이둘", "01077778888"),
        # A placeholder says nothing, and neither does a gap or another record of the same source.
        ("P3", "shop", "박셋", "010-9999-9999"),
        ("P3", "crm", "홍길동", "010-0000-0000"),
        ("P4", "shop", "최넷", None),
        ("P4", "crm", "최사", "010-1212-3434"),
        ("P5", "shop", "정다섯", "010-1111-0000"),
        ("P5", "shop", "정오", "010-2222-0000"),
        # Of two other sources one contradicts.
        ("P6", "shop", "조여섯", None),
        ("P6", "crm", "조여섯", None),
        ("P6", "till", "조육", None),
    )
    contradictions.measure(context)
    assert contradicted(context, "members") == {
        "name": (5, 2), "phone": (3, 1), "email": (0, 0), "birth_date": (6, 0),
    }  # fmt: skip
    assert contradicted(context, "name_list") == {"mobile": (3, 1), "born": (6, 0)}
    # Who calls is in no feed of persons: nothing is said of it.
    assert contradicted(context, "calls") == {}


def test_before_persons_are_built_nothing_is_said_of_contradictions(context: RunContext) -> None:
    measure(context)
    contradictions.measure(context)
    assert contradicted(context, "members") == {}
    know(context, ("P1", "shop", "Kim", None), ("P1", "crm", "Lee", None))
    execute(context, "alter table intermediate.int_persons__unioned drop column phone")
    contradictions.measure(context)
    assert contradicted(context, "members") == {}


def test_of_many_persons_some_are_looked_at_always_the_same_and_whole(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(context)
    know(
        context,
        *(
            (f"P{person}", source, f"{source} {person}", None)
            for person in range(400)
            for source in ("shop", "crm")
        ),
    )
    monkeypatch.setattr(contradictions, "LOOKED_AT_RECORDS", 200)
    contradictions.measure(context)
    compared, contra = contradicted(context, "members")["name"]
    assert 60 <= compared <= 140
    assert contra == compared
    contradictions.measure(context)
    assert contradicted(context, "members")["name"] == (compared, contra)


def test_the_page_shows_every_field_with_its_change_and_no_markup_of_the_data(
    context: RunContext,
) -> None:
    for day, name in ((DAY - timedelta(days=28), "'홍길동'"), (DAY, "'Kim'")):
        execute(
            context,
            f"insert into raw_shop.members values (1, {name}, '1', null, null, '{day}', '1', 'a')",
        )
        measure(replace(context, as_of=day))
    policy = context.policy.model_copy(update={"company": "<b>{{ 7 * 7 }}</b>"})
    path = vitality_page.write(replace(context, policy=policy))
    assert path == context.settings.docs_dir / "data_docs" / "vitality" / "index.html"
    page = path.read_text(encoding="utf-8")
    assert "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;" in page
    assert "<td>name</td><td>person_name</td>\n<td>100.0%<small>+100.0</small></td>" in page
    assert "<td>0.0%<small>-100.0</small></td>" in page
    assert "shop.members" in page
    assert "crm.calls" in page
    assert "changes since 2026-06-02" in page
    later = vitality_page.write(replace(context, as_of=DAY + timedelta(days=1)))
    assert "Nothing is measured" in later.read_text(encoding="utf-8")
