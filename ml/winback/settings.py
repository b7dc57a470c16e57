"""Settings of the win-back score: the probability that a lapsed customer buys in the horizon."""

from ml.arrays import Columns, FloatArray
from ml.models import ModelSpec
from ml.rules import Rule
from ml.vocabulary import BEHAVIOUR, FREQUENCY, RHYTHM


def _days_per_purchase(row: Columns) -> FloatArray:
    return row["recency_days"] / (1 + row["order_count_168d"])


def _guess(row: Columns, _horizon_days: int) -> FloatArray:
    """Returns 1 / (1 + d), d being the rule's days: it orders people and claims no more."""
    return 1 / (1 + _days_per_purchase(row))


WINBACK = ModelSpec(
    name="winback",
    population="lapsed",
    event_is_purchase=True,
    groups=BEHAVIOUR,
    rule=Rule(
        name="days since the last purchase for each purchase of the last 168 days",
        inputs=("recency_days", "order_count_168d"),
        measure=_days_per_purchase,
        guess=_guess,
        reasons=(RHYTHM.name, FREQUENCY.name),
    ),
)
