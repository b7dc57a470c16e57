"""What may come of a customer: which label says so, how far ahead it lies, what else foretells it.

Churn, win-back and the end of contracts are trained, judged, scored and watched by the same code;
what differs between purchases and renewals stands here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ml.rivals.catalogue import PROBABILITY_RIVALS, RENEWAL_RIVALS
from ml.rivals.contract import ProbabilityRival
from ml.rivals.expectations import Expectations, PurchaseExpectations, RenewalExpectations
from warehouse.policy import Policy

# Of the persons scored on %(day)s, whoever bought by %(due)s.
_BUYERS = """
select distinct person_id from marts.fct_orders
where order_kind = 'purchase' and order_date > %(day)s and order_date <= %(due)s
"""
# Whoever signed for a time after the day, at the latest a purchase horizon after the end: as the
# label says.
_RENEWERS = """
select distinct contracts.person_id
from marts.fct_contracts as contracts
inner join features.ftr_customers as customers
    on contracts.person_id = customers.person_id and customers.as_of_date = %(day)s
where contracts.start_date > %(day)s
    and contracts.start_date
        <= %(day)s + customers.contract_days_left::integer + %(purchase_horizon_days)s
"""


@dataclass(frozen=True)
class Outcome:
    """What is foretold of a population.

    Attributes:
        label: the column of `features.customer_labels` that says whether it came.
        horizon_days: how many days after a snapshot it is known of everybody, by the policy.
        snapshot_count: on how many days a model learns and is tested, by the policy.
        rivals: the simple rules that foretell it.
        expectations: what of them is an input of the model.
        came: SQL that names the persons, scored on %(day)s, of whom it came by %(due)s.
    """

    label: str
    horizon_days: Callable[[Policy], int]
    snapshot_count: Callable[[Policy], int]
    rivals: tuple[type[ProbabilityRival], ...]
    expectations: type[Expectations]
    came: str


PURCHASE = Outcome(
    label="bought_within_horizon",
    horizon_days=lambda policy: policy.horizon_days,
    snapshot_count=lambda policy: policy.training.snapshot_count,
    rivals=PROBABILITY_RIVALS,
    expectations=PurchaseExpectations,
    came=_BUYERS,
)

RENEWAL = Outcome(
    label="renewed_contract",
    # The contract ends by the first, and may be renewed for the second after.
    horizon_days=lambda policy: (
        (policy.populations.contract_ends_within_days or 0) + policy.horizon_days
    ),
    snapshot_count=lambda policy: policy.training.contract_snapshot_count,
    rivals=RENEWAL_RIVALS,
    expectations=RenewalExpectations,
    came=_RENEWERS,
)
