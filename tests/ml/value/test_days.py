from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.value.days import MIN_HISTORY_DAYS, YEAR_DAYS, plan_year, year_days
from warehouse.errors import TooLittleData

AS_OF = date(2026, 6, 30)


@given(st.integers(540, 3000))
def test_nothing_learned_before_the_test_reaches_into_its_year(history: int) -> None:
    first = AS_OF - timedelta(days=history)
    plan = plan_year(AS_OF, first)
    assert plan.test == AS_OF - timedelta(days=YEAR_DAYS)
    assert all(day < plan.test for day in plan.judged)
    # The same recipe a year later.
    shifted = tuple(day + timedelta(days=YEAR_DAYS) for day in plan.judged)
    assert shifted == plan.shipped[-len(shifted) :]
    assert all((day - first).days >= MIN_HISTORY_DAYS for day in plan.all)
    assert plan.all == year_days(AS_OF, first)


@given(st.integers(0, 539))
def test_less_than_540_days_are_too_few_and_the_rest_is_named(history: int) -> None:
    first = AS_OF - timedelta(days=history)
    with pytest.raises(TooLittleData, match=f"{540 - history} more days"):
        plan_year(AS_OF, first)
    assert year_days(AS_OF, first) == []
