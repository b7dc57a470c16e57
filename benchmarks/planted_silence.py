"""What the planted rates say of a customer who has been silent: by Bayes' rule, without outcomes.

A reader who knows everybody's planted rates and sees every known purchase up to a day still does
not know who has left. He knows by which hazard a customer decides to leave, how one who has decided
fades away, how purchases follow each other and how many of them a system can tell whose they are.
So each way a life may have gone since the last known purchase has its probability before, and is
weighted by how likely the silence since is on it. Rates are those of the first of each month, of a
customer, whatever has become of the person; after the day the last ones stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from scipy.special import gammaincc

from demo.company import assumptions
from demo.company.seasons import demand
from ml.arrays import FloatArray

_LONGEST_FADING = assumptions.FADING_DAYS[1]
_FADINGS = (27, 41, 55, 69, 83)  # stand for all lengths of fading days
_STEP_DAYS = 2  # decisions are told apart by so many days
_POINTS, _TERMS = 64, 32  # of the curve of silence; purchases until a known one


@dataclass(frozen=True)
class Rates:
    """Planted rates of people, one row a person.

    Attributes:
        months: the firsts of months whose rates are known, ascending.
        hazard: rows x months, of deciding to leave, per day.
        rate: rows x months, purchases per day of average demand.
        shape: of the gamma distribution of the days between purchases.
        known_share: of the purchases whose buyer a system can tell.
        spend: rows x 2, what a customer and what a leaver spend in a year from the last month on.
    """

    months: Sequence[date]
    hazard: FloatArray
    rate: FloatArray
    shape: FloatArray
    known_share: FloatArray
    spend: FloatArray

    def on(self, days: Sequence[date]) -> NDArray[np.int64]:
        """Returns the place of the month that tells of each day: the last one before it."""
        place = np.searchsorted(np.array(self.months), np.array(days), side="right") - 1
        return np.maximum(place, 0).astype(np.int64)


class Reading(NamedTuple):
    """What can be said of each row on its day.

    Attributes:
        stays_away: the probability of no known purchase within the horizon.
        spend: expected of the year to come.
    """

    stays_away: FloatArray
    spend: FloatArray


def read_rates(known: psycopg.Connection, people: Sequence[int], as_of: date) -> Rates:
    """Returns the rates of people as the truth keeps them up to the day after `as_of`.

    Args:
        known: the truth.
        people: true persons, also the same one twice; of who is unknown to it, nothing is expected.
        as_of: the day.
    """
    months = [
        day
        for (day,) in known.execute(
            "select distinct on_day from demo_truth.expectations where on_day <= %s order by 1",
            (as_of + timedelta(days=1),),
        )
    ]
    distinct, row_of = np.unique(people, return_inverse=True)
    place = {person: row for row, person in enumerate(distinct.tolist())}
    column = {month: number for number, month in enumerate(months)}
    monthly = np.full((2, len(distinct), len(months)), np.nan)
    spend = np.zeros((len(distinct), 2))
    for person, day, hazard, rate, *year in known.execute(
        """
        select true_person_id, on_day, leaving_hazard_of_customer, purchase_rate_of_customer,
            spend_365d_of_customer, spend_365d_of_leaver
        from demo_truth.expectations where on_day <= %s
        """,
        (months[-1],),
    ):
        if person in place:
            monthly[:, place[person], column[day]] = hazard, rate
            if day == months[-1]:
                spend[place[person]] = year
    lasting = np.ones((len(distinct), 2))
    for person, *both in known.execute(
        "select true_person_id, gap_shape, known_purchase_share from demo_truth.people"
    ):
        if person in place:
            lasting[place[person]] = both
    # Of the time before somebody's first month, the rates are those of that month.
    first = np.isnan(monthly).argmin(axis=2)
    chosen = np.maximum(np.arange(len(months)), first[..., None])
    monthly = np.nan_to_num(np.take_along_axis(monthly, chosen, axis=2))
    monthly, lasting = monthly[:, row_of], lasting[row_of]
    return Rates(months, monthly[0], monthly[1], lasting[:, 0], lasting[:, 1], spend[row_of])


def read(rates: Rates, as_of: date, silence: NDArray[np.int64], horizon: int) -> Reading:
    """Returns what the rates say on a day.

    Args:
        rates: known on that day.
        as_of: the day.
        silence: days since each row's last known purchase.
        horizon: of staying away, in days.
    """
    found = Reading(np.ones(len(silence)), np.zeros(len(silence)))
    for days in np.unique(silence):
        rows = np.flatnonzero(silence == days)
        found.stays_away[rows], found.spend[rows] = _read_alike(
            rates, rows, as_of, int(days), horizon
        )
    return found


def _read_alike(
    rates: Rates, rows: NDArray[np.int64], as_of: date, silence: int, horizon: int
) -> Reading:
    """Returns what the rates say of rows that have been silent for as many days.

    A life is a day of deciding to leave, or none, and a number of days of fading. Day 0 is that of
    the last purchase: who had decided before it was still buying.
    """
    day = np.arange(-_LONGEST_FADING + 1, silence + horizon + 1)
    dates = [as_of + timedelta(days=int(number) - silence) for number in day]
    month = rates.on(dates)
    hazard = rates.hazard[np.ix_(rows, month)]
    speed = rates.rate[np.ix_(rows, month)] * np.array([demand(each) for each in dates])
    decided = day[::_STEP_DAYS]
    pace = np.concatenate(
        [_pace(day[:, None] - decided, fading) for fading in _FADINGS] + [np.ones((len(day), 1))],
        axis=1,
    )  # days x lives, the last of them without a decision
    so_far = np.cumsum(hazard, axis=1)
    deciding = np.exp(-so_far) * hazard * _STEP_DAYS / len(_FADINGS)
    before = np.concatenate(
        [np.tile(deciding[:, ::_STEP_DAYS], len(_FADINGS)), np.exp(-so_far[:, -1:])], axis=1
    )
    before *= pace[day == 0]  # the slower a life's days run, the seldomer it buys on one
    is_past, is_silent = (day > 0) & (day <= silence), day > 0
    silent = _silences(
        rates.shape[rows],
        rates.known_share[rows],
        np.stack([speed[:, is_past] @ pace[is_past], speed[:, is_silent] @ pace[is_silent]]),
    )
    now, through = before * silent
    # Who decides only after the day is a customer on it.
    is_customer = np.append(np.tile(decided > silence, len(_FADINGS)), True)
    left_to_buy = pace[day > silence].sum(axis=0) / 365
    total = now.sum(axis=1)
    customer, leaver = rates.spend[rows].T
    share = now[:, is_customer].sum(axis=1) / total
    fading = now[:, ~is_customer] @ left_to_buy[~is_customer] / total
    return Reading(
        through.sum(axis=1) / total, share * customer + (1 - share) * leaver + fading * customer
    )


def _pace(age: NDArray[np.int64], fading: int) -> FloatArray:
    """Returns how fast days run so many days after deciding to leave; 1 before it."""
    start, end = assumptions.FADING_PACE
    slower = np.where(age < fading, start + (end - start) * age / fading, 0.0)
    return np.where(age < 0, 1.0, slower)


def _silences(shape: FloatArray, known_share: FloatArray, run: FloatArray) -> FloatArray:
    """Returns the probability of no known purchase since the last one.

    Gaps are gamma-distributed with mean 1 in the time a person's days have run; so is the sum of
    several in a row. A purchase stays unknown at random.

    Args:
        shape: of each row.
        known_share: of each row.
        run: anything x rows x lives, the time run since.
    """
    top = run.max(axis=(0, 2)) + 1e-9
    at = np.linspace(0, 1, _POINTS) * top[:, None]
    term = np.arange(1, _TERMS + 1)[:, None, None]
    # The nth purchase is the first known one.
    weight = known_share[:, None] * (1 - known_share[:, None]) ** (term - 1)
    weight[-1] = (1 - known_share[:, None]) ** (_TERMS - 1)
    still = (weight * gammaincc(term * shape[:, None], shape[:, None] * at)).sum(axis=0)
    curve = np.log(np.maximum(still, 1e-300))
    found = np.empty_like(run)
    for row in range(len(shape)):
        found[:, row] = np.exp(np.interp(run[:, row], at[row], curve[row]))
    return found
