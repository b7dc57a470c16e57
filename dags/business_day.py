"""The business day a run of a DAG is for."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Param

from warehouse.days import parse_day
from warehouse.errors import SettingsError
from warehouse.policy import load_policy
from warehouse.settings import load_settings

AS_OF = Param(
    default=None,
    type=["null", "string"],
    format="date",
    title="Business day",
    description="YYYY-MM-DD; left empty, the last day of the run's data interval.",
)


def business_day(as_of: str | None, interval_end: datetime | None, tz: ZoneInfo) -> date:
    """Returns the day a run is for: the named one, else the last whole day of its interval.

    Raises:
        SettingsError: no day is named and the run has no data interval, or the name is no day.
    """
    if as_of:
        return parse_day(as_of)
    if interval_end is None:
        raise SettingsError(
            "This run has no business day.",
            'Trigger it with as_of, such as {"as_of": "2017-11-30"}.',
        )
    return interval_end.astimezone(tz).date() - timedelta(days=1)


def as_of_date(context: Mapping[str, Any]) -> date:
    """Returns the business day of a task's Airflow context."""
    return business_day(
        context["params"].get("as_of"),
        context.get("data_interval_end"),
        load_policy(load_settings().policy_file).tz,
    )
