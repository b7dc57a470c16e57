"""Settings of the churn score: the probability that a live customer buys nothing in the horizon."""

from ml.models import ModelSpec
from ml.outcomes import PURCHASE
from ml.rules import PlainRule
from ml.vocabulary import BEHAVIOUR, FREQUENCY, RHYTHM

CHURN = ModelSpec(
    name="churn",
    population="live",
    outcome=PURCHASE,
    event_is_outcome=False,
    groups=BEHAVIOUR,
    # Twelve weeks of twelve: one in thirteen stays away; a single week: every second one.
    plain=PlainRule(
        inputs=("active_weeks_84d",),
        probability=lambda row, _horizon_days: 1 / (1 + row["active_weeks_84d"]),
        reasons=(FREQUENCY.name, RHYTHM.name),
    ),
)
