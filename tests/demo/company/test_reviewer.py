from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from demo.company.reviewer import NAME, review_sample
from demo.company.systems import truth
from warehouse.connections import ensure_database
from warehouse.settings import Settings

DAY = date(2026, 6, 30)
MONTH = date(2026, 6, 1)

_STAGING = """
create table staging.stg_shop__members (source_customer_id text);
create table staging.stg_crm__name_list (source_customer_id text);
create table staging.stg_pos__receipts (source_customer_id text, order_id text);
create table staging.stg_callcentre__cases (source_customer_id text, case_id text);
create table staging.stg_survey__responses (source_customer_id text, survey_id text);
create table staging.stg_mailer__sends (source_customer_id text, contact_id text);
insert into staging.stg_shop__members values ('1');
insert into staging.stg_crm__name_list values ('K1');
insert into staging.stg_pos__receipts values
    ('phone:a', 'pos:7'), ('phone:a', 'pos:8'), ('phone:a', 'pos:9');
"""
_TRUTH = """
create schema demo_truth;
create table demo_truth.person_records
    (source text, source_table text, source_record_id text, true_person_id bigint);
insert into demo_truth.person_records values
    ('shop', 'members', '1', 10), ('crm', 'name_list', 'K1', 11),
    ('pos', 'receipts', '7', 10), ('pos', 'receipts', '8', 10), ('pos', 'receipts', '9', 11);
"""


@pytest.fixture
def reviewed(settings: Settings, warehouse: str, server_url: str) -> Iterator[Settings]:
    """A warehouse with a drawn sample, and the truth beside it."""
    beside = ensure_database(server_url, truth.DATABASE)
    with psycopg.connect(warehouse) as connection, psycopg.connect(beside) as known:
        connection.execute(_STAGING)
        known.execute("drop schema if exists demo_truth cascade")
        known.execute(_TRUTH)
        for place, (first, second) in enumerate([
            (("crm", "K1"), ("pos", "phone:a")), (("pos", "phone:a"), ("shop", "1")),
            (("shop", "1"), ("web", "1")), (("mailer", "unknown"), ("shop", "1")),
        ]):  # fmt: skip
            connection.execute(
                "insert into identity.samples values (%s, 'linked', %s, %s, %s, %s, %s)",
                (MONTH, place, *first, *second),
            )
    yield settings.model_copy(update={"warehouse_url": SecretStr(warehouse)})
    with psycopg.connect(server_url, autocommit=True) as connection:
        name = sql.Identifier(truth.DATABASE)
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


def test_the_reviewer_labels_what_the_truth_knows_by_whom_most_rows_are_of(
    reviewed: Settings, warehouse: str
) -> None:
    assert review_sample(reviewed, DAY) == 3
    with psycopg.connect(warehouse) as connection:
        found = connection.execute(
            "select label, labelled_by, labelled_at from identity.samples order by place"
        ).fetchall()
    assert found == [
        ("different", NAME, DAY), ("same", NAME, DAY), ("same", NAME, DAY), (None, None, None),
    ]  # fmt: skip
    assert review_sample(reviewed, DAY) == 0
