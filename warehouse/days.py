"""Business days: what `as_of_date` means in time."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from warehouse.errors import SettingsError


def parse_day(text: str, *, name: str = "as-of date") -> date:
    """Returns the day written as YYYY-MM-DD; raises `SettingsError` otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"The {name} {text!r} is not a day.", "Write it as YYYY-MM-DD, such as 2017-11-30."
        ) from None


def past_day(text: str, today: date) -> date:
    """Returns a day written as YYYY-MM-DD that is not later than `today`."""
    day = parse_day(text)
    if day > today:
        raise SettingsError(
            f"The as-of date {day} lies in the future.", f"Name a day up to {today}."
        )
    return day


def day_end(as_of: date, tz: ZoneInfo) -> datetime:
    """Returns the first instant (UTC) that no longer belongs to the business day `as_of`."""
    return datetime.combine(as_of + timedelta(days=1), time.min, tzinfo=tz).astimezone(UTC)
