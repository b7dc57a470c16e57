"""How far the demo's sources are wound."""

from datetime import date

from warehouse.settings import Settings


def wound_to(settings: Settings) -> date | None:
    """Returns the last day the demo's sources hold, or None where no demo is laid down.

    Read from the campaign system's drops, which hold a folder for every day.
    """
    folder = settings.sources_dir / "complete_journey" / "campaigns"
    days = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return date.fromisoformat(max(days)) if days else None
