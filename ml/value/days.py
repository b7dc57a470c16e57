"""Which days a year's spend is learned from, and which day tests it.

The test is the latest day whose year has passed. Learning goes by what is known on a day: the
customers as of earlier days, and what each has spent since, at most a year. So the recipe as it
stood on the day of the test can be judged by the year after it, and what ships is the same recipe
as it stands on the day of the training (docs/decisions/0040).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from warehouse.errors import TooLittleData

YEAR_DAYS = 365
# Snapshots lie a quarter of a year apart, over two years back from the day that learns.
_STEPS_A_YEAR = 4
_STEPS = 2 * _STEPS_A_YEAR
# Days of purchases before the first snapshot: the features look back so far at least.
MIN_HISTORY_DAYS = 84
# A snapshot, a quarter of outcomes to learn from, and a year to test on.
MIN_DAYS = MIN_HISTORY_DAYS + YEAR_DAYS // _STEPS_A_YEAR + YEAR_DAYS


@dataclass(frozen=True)
class YearPlan:
    """The days of the snapshots by what they are used for, ascending.

    Attributes:
        judged: what the recipe learns from as it stood on the day of the test.
        test: the day whose year after judges it; no purchase of that year has been learned from.
        shipped: what the recipe learns from on the day of the training.
        trained: the day of the training.
    """

    judged: tuple[date, ...]
    test: date
    shipped: tuple[date, ...]
    trained: date

    @property
    def all(self) -> list[date]:
        """Every day whose features are needed."""
        return sorted({*self.judged, self.test, *self.shipped, self.trained})

    def as_json(self) -> dict[str, list[str]]:
        """Returns the days by use."""
        uses = {"judged": self.judged, "test": (self.test,), "shipped": self.shipped}
        return {use: [day.isoformat() for day in days] for use, days in uses.items()}


def plan_year(as_of: date, first_day: date) -> YearPlan:
    """Returns which day serves for what.

    Args:
        as_of: the day of the training.
        first_day: the day the purchases begin.

    Raises:
        TooLittleData: nothing was known by the day of the test; says how much history would do.
    """
    test = as_of - timedelta(days=YEAR_DAYS)
    judged = _days_before(test, first_day)
    if not judged:
        history = (as_of - first_day).days
        raise TooLittleData(
            f"A year's spend takes {MIN_DAYS} days of purchases to learn and to test, there are "
            f"{history}.",
            f"{MIN_DAYS - history} more days of history would do.",
        )
    return YearPlan(judged, test, _days_before(as_of, first_day), as_of)


def year_days(as_of: date, first_day: date) -> list[date]:
    """Returns every day whose features training needs; none where there is too little history."""
    try:
        return plan_year(as_of, first_day).all
    except TooLittleData:
        return []


def _days_before(today: date, first_day: date) -> tuple[date, ...]:
    """Returns the snapshots that learning on a day goes by; each with a quarter after it."""
    back = (YEAR_DAYS * step // _STEPS_A_YEAR for step in range(_STEPS, 0, -1))
    days = (today - timedelta(days=days) for days in back)
    return tuple(day for day in days if (day - first_day).days >= MIN_HISTORY_DAYS)
