"""The call centre's departments: how many hours each has in a month, and what they get done."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from demo.company import assumptions
from demo.company.draws import Array, words
from demo.company.rows import Rows
from demo.company.seasons import at, number


@dataclass
class Staffing:
    """One entry a department."""

    hours: Array  # of this month
    begun: Array  # cases' worth of work done ahead of the next answer
    opened: Array  # cases opened in this month and the two before, a row each


def drawn(customers: int) -> Staffing:
    """Returns the departments before the first day, with what a company of that size expects."""
    present = customers * assumptions.OPENING_SHARE
    purchases = present * 30 / assumptions.GAP_MEDIAN_DAYS
    cases = purchases * (assumptions.COMPLAINTS_PER_PURCHASE + assumptions.QUESTIONS_PER_PURCHASE)
    cases += present * assumptions.CONTRACT_SHARE * assumptions.CALLS_PER_CONTRACT_DAY * 30
    by_department = cases * np.array(assumptions.OPENING_CASES_BY_DEPARTMENT)
    return Staffing(
        hours=np.zeros(len(by_department)),
        begun=np.zeros(len(by_department)),
        opened=np.tile(by_department, (3, 1)),
    )


def _share_staffed(department: str, month: date) -> float:
    for short, first, last, share in assumptions.UNDERSTAFFED:
        if department == short and first <= month <= last:
            return share
    return 1.0


def plan(staffing: Staffing, month: date, rows: Rows) -> None:
    """Plans a month on its first day, from the cases of the three months before."""
    shares = np.array([_share_staffed(name, month) for name in assumptions.DEPARTMENTS])
    expected = staffing.opened.mean(axis=0)
    planned = assumptions.STAFFING_RESERVE * expected + assumptions.STAFFING_SAFETY * expected**0.5
    staffing.hours = np.ceil(np.maximum(planned * assumptions.HOURS_PER_CASE, 4.0) * shares)
    staffing.opened = np.vstack([np.zeros((1, len(shares))), staffing.opened[:2]])
    departments = np.arange(len(shares))
    rows.add(
        "callcentre.staffing",
        department=words(assumptions.DEPARTMENTS, departments),
        month=pa.array([month] * len(shares)),
        agents=np.maximum(np.rint(staffing.hours / assumptions.HOURS_PER_AGENT), 1).astype(int),
        hours=staffing.hours.astype(int),
        updated_at=at(number(month), 6 * 3600 + departments),
    )


def answers_today(staffing: Staffing, waiting: Array, day: date) -> Array:
    """Returns how many waiting cases each department can answer today, and books them."""
    month_days = ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    staffing.begun += staffing.hours / assumptions.HOURS_PER_CASE / month_days
    answered = np.minimum(np.floor(staffing.begun), waiting).astype(int)
    staffing.begun = np.minimum(staffing.begun - answered, 1.0)
    return answered
