"""Days of the company: which there are, how long, and how much is bought on them."""

from datetime import date, timedelta

import numpy as np

from demo.company import assumptions
from demo.company.draws import Array, Draw

EPOCH = date(1970, 1, 1)
SECOND = 1_000_000
DAY = 86_400 * SECOND
_SEOUL_AHEAD = 9 * 3600 * SECOND


def number(day: date) -> int:
    """Returns a day as days since 1970-01-01, as Arrow counts them."""
    return (day - EPOCH).days


def day_of(day_number: int) -> date:
    """Returns the day with that number."""
    return EPOCH + timedelta(days=day_number)


def day_start(day_number: int) -> int:
    """Returns midnight in Seoul as microseconds since 1970 in UTC."""
    return day_number * DAY - _SEOUL_AHEAD


def at(day_number: int, seconds: Array | float) -> Array:
    """Returns instants of a day from the seconds since its midnight."""
    return np.asarray(day_start(day_number) + np.asarray(seconds) * SECOND).astype(np.int64)


def times(
    draw: Draw, day_number: int, size: int, opens: float = 0.1, closes: float = 23.9
) -> Array:
    """Returns `size` ascending instants within a day, most in its afternoon and evening."""
    hours = opens + (closes - opens) * draw.beta(3.2, 2.2, size)
    return np.sort(at(day_number, hours * 3600))


def demand(day: date) -> float:
    """Returns how much is bought on a day against an average one: weekday, month and feasts."""
    level = assumptions.WEEKDAY[day.weekday()] * assumptions.MONTH[day.month - 1]
    for feast in assumptions.FEASTS:
        ahead = (feast - day).days
        if 1 < ahead <= assumptions.FEAST_SHOPPING_DAYS:
            level *= assumptions.FEAST_SHOPPING
        elif -1 <= ahead <= 1:
            level *= assumptions.FEAST_REST
    if day.month == 11 and day.day >= assumptions.NOVEMBER_SALE_FROM:
        level *= assumptions.NOVEMBER_SALE
    return level
