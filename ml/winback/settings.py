"""Settings of the win-back score: the probability that a lapsed customer buys in the horizon."""

from ml.models import ModelSpec
from ml.outcomes import PURCHASE
from ml.rules import PlainRule
from ml.vocabulary import OF_RETURN, RHYTHM

WINBACK = ModelSpec(
    name="winback",
    population="lapsed",
    outcome=PURCHASE,
    event_is_outcome=True,
    groups=OF_RETURN,
    # Who has been silent for one horizon comes back in the next every second time.
    plain=PlainRule(
        inputs=("recency_days",),
        probability=lambda row, horizon_days: horizon_days / (horizon_days + row["recency_days"]),
        reasons=(RHYTHM.name,),
    ),
)
