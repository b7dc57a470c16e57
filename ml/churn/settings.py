"""Settings of the churn score: the probability that a live customer buys nothing in the horizon."""

from ml.models import ModelSpec
from ml.rules import PlainRule, Rule
from ml.vocabulary import BEHAVIOUR, FREQUENCY, RHYTHM

CHURN = ModelSpec(
    name="churn",
    population="live",
    event_is_purchase=False,
    groups=BEHAVIOUR,
    rules=(
        Rule(
            name="silence_over_rhythm",
            says="days since the last purchase over the customer's usual gap",
            inputs=("recency_over_gap",),
            measure=lambda row: row["recency_over_gap"],
            reasons=(RHYTHM.name,),
        ),
        Rule(
            name="active_weeks",
            says="weeks with a purchase among the last twelve",
            inputs=("active_weeks_84d",),
            measure=lambda row: row["active_weeks_84d"],
            reasons=(FREQUENCY.name, RHYTHM.name),
        ),
    ),
    # Twelve weeks of twelve: one in thirteen stays away; a single week: every second one.
    plain=PlainRule(
        inputs=("active_weeks_84d",),
        probability=lambda row, _horizon_days: 1 / (1 + row["active_weeks_84d"]),
        reasons=(FREQUENCY.name, RHYTHM.name),
    ),
)
