"""Person records as the warehouse's unioned relation would hold them, for the tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import psycopg

FIRST_SEEN = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Person:
    """One record; what is left out is unknown."""

    number: str
    source: str = "shop"
    exact_keys: Sequence[str] = ()
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    birth_date: date | None = None
    postcode: str | None = None
    address: str | None = None
    former_phones: Sequence[str] = field(default=())
    first_seen: datetime = FIRST_SEEN
    reported: datetime | None = None
    phone_reported: datetime | None = None


def write(url: str, persons: Iterable[Person]) -> None:
    """Makes `intermediate.int_persons__unioned` of the records, in the order given."""
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            drop table if exists intermediate.int_persons__unioned;
            create table intermediate.int_persons__unioned (
                source text, source_customer_id text, exact_keys text[], first_seen_at timestamptz,
                person_name text, phone text, email text, birth_date date, postcode text,
                address text, former_names text[], former_phones text[], former_emails text[],
                former_addresses text[], reported_at timestamptz, phone_reported_at timestamptz
            )
            """
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                """
                insert into intermediate.int_persons__unioned
                values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', %s, '{}', '{}', %s, %s)
                """,
                [
                    (
                        person.source, person.number, list(person.exact_keys), person.first_seen,
                        person.name, person.phone, person.email, person.birth_date,
                        person.postcode, person.address, list(person.former_phones),
                        person.reported, person.phone_reported,
                    )
                    for person in persons
                ],
            )  # fmt: skip
