"""Settings of the contract score: the probability that a contract that ends soon is not renewed."""

from dataclasses import replace

from ml.models import ModelSpec
from ml.outcomes import RENEWAL
from ml.reasons import Tier
from ml.rules import PlainRule
from ml.service_vocabulary import BOND, COMPLAINT, CONTRACT, SATISFACTION, VISITS
from ml.vocabulary import FREQUENCY, RHYTHM, SEASON, TENURE, TREND

# That the contract ends is true of everybody here, and so explains nobody's leaving.
_TERMS = replace(CONTRACT, tier=Tier.SYMPTOM, happened=None)

CONTRACT_CHURN = ModelSpec(
    name="contract_churn",
    population="contract",
    outcome=RENEWAL,
    event_is_outcome=False,
    # Few contracts end at once, so fewer features than of purchases: the contract, what its holder
    # was served, and whether the holder is still there.
    groups=(
        _TERMS,
        COMPLAINT,
        SATISFACTION,
        BOND,
        RHYTHM,
        FREQUENCY,
        TREND,
        VISITS,
        TENURE,
        SEASON,
    ),
    # Who has never renewed goes every second time, who has twice one time in four.
    plain=PlainRule(
        inputs=("contract_renewal_count",),
        probability=lambda row, _horizon_days: 1 / (2 + row["contract_renewal_count"]),
        reasons=(CONTRACT.name, RHYTHM.name, BOND.name),
    ),
)
