"""The source systems `crm` (CSV) and `campaigns` (Parquet): dated drops in folders.

A drop is written under a temporary name and renamed, so one that is there is whole. Drops of later
days are removed and missing ones written, so winding on by a day writes that day's files only.
"""

import csv
import io
import logging
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from demo.complete_journey.published import FIRST_DAY, utc_end

logger = logging.getLogger(__name__)

_DEMOGRAPHICS = """
    select household_id, age, income, home_ownership, marital_status, household_size,
        household_comp, kids_count
    from demographics join households using (household_id)
    where first_purchase_at < $end
    order by household_id
"""

# Written in the folder of the day a campaign starts.
_OF_STARTING_CAMPAIGNS = {
    "campaign_descriptions": """
        select campaign_id, campaign_type, start_date::date as start_date,
            end_date::date as end_date
        from campaign_descriptions where start_date = $day order by campaign_id
    """,
    "contacts": """
        select campaign_id, household_id, start_date::date as contacted_on
        from campaigns join campaign_descriptions using (campaign_id)
        where start_date = $day order by campaign_id, household_id
    """,
    "coupons": """
        select campaign_id, coupon_upc, product_id
        from coupons join campaign_descriptions using (campaign_id)
        where start_date = $day order by campaign_id, coupon_upc, product_id
    """,
}

# Written every day, also without rows: a day without a file would look like a day without news.
_REDEMPTIONS = """
    select household_id, coupon_upc, campaign_id, redemption_date::date as redemption_date
    from coupon_redemptions where redemption_date = $day
    order by campaign_id, household_id, coupon_upc
"""


def wind(
    folder: Path, published: duckdb.DuckDBPyConnection, as_of: date, tz: ZoneInfo
) -> tuple[int, int]:
    """Winds both folders to the end of `as_of`, on or back.

    Returns:
        Files written and files removed.
    """
    drops = _drops(published, as_of, tz)
    removed = 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.relative_to(folder).as_posix() not in drops:
            path.unlink()
            removed += 1
    written = 0
    for name, content in drops.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.unfinished")
            unfinished.write_bytes(content())
            unfinished.rename(path)
            written += 1
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if path.parent != folder and not any(path.iterdir()):
            path.rmdir()
    logger.info("crm, campaigns: %d files written, %d removed", written, removed)
    return written, removed


def _drops(
    published: duckdb.DuckDBPyConnection, as_of: date, tz: ZoneInfo
) -> dict[str, Callable[[], bytes]]:
    """Returns, per path of a drop that is there at the end of `as_of`, what makes its bytes."""

    def demographics(day: date) -> Callable[[], bytes]:
        return lambda: _as_csv(published.execute(_DEMOGRAPHICS, {"end": utc_end(day, tz)}))

    def parquet(select: str, day: date) -> Callable[[], bytes]:
        return lambda: _as_parquet(published.sql(select, params={"day": day}).to_arrow_table())

    drops: dict[str, Callable[[], bytes]] = {}
    for day in _days(_monday_on_or_before(FIRST_DAY), as_of, step=7):
        drops[f"crm/demographics_{day}.csv"] = demographics(day)
    starts = published.execute(
        "select distinct start_date::date from campaign_descriptions"
        " where start_date <= $day order by 1",
        {"day": as_of},
    ).fetchall()
    for (day,) in starts:
        for name, select in _OF_STARTING_CAMPAIGNS.items():
            drops[f"campaigns/{day}/{name}.parquet"] = parquet(select, day)
    for day in _days(FIRST_DAY, as_of, step=1):
        drops[f"campaigns/{day}/coupon_redemptions.parquet"] = parquet(_REDEMPTIONS, day)
    return drops


def _as_csv(rows: duckdb.DuckDBPyConnection) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column[0] for column in rows.description or ())
    writer.writerows(rows.fetchall())
    return text.getvalue().encode()


def _as_parquet(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer)
    return buffer.getvalue()


def _monday_on_or_before(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _days(first: date, last: date, *, step: int) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=step)
