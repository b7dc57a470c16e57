"""The source system `shop`: an operational PostgreSQL database, wound to the end of a day."""

import logging
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import duckdb
import psycopg
from psycopg import sql

from demo.complete_journey.published import FIRST_DAY, utc_end
from warehouse.connections import connect
from warehouse.days import day_end

logger = logging.getLogger(__name__)

DATABASE = "demo_complete_journey_shop"

# Parents before children. `{beginning}` is the instant the catalogue of goods and the stores date
# from; every time is UTC.
_SELECTS = {
    "customers": """
        select household_id as customer_id, first_purchase_at as registered_at,
            first_purchase_at as updated_at
        from households order by updated_at, customer_id
    """,
    "stores": """
        select distinct store_id, timestamp '{beginning}' as updated_at
        from lines order by store_id
    """,
    "products": """
        select product_id, manufacturer_id, department, brand, product_category, product_type,
            package_size, timestamp '{beginning}' as updated_at
        from products order by product_id
    """,
    "baskets": """
        select distinct basket_id, household_id as customer_id, store_id,
            transaction_timestamp as purchased_at, transaction_timestamp as updated_at
        from lines order by updated_at, basket_id
    """,
    "basket_lines": """
        select basket_id, product_id, quantity, sales_value::decimal(10, 2) as sales_value,
            retail_disc::decimal(10, 2) as retail_discount,
            coupon_disc::decimal(10, 2) as coupon_discount,
            coupon_match_disc::decimal(10, 2) as coupon_match_discount,
            transaction_timestamp as updated_at
        from lines order by updated_at, basket_id, product_id
    """,
}

_TABLES = """
    create table customers (
        customer_id bigint not null,
        registered_at timestamptz not null,
        updated_at timestamptz not null
    );
    create table stores (
        store_id bigint not null,
        updated_at timestamptz not null
    );
    create table products (
        product_id bigint not null,
        manufacturer_id bigint,
        department text,
        brand text,
        product_category text,
        product_type text,
        package_size text,
        updated_at timestamptz not null
    );
    create table baskets (
        basket_id bigint not null,
        customer_id bigint not null,
        store_id bigint not null,
        purchased_at timestamptz not null,
        updated_at timestamptz not null
    );
    create table basket_lines (
        basket_id bigint not null,
        product_id bigint not null,
        quantity bigint not null,
        sales_value numeric(10, 2) not null,
        retail_discount numeric(10, 2) not null,
        coupon_discount numeric(10, 2) not null,
        coupon_match_discount numeric(10, 2) not null,
        updated_at timestamptz not null
    );
"""

# Added after the first fill, when each is built in one pass. No foreign key from lines to products:
# 17 products of the published lines are missing from the published products.
_KEYS = """
    alter table customers add primary key (customer_id);
    alter table stores add primary key (store_id);
    alter table products add primary key (product_id);
    alter table baskets add primary key (basket_id);
    alter table basket_lines add primary key (basket_id, product_id);
    alter table baskets add foreign key (customer_id) references customers;
    alter table baskets add foreign key (store_id) references stores;
    alter table basket_lines add foreign key (basket_id) references baskets;
    create index baskets_customer_id on baskets (customer_id);
    create index baskets_updated_at on baskets (updated_at);
    create index basket_lines_updated_at on basket_lines (updated_at);
"""


def wind(
    url: str, published: duckdb.DuckDBPyConnection, edition: str, as_of: date, tz: ZoneInfo
) -> tuple[int, int]:
    """Winds the database to the end of `as_of` in one transaction, on or back.

    Args:
        edition: what the tables were made from; with another one they are made anew.

    Returns:
        Rows added and rows removed.
    """
    beginning = utc_end(FIRST_DAY - timedelta(days=1), tz)
    added = removed = 0
    with connect(url) as connection, TemporaryDirectory(prefix="living-crm-") as folder:
        connection.execute("select pg_advisory_xact_lock(hashtext('demo shop'))")
        connection.execute("set local time zone 'UTC'")
        make_anew = _edition(connection) != edition
        if make_anew:
            _drop_tables(connection)
            connection.execute(_TABLES)
        else:
            removed = _remove_from(connection, day_end(as_of, tz))
        for table, select in _SELECTS.items():
            rows = f"({select.format(beginning=beginning)})"
            file = Path(folder) / f"{table}.csv"
            added += _add(connection, table, published, rows, utc_end(as_of, tz), file)
        if make_anew:
            connection.execute(_KEYS)
            connection.execute("analyze customers, stores, products, baskets, basket_lines")
            connection.execute(
                sql.SQL("comment on schema public is {}").format(sql.Literal(edition))
            )
    return added, removed


def _edition(connection: psycopg.Connection) -> str | None:
    row = connection.execute("select obj_description('public'::regnamespace)").fetchone()
    return row[0] if row else None


def _drop_tables(connection: psycopg.Connection) -> None:
    for table in reversed(_SELECTS):
        connection.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(table)))


def _remove_from(connection: psycopg.Connection, end: datetime) -> int:
    """Removes what is not there yet at `end`, children first; returns the rows removed."""
    return sum(
        connection.execute(
            sql.SQL("delete from {} where updated_at >= %s").format(sql.Identifier(table)), (end,)
        ).rowcount
        for table in reversed(_SELECTS)
    )


def _add(
    connection: psycopg.Connection,
    table: str,
    published: duckdb.DuckDBPyConnection,
    rows: str,
    end: datetime,
    file: Path,
) -> int:
    """Adds the rows after the newest one that is there and before `end`; returns how many."""
    newest = connection.execute(
        sql.SQL("select max(updated_at at time zone 'UTC') from {}").format(sql.Identifier(table))
    ).fetchone()
    published.execute(
        f"copy (from {rows} where updated_at < $end and ($newest is null or updated_at > $newest))"
        f" to '{file}' (header false)",
        {"end": end, "newest": newest[0] if newest else None},
    )
    with connection.cursor() as cursor:
        statement = sql.SQL("copy {} from stdin (format csv)").format(sql.Identifier(table))
        with cursor.copy(statement) as copy, file.open("rb") as stream:
            while block := stream.read(2**20):
                copy.write(block)
        logger.info("shop.%s: %d rows added", table, cursor.rowcount)
        return cursor.rowcount
