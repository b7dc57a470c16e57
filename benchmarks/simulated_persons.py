"""Person records as several sources would hold them, for measuring the identification."""

import adbc_driver_postgresql.dbapi
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from demo.company import names, places
from demo.company.draws import blank

SEED = 20260630
_SOURCES = ("shop", "crm", "pos", "callcentre")
_RECORDS_PER_PERSON = 2


def simulate(records: int, seed: int = SEED) -> pa.Table:
    """Returns so many records, of half as many people; true_person says whose a record is."""
    draw = np.random.default_rng(seed)
    people = records // _RECORDS_PER_PERSON
    who = draw.integers(0, people, records)
    surname = draw.integers(0, len(names.SURNAMES), people)
    first = draw.integers(0, names.FIRST_SYLLABLES, people)
    second = draw.integers(0, names.SECOND_SYLLABLES, people)
    gender, latin = draw.integers(0, 2, people), draw.integers(0, 3, people)
    # Three people of ten live with the one before them, and one of these shares the phone.
    at_home = draw.random(people) < 0.3
    home = draw.integers(1, 2**40, people)
    home[1:][at_home[1:]] = home[:-1][at_home[1:]]
    phone = 10_000_000 + draw.permutation(people)
    shares = at_home & (draw.random(people) < 0.1)
    phone[1:][shares[1:]] = phone[:-1][shares[1:]]
    birth = draw.integers(-15_000, 13_000, people)

    style = draw.choice(7, records, p=(0.84, 0.05, 0.03, 0.02, 0.03, 0.02, 0.01))
    phone_style = draw.choice(7, records, p=(0.5, 0.25, 0.05, 0.05, 0.05, 0.03, 0.07))
    mail_error = draw.choice(6, records, p=(0.7, 0.02, 0.01, 0.01, 0.02, 0.24))
    address_style = draw.choice(3, records, p=(0.5, 0.25, 0.25))
    no_birth, no_home = draw.random(records) < 0.25, draw.random(records) < 0.2
    person = (surname[who], first[who], second[who], gender[who])
    none = pa.nulls(records, pa.list_(pa.string()))
    source = draw.integers(0, len(_SOURCES), records)
    return pa.table(
        {
            "source": pa.array(_SOURCES).take(pa.array(source)),
            "source_customer_id": pa.array(np.arange(records)).cast(pa.string()),
            "exact_keys": none,
            "person_name": names.names(*person, latin[who], style),
            "phone": names.phones(phone[who], phone_style),
            "email": names.mails(who, *person[1:], np.zeros(records, dtype=np.int64), mail_error),
            "birth_date": pa.array(birth[who].astype(np.int32), mask=no_birth).cast(pa.date32()),
            "postcode": blank(places.postcodes(home[who]), no_home),
            "address": blank(places.addresses(home[who], address_style), no_home),
            "former_names": none,
            "former_phones": none,
            "former_emails": none,
            "former_addresses": none,
            "true_person": who,
        }
    )


def write(url: str, table: pa.Table) -> None:
    """Makes `intermediate.int_persons__unioned` of records, all of one load on a day of 2025."""
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            drop table if exists intermediate.int_persons__unioned;
            create table intermediate.int_persons__unioned (
                source text, source_customer_id text, exact_keys text[], person_name text,
                phone text, email text, birth_date date, postcode text, address text,
                former_names text[], former_phones text[], former_emails text[],
                former_addresses text[], true_person bigint,
                first_seen_at timestamptz not null default '2025-01-01',
                reported_at timestamptz, phone_reported_at timestamptz,
                load_id text not null default '1',
                unique (source, source_customer_id)
            )
            """
        )
    append(url, table)


def append(url: str, table: pa.Table) -> None:
    """Adds records to the relation."""
    with adbc_driver_postgresql.dbapi.connect(url) as connection:
        with connection.cursor() as cursor:
            cursor.adbc_ingest(
                "int_persons__unioned", table, mode="append", db_schema_name="intermediate"
            )
        connection.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze intermediate.int_persons__unioned")


def next_night(table: pa.Table, share: float, seed: int = SEED) -> tuple[pa.Table, pa.Table]:
    """Returns the records known before tonight, and the share that comes tonight."""
    is_new = pa.array(np.random.default_rng(seed + 1).random(len(table)) < share)
    return table.filter(pc.invert(is_new)), table.filter(is_new)
