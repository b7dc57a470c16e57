"""The published purchase data as a demo: a database and files, no servers of its own."""

from datetime import date

from demo.complete_journey.published import FIRST_DAY, check_day
from demo.demos import Demo, called_later
from warehouse.settings import Settings


def _wound_to(settings: Settings) -> date | None:
    """Reads it from the campaign system's drops, which hold a folder for every day."""
    folder = settings.sources_dir / "complete_journey" / "campaigns"
    days = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return date.fromisoformat(max(days)) if days else None


DEMO = Demo(
    first_day=FIRST_DAY,
    shown_day=date(2017, 11, 30),
    check_day=check_day,
    lay_down=called_later("demo.complete_journey.lay_down:lay_down"),
    wound_to=_wound_to,
    review=lambda _settings, _day: 0,  # who is who was not published
    start=lambda _: None,
    stop=lambda _: None,
)
