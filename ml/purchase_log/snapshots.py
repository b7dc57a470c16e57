"""What a purchase log tells of every customer as of a day, and what came in the horizon after.

Nothing after the day reaches a column; nothing up to the day reaches an outcome.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from ml.arrays import BoolArray, Columns, FloatArray
from ml.purchase_log.read import EPOCH, PurchaseLog

YEAR_DAYS = 365
# Windows back from the day, in horizons.
_WINDOWS = {"half": 0.5, "one": 1.0, "two": 2.0, "four": 4.0}


@dataclass(frozen=True)
class Snapshot:
    """Every customer who had bought by a day, by number.

    Attributes:
        customer: the customer's number in the log.
        columns: what is known as of the day; unknown is NaN.
        bought: whether the customer bought in the horizon after.
        spend: what the customer spent in it, returns taken off.
    """

    customer: NDArray[np.int64]
    columns: Columns
    bought: BoolArray
    spend: FloatArray

    def take(self, rows: BoolArray) -> "Snapshot":
        """Returns the chosen rows."""
        return Snapshot(
            self.customer[rows],
            {name: values[rows] for name, values in self.columns.items()},
            self.bought[rows],
            self.spend[rows],
        )


def snapshot(log: PurchaseLog, as_of: date, horizon_days: int) -> Snapshot:
    """Returns the customers as of the end of a day, with their next `horizon_days`."""
    today = (as_of - EPOCH).days
    after = (log.day > today) & (log.day <= today + horizon_days)
    bought = _count(log, after & log.bought) > 0
    spend = _total(log, after, log.spent - log.returned)
    columns = _columns(log, today, as_of, horizon_days)
    known = columns["purchase_day_count"] > 0
    return Snapshot(
        np.flatnonzero(known),
        {name: values[known] for name, values in columns.items()},
        bought[known],
        spend[known],
    )


def stack(parts: list[Snapshot]) -> Snapshot:
    """Returns the rows of several snapshots, one after the other."""
    return Snapshot(
        np.concatenate([part.customer for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        np.concatenate([part.bought for part in parts]),
        np.concatenate([part.spend for part in parts]),
    )


def shift(as_of: date, days: int) -> date:
    """Returns the day so many days later."""
    return as_of + timedelta(days=days)


def _columns(log: PurchaseLog, today: int, as_of: date, horizon_days: int) -> dict[str, FloatArray]:
    past = log.day <= today
    purchases = past & log.bought
    count = _count(log, purchases)
    first, last, latest_gap, latest_amount = _ends(log, purchases)
    recency, tenure = today - last, today - first
    spent, returned = _total(log, past, log.spent), _total(log, past, log.returned)
    gap, gap_deviation = _gaps(log, purchases, count)
    mean = _share(spent, count)
    squares = _share(_total(log, purchases, log.spent**2), count)
    weekend = purchases & ((log.day + 3) % 7 >= 5)  # 1970-01-01 was a Thursday
    found = {
        "recency_days": recency,
        "tenure_days": tenure,
        "purchase_day_count": count,
        "spend_per_purchase_day": _share(spent - returned, count),
        "spend_deviation": np.sqrt(np.maximum(squares - mean**2, 0.0)),
        "average_gap_days": gap,
        "gap_deviation_days": gap_deviation,
        "latest_gap_days": latest_gap,
        "recency_over_gap": _share(recency, gap),
        "latest_gap_over_gap": _share(latest_gap, gap),
        "latest_amount": latest_amount,
        "returned_share": _share(returned, spent),
        "weekend_share": _share(_count(log, weekend), count),
        "calendar_month": np.full(log.customer_count, float(as_of.month)),
    }
    for name, horizons in _WINDOWS.items():
        window = past & (log.day > today - horizons * horizon_days)
        found[f"purchase_days_{name}_horizon"] = _count(log, window & log.bought)
        found[f"spend_{name}_horizon"] = _total(log, window, log.spent - log.returned)
    found["purchase_trend"] = _share(
        found["purchase_days_one_horizon"], found["purchase_days_four_horizon"]
    )
    found["spend_trend"] = _share(found["spend_one_horizon"], found["spend_four_horizon"])
    last_year = past & (log.day > today - YEAR_DAYS)
    last_year &= log.day <= today - YEAR_DAYS + horizon_days
    unknown = ~(tenure >= YEAR_DAYS)
    for name, values in (
        ("purchase_days_same_season", _count(log, last_year & log.bought)),
        ("spend_same_season", _total(log, last_year, log.spent - log.returned)),
    ):
        found[name] = np.where(unknown, np.nan, values)
    return found


def _count(log: PurchaseLog, rows: BoolArray) -> FloatArray:
    return np.bincount(log.customer[rows], minlength=log.customer_count).astype(np.float64)


def _total(log: PurchaseLog, rows: BoolArray, values: FloatArray) -> FloatArray:
    return np.bincount(
        log.customer[rows], weights=values[rows], minlength=log.customer_count
    ).astype(np.float64)


def _ends(
    log: PurchaseLog, rows: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Returns the first and last day, the gap before the last, and the amount of the last."""
    customer, day, spent = log.customer[rows], log.day[rows], log.spent[rows]
    first, last, gap, amount = (np.full(log.customer_count, np.nan) for _ in range(4))
    if len(customer):
        begins = np.flatnonzero(np.r_[True, np.diff(customer) != 0])
        ends = np.r_[begins[1:], len(customer)] - 1
        who = customer[begins]
        first[who], last[who], amount[who] = day[begins], day[ends], spent[ends]
        again = ends > begins
        gap[who[again]] = day[ends[again]] - day[ends[again] - 1]
    return first, last, gap, amount


def _gaps(log: PurchaseLog, rows: BoolArray, count: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns mean and standard deviation of the days between purchases."""
    customer, day = log.customer[rows], log.day[rows]
    same = np.diff(customer) == 0
    who, gaps = customer[1:][same], np.diff(day)[same].astype(np.float64)

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(who, weights=values, minlength=log.customer_count).astype(np.float64)

    mean = _share(total(gaps), count - 1)
    variance = _share(total((gaps - mean[who]) ** 2), count - 2)
    deviation: FloatArray = np.sqrt(variance)
    return mean, deviation


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Returns part over whole; NaN where the whole is not above zero."""
    share: FloatArray = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share
