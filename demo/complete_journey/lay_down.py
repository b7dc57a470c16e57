"""Lays the published purchase data down as three source systems, wound to any day of 2017."""

import logging
import shutil
from datetime import date
from pathlib import Path

from demo.addresses import write_addresses
from demo.complete_journey import drops, shop
from demo.complete_journey.published import EDITION, check_day, open_published
from warehouse.connections import ensure_database, warehouse_url
from warehouse.context import StepReport
from warehouse.policy import Policy
from warehouse.settings import Settings

logger = logging.getLogger(__name__)


def lay_down(
    settings: Settings, policy: Policy, as_of: date, limit_households: int | None = None
) -> StepReport:
    """Winds `shop`, `crm` and `campaigns` to the end of the business day `as_of`, on or back.

    Repeated for the same day it changes nothing. Killed half way and called again it comes to the
    same end: the database changes in one transaction, a file under its name is whole. The addresses
    of the three systems are written to `sources.env`, where `source_url` finds them.

    Args:
        limit_households: lays down only so many households, for tests; a call with another number
            makes everything anew.

    Returns:
        Rows added to the shop; rows removed, files written and files removed as facts.

    Raises:
        SettingsError: the data does not cover `as_of`.
        WarehouseError: the server cannot be used.
    """
    check_day(as_of)
    share = "all" if limit_households is None else str(limit_households)
    edition = f"{EDITION}, households: {share}, time zone: {policy.time_zone}"
    url = ensure_database(warehouse_url(settings), shop.DATABASE)
    folder = settings.sources_dir / "complete_journey"
    logger.info("Winding the demo's sources to the end of %s", as_of)
    with open_published(limit_households) as published:
        rows_added, rows_removed = shop.wind(url, published, edition, as_of, policy.tz)
        _ensure_edition(folder, edition)
        files_written, files_removed = drops.wind(folder, published, as_of, policy.tz)
    write_addresses(
        settings,
        {
            "SOURCE_SHOP_URL": url,
            "SOURCE_CRM_URL": f"file://{folder / 'crm'}",
            "SOURCE_CAMPAIGNS_URL": f"file://{folder / 'campaigns'}",
        },
    )
    return StepReport(
        rows=rows_added,
        facts={
            "rows_removed": rows_removed,
            "files_written": files_written,
            "files_removed": files_removed,
        },
    )


def _ensure_edition(folder: Path, edition: str) -> None:
    """Empties the folder of drops when they were made from another edition."""
    mark = folder.with_name(f"{folder.name}.edition")
    if not mark.exists() or mark.read_text(encoding="utf-8") != edition:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        mark.write_text(edition, encoding="utf-8")
