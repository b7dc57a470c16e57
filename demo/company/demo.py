"""The simulated company as a demo."""

from datetime import date

from demo.company import installation
from demo.company.simulation import FIRST_DAY
from demo.demos import Demo, called_later
from warehouse.errors import SettingsError
from warehouse.settings import Settings


def _check_day(as_of: date) -> None:
    if as_of < FIRST_DAY:
        raise SettingsError(
            f"The demo company has no business day {as_of}.", f"Choose {FIRST_DAY} or a later day."
        )


def _start(settings: Settings) -> None:
    if installation.wound_to(settings) is not None:
        installation.start(settings)


def _stop(settings: Settings) -> None:
    installation.stop(settings)


DEMO = Demo(
    first_day=FIRST_DAY,
    shown_day=date(2026, 6, 30),
    check_day=_check_day,
    lay_down=called_later("demo.company.lay_down:lay_down"),
    wound_to=installation.wound_to,
    review=called_later("demo.company.reviewer:review_sample"),
    start=_start,
    stop=_stop,
)
