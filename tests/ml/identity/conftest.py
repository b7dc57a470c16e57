"""A small world of person records and weighed pairs, on a real PostgreSQL."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import psycopg
import pytest

from ml.identity.settle import settle
from warehouse.context import RunContext
from warehouse.policy import Policy
from warehouse.settings import Settings

DAY = date(2026, 3, 2)
Record = tuple[str, str]


@dataclass
class Records:
    """The person records and pairs that a night finds, and what it made of them."""

    context: RunContext
    connection: psycopg.Connection

    def add(
        self,
        *records: Record,
        seen: str = "2026-03-01 09:00+09",
        name: str | None = None,
        born: str | None = None,
        load: str = "1",
        **fields: str,
    ) -> None:
        self.connection.cursor().executemany(
            "insert into intermediate.int_persons__unioned (source, source_customer_id,"
            " first_seen_at, load_id, person_name, birth_date, phone, email)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (source, source_customer_id) do update set load_id ="
            " excluded.load_id, person_name = excluded.person_name,"
            " birth_date = excluded.birth_date",
            [
                (*record, seen, load, name, born, fields.get("phone"), fields.get("email"))
                for record in records
            ],
        )

        self.connection.cursor().executemany(
            "insert into pii.standard_records (source, source_customer_id, record_hash, keys,"
            " name_sounds, birth) values (%s, %s, 0, '{}', %s, %s)"
            " on conflict (source, source_customer_id) do update set"
            " name_sounds = excluded.name_sounds, birth = excluded.birth",
            [
                (*record, [name] if name else None, born.replace("-", "") if born else None)
                for record in records
            ],
        )

    def pair(
        self,
        first: Record,
        second: Record,
        probability: float = 0.999,
        weight: float | None = None,
        *,
        exact: bool = False,
    ) -> None:
        a, b = sorted((first, second))
        self.run(
            "insert into identity.pairs values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (source_a, source_customer_id_a, source_b, source_customer_id_b)"
            " do update set match_probability = excluded.match_probability,"
            " match_weight = excluded.match_weight",
            *a, *b, probability * 10 if weight is None else weight,
            1.0 if exact else probability, "exact_key" if exact else "probability",
            "membership number" if exact else "name, phone", ["phone"], ["address"], "builtin",
        )  # fmt: skip

    def unpair(self, first: Record, second: Record) -> None:
        a, b = sorted((first, second))
        self.run(
            "delete from identity.pairs where (source_a, source_customer_id_a, source_b,"
            " source_customer_id_b) = (%s, %s, %s, %s)",
            *a, *b,
        )  # fmt: skip

    def run(self, statement: str, *values: object) -> None:
        self.connection.execute(statement.encode(), values)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), values).fetchall()

    def night(self, day: date = DAY, run_id: str = "night") -> dict[str, Any]:
        self.context = replace(self.context, as_of=day, run_id=f"{run_id}-{day}")
        with self.context.connection() as connection:
            return settle(connection, self.context)

    def persons(self) -> dict[Record, str]:
        return {
            (source, number): person
            for source, number, person in self.rows(
                "select source, source_customer_id, person_id from identity.person_links"
            )
        }

    def partition(self) -> set[frozenset[Record]]:
        return partition_of(self.persons())

    def history(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "select change, person_id, other_person_id, source, source_customer_id, cause"
            " from identity.person_history order by changed_as_of_date, 1, 2, 3, 4, 5"
        )


def partition_of(persons: dict[Record, str]) -> set[frozenset[Record]]:
    groups: dict[str, set[Record]] = {}
    for record, person in persons.items():
        groups.setdefault(person, set()).add(record)
    return {frozenset(group) for group in groups.values()}


def sets(*groups: Iterable[Record]) -> set[frozenset[Record]]:
    return {frozenset(group) for group in groups}


@pytest.fixture(scope="module")
def identity_url(new_warehouse: Callable[[], str]) -> str:
    url = new_warehouse()
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table intermediate.int_persons__unioned (source text, source_customer_id text,"
            " exact_keys text[] not null default '{}', first_seen_at timestamptz, load_id text,"
            " person_name text, phone text, email text, birth_date date, postcode text,"
            " address text, reported_at timestamptz, phone_reported_at timestamptz,"
            " former_names text[], former_phones text[],"
            " former_emails text[], former_addresses text[],"
            " primary key (source, source_customer_id))"
        )
    return url


@pytest.fixture
def records(identity_url: str, settings: Settings, policy: Policy) -> Iterator[Records]:
    """An empty world in Seoul."""
    seoul = policy.model_copy(update={"time_zone": "Asia/Seoul"})
    with psycopg.connect(identity_url, autocommit=True) as connection:
        world = Records(RunContext(settings, seoul, DAY, "night", identity_url), connection)
        tables = world.rows(
            "select schemaname || '.' || tablename from pg_tables"
            " where schemaname = 'identity'"
            " or tablename in ('int_persons__unioned', 'standard_records')"
        )
        world.run(f"truncate {', '.join(table for (table,) in tables)}")
        yield world
