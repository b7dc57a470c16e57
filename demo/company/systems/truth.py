"""The truth about the company's people: in a database of its own, so that no room can join to it.

It is no source system: no address leads to it, and only pages about the demo read it.
"""

from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from demo.company.systems.postgres import create_table
from demo.company.tables import TRUTH
from warehouse.connections import connect, connect_arrow, ensure_database, warehouse_url
from warehouse.settings import Settings

DATABASE = "company_truth"
SCHEMA = "demo_truth"


def truth_url(settings: Settings) -> str:
    """Returns the address of the database of the truth."""
    return ensure_database(warehouse_url(settings), DATABASE)


def last_day(url: str) -> date | None:
    """Returns the day the truth is of; None when there is none."""
    with connect(url) as connection:
        row = connection.execute(
            "select obj_description(oid) from pg_namespace where nspname = %s", (SCHEMA,)
        ).fetchone()
    return date.fromisoformat(row[0]) if row and row[0] else None


def replace(url: str, truth: Mapping[str, pa.Table], day: date) -> int:
    """Replaces the truth by that of `day` in one transaction; returns its rows."""
    with connect_arrow(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop schema if exists {SCHEMA} cascade")
        cursor.execute(f"create schema {SCHEMA}")
        for table, schema in TRUTH.items():
            cursor.execute(create_table(f"{SCHEMA}.{table}", schema).as_string(None))
            cursor.adbc_ingest(table, truth[table], mode="append", db_schema_name=SCHEMA)
        cursor.execute(f"comment on schema {SCHEMA} is '{day}'")
        connection.commit()
    return sum(table.num_rows for table in truth.values())
