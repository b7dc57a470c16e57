"""Settings of the win-back score: the probability that a lapsed customer buys in the horizon."""

from ml.models import ModelSpec
from ml.rules import PlainRule, Rule
from ml.vocabulary import BEHAVIOUR, FREQUENCY, RHYTHM

WINBACK = ModelSpec(
    name="winback",
    population="lapsed",
    event_is_purchase=True,
    groups=BEHAVIOUR,
    rules=(
        Rule(
            name="recency",
            says="days since the last purchase",
            inputs=("recency_days",),
            measure=lambda row: row["recency_days"],
            reasons=(RHYTHM.name,),
        ),
        Rule(
            name="days_per_purchase",
            says="days since the last purchase for each purchase of the last 168 days",
            inputs=("recency_days", "order_count_168d"),
            measure=lambda row: row["recency_days"] / (1 + row["order_count_168d"]),
            reasons=(RHYTHM.name, FREQUENCY.name),
        ),
    ),
    # Who has been silent for one horizon comes back in the next every second time.
    plain=PlainRule(
        inputs=("recency_days",),
        probability=lambda row, horizon_days: horizon_days / (horizon_days + row["recency_days"]),
        reasons=(RHYTHM.name,),
    ),
)
