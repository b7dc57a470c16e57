"""What the identification reads of the warehouse and keeps there, in Arrow both ways.

The pairing itself runs in DuckDB; this brings the records in and takes the results out. All that a
night writes is one transaction: it is there as a whole or not at all.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import duckdb

from ml.identity.refill import without_indexes
from ml.identity.standardise import RECORD_COLUMNS
from warehouse.catalog import name_lists
from warehouse.connections import connect_arrow
from warehouse.context import RunContext
from warehouse.errors import WarehouseError

# What is kept of each record's standard form: what a night can't do without. The rest is made again
# of the few records that tonight's are compared with, which costs less than keeping it of all.
KEPT_COLUMNS = (
    "source", "source_customer_id", "record_hash", "keys", "is_nameless", "name_sounds", "birth",
)  # fmt: skip

_IDENTIFIED = ("source", "source_customer_id", "record_hash")
# How long details are given counts where nothing else says whose they are, and since when a phone
# is another where somebody has given one up. Of all other records these would change every night,
# and each of them would be paired again.
_READ_AS = {
    "first_seen": "(persons.first_seen_at at time zone 'UTC')::date",
    "given_days": (
        "case when persons.person_name is null and persons.exact_keys = '{}'"
        " then extract(day from persons.reported_at - persons.first_seen_at)::integer end"
    ),
    "is_hearsay": "persons.source = any(catalog.name_lists)",
    "phone_changed": (
        "case when persons.exact_keys != '{}' and persons.former_phones != '{}'"
        " then (persons.phone_reported_at at time zone 'UTC')::date end"
    ),
}
_READ = {
    name: _READ_AS.get(name, f"persons.{name}")
    for name in RECORD_COLUMNS
    if name not in _IDENTIFIED
}
_VALUES = ", ".join(f"{value} as {name}" for name, value in _READ.items())
_HASH = f"hash_record_extended(row({', '.join(_READ.values())}), 0)"


class Store:
    """One transaction on the warehouse.

    Args:
        cursor: of an ADBC connection that does not commit by itself.
        day_end: SQL literal of the first instant after the business day.
        name_lists: SQL array of the sources that are lists of names.
    """

    def __init__(self, cursor: Any, day_end: str, name_lists: str) -> None:
        self._of_transaction = cursor
        self._day_end = day_end
        self._name_lists = name_lists
        self._beside: Future[None] | None = None

    @property
    def _cursor(self) -> Any:
        """The transaction's cursor, once nothing else uses it."""
        self.wait()
        return self._of_transaction

    def write_beside(self, write: Callable[["Store"], None]) -> None:
        """Lets `write` use the transaction while the caller goes on computing.

        Whatever the caller asks of the store next waits until it is done.
        """
        alone = Store(self._cursor, self._day_end, self._name_lists)
        pool = ThreadPoolExecutor(1)
        self._beside = pool.submit(write, alone)
        pool.shutdown(wait=False)

    def wait(self) -> None:
        """Waits for what is written beside; raises the error that ended it."""
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.result()

    def execute(self, statement: str) -> None:
        """Runs a statement that returns nothing."""
        self._cursor.execute(statement)

    @contextmanager
    def refilled(self, table: str) -> Iterator[None]:
        """Empties a table, and makes its keys and indexes when it is filled again: much sooner.

        Nothing is told to its triggers.
        """
        self.execute(f"alter table {table} disable trigger user")
        self.execute(f"truncate {table}")
        with without_indexes(self.execute, self._rows, table):
            yield
        self.execute(f"alter table {table} enable trigger user")

    def row(self, query: str) -> tuple[Any, ...] | None:
        """Returns the first row of a query."""
        self._cursor.execute(query)
        found: tuple[Any, ...] | None = self._cursor.fetchone()
        return found

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        self._cursor.execute(query)
        found: list[tuple[Any, ...]] = self._cursor.fetchall()
        return found

    def read(self, connection: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
        """Makes a table in DuckDB of what a query finds."""
        self._cursor.execute(query)
        reader = self._cursor.fetch_record_batch()
        connection.register("arriving", reader)
        connection.execute(f"create or replace table {table} as select * from arriving")
        connection.unregister("arriving")

    def append(
        self, connection: duckdb.DuckDBPyConnection, query: str, schema: str, table: str
    ) -> int:
        """Appends what a query in DuckDB finds to a table of the warehouse; returns the rows."""
        batches = connection.sql(query).to_arrow_reader(100_000)
        return int(self._cursor.adbc_ingest(table, batches, mode="append", db_schema_name=schema))

    def stage(self, connection: duckdb.DuckDBPyConnection, query: str, table: str) -> None:
        """Makes a temporary table in the warehouse of what a query in DuckDB finds."""
        batches = connection.sql(query).to_arrow_reader(100_000)
        self._cursor.adbc_ingest(table, batches, mode="create", temporary=True)

    def count_records(self) -> int:
        """Returns how many person records there are by the day's end."""
        found = self.row(
            "select count(*) from intermediate.int_persons__unioned"
            f" where first_seen_at < {self._day_end}"
        )
        return int(found[0]) if found else 0

    def read_all_records(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Makes the table `records` of all person records known by the day's end."""
        self.read(connection, "records", self._records("", "true"))

    def read_changed_records(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Makes `records` of those that are new or tell something else than when last paired."""
        known = """
            left join pii.standard_records as known
                on persons.source = known.source
                and persons.source_customer_id = known.source_customer_id
        """
        self.read(
            connection,
            "records",
            self._records(known, f"known.record_hash is distinct from {_HASH}"),
        )

    def read_staged_records(self, connection: duckdb.DuckDBPyConnection, staged: str) -> None:
        """Makes `records` of those named in a staged table by source and number."""
        joined = f"inner join {staged} as staged using (source, source_customer_id)"
        self.read(connection, "records", self._records(joined, "true"))

    def read_gone_records(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Makes `gone` (source, source_customer_id) of those paired before that are no more."""
        self.read(
            connection,
            "gone",
            f"""
            select known.source, known.source_customer_id
            from pii.standard_records as known
            where not exists (
                select from intermediate.int_persons__unioned as persons
                where persons.source = known.source
                    and persons.source_customer_id = known.source_customer_id
                    and persons.first_seen_at < {self._day_end}
            )
            """,
        )

    def _records(self, joined: str, condition: str) -> str:
        return f"""
            select
                persons.source, persons.source_customer_id, {_HASH} as record_hash, {_VALUES}
            from intermediate.int_persons__unioned as persons
            cross join (select {self._name_lists} as name_lists) as catalog
            {joined}
            where persons.first_seen_at < {self._day_end} and {condition}
        """


@contextmanager
def open_store(context: RunContext) -> Iterator[Store]:
    """Opens a transaction that commits at the end, and not when an error leaves it.

    Raises:
        WarehouseError: the unioned person records are not built.
    """
    with (
        closing(connect_arrow(context.url)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        lists = ", ".join(f"'{name}'" for name in name_lists(context.settings))
        store = Store(
            cursor, f"timestamptz '{context.day_end.isoformat()}'", f"array[{lists}]::text[]"
        )
        found = store.row("select to_regclass('intermediate.int_persons__unioned') is not null")
        if found is None or not found[0]:
            raise WarehouseError(
                "The person records intermediate.int_persons__unioned are not built.",
                "Run the step standardise first.",
            )
        try:
            yield store
        finally:  # the connection may not be closed under what is written beside
            store.wait()
        connection.commit()
