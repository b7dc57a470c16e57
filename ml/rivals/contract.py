"""What every rival learns from and what it answers.

A rival is a frozen dataclass of plain numbers. It learns by the class method `fit(lesson)`, answers
by `probability(columns)` or `spend(columns)`, and is kept as JSON (`ml.rivals.catalogue`).
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from ml.arrays import BoolArray, Columns, FloatArray
from ml.rivals.buy_till_you_die import BuyTillYouDie

# All that a rival of purchases reads. Both a bare purchase log and `ftr_customers` can give it.
#   recency_days            days since the last day with a purchase
#   tenure_days             days since the first day with a purchase
#   purchase_day_count      days with a purchase, all time
#   spend_per_purchase_day  amount bought over purchase_day_count, all time, returns taken off
INPUTS = ("recency_days", "tenure_days", "purchase_day_count", "spend_per_purchase_day")


@dataclass(frozen=True)
class Lesson:
    """Customers as of earlier days, and what each did in the horizon after.

    Attributes:
        columns: at least what the rivals read: `INPUTS`, known of every row, or those of
            `ml.rivals.renewal`.
        outcome: whether it came: a purchase within the horizon, or a renewal.
        spend: what the customer spent within it; only value rivals read it.
        horizon_days: the horizon.
        process: the purchase process of the whole base, live and lapsed, known by the day that the
            lesson ends.
    """

    columns: Columns
    outcome: BoolArray
    spend: FloatArray
    horizon_days: int
    process: BuyTillYouDie


class ProbabilityRival(Protocol):
    """Foretells whether a customer buys within the horizon, or renews."""

    name: ClassVar[str]
    says: ClassVar[str]

    @classmethod
    def fit(cls, lesson: Lesson) -> Self:
        """Returns the rival that has learned from `lesson`."""
        ...

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of the outcome that it has learned from."""
        ...


class ValueRival(Protocol):
    """Foretells what a customer spends within the horizon."""

    name: ClassVar[str]
    says: ClassVar[str]

    @classmethod
    def fit(cls, lesson: Lesson) -> Self:
        """Returns the rival that has learned from `lesson`."""
        ...

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend within the horizon."""
        ...
