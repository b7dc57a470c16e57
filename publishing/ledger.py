"""The publication ledger `activation.publications`: a list is published once a day and target.

An entry is `writing` before the first byte is written and `published` when the last one is
visible. A run that finds `writing` finishes what an earlier one began.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Literal

import psycopg

from warehouse.connections import connect


@dataclass(frozen=True)
class Entry:
    """What the ledger says of one list of one day on one target.

    Attributes:
        checksum: sha256 of the CSV file, in hex.
    """

    as_of_date: date
    list_name: str
    revision: int
    checksum: str
    row_count: int
    state: Literal["writing", "published"]


@contextmanager
def alone(url: str) -> Iterator[psycopg.Connection]:
    """A connection that commits each statement, held by one publisher at a time."""
    with connect(url) as connection:
        connection.autocommit = True
        connection.execute("select pg_advisory_lock(hashtext('living-crm publish'))")
        yield connection


def find(connection: psycopg.Connection, as_of: date, list_name: str, target: str) -> Entry | None:
    """Returns the entry of a list, or None if it was never begun."""
    row = connection.execute(
        """
        select as_of_date, list_name, revision, checksum, row_count, state
        from activation.publications
        where as_of_date = %s and list_name = %s and target = %s
        """,
        (as_of, list_name, target),
    ).fetchone()
    return Entry(*row) if row else None


def begin(connection: psycopg.Connection, entry: Entry, target: str, run_id: str) -> None:
    """Writes down what is about to be published; replaces what stood there."""
    connection.execute(
        """
        insert into activation.publications
            (as_of_date, list_name, target, revision, checksum, row_count, state, run_id)
        values (%s, %s, %s, %s, %s, %s, 'writing', %s)
        on conflict (as_of_date, list_name, target) do update set
            revision = excluded.revision, checksum = excluded.checksum,
            row_count = excluded.row_count, state = 'writing', published_at = null,
            run_id = excluded.run_id
        """,
        (
            entry.as_of_date, entry.list_name, target, entry.revision, entry.checksum,
            entry.row_count, run_id,
        ),
    )  # fmt: skip


def finish(connection: psycopg.Connection, entry: Entry, target: str) -> None:
    """Writes down that the list is visible."""
    connection.execute(
        """
        update activation.publications set state = 'published', published_at = clock_timestamp()
        where as_of_date = %s and list_name = %s and target = %s
        """,
        (entry.as_of_date, entry.list_name, target),
    )


def in_force(connection: psycopg.Connection, target: str) -> Mapping[str, Entry]:
    """Returns, per list, the published entry of the latest day: the one teams work by."""
    rows = connection.execute(
        """
        select distinct on (list_name)
            as_of_date, list_name, revision, checksum, row_count, state
        from activation.publications
        where target = %s and state = 'published'
        order by list_name, as_of_date desc
        """,
        (target,),
    )
    return {entry.list_name: entry for entry in (Entry(*row) for row in rows)}
