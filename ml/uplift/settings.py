"""The models of what contact does: which outcome, and what it is learned from.

Whom we contacted before, and what came of it, is a feature here and nowhere else: here contact is
the declared treatment, and everything known before it may be used.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from warehouse.errors import ModelError


@dataclass(frozen=True)
class EffectSpec:
    """The settings of a model of what one contact with an offer changes.

    Attributes:
        name: of the model, in the registry.
        outcome: the column of `customer_labels` that contact may change.
        features: known before the contact, in the order of the model's matrix.
        rising: those with which the effect can only rise.
        falling: those with which it can only fall.
        leaf_share: the least share of the rows that trees may set apart.
        judged_by: what must hold on later campaigns: the order of all, or that contact moves those
            above the policy's limit more than the others.
    """

    name: str
    outcome: Literal["purchase_count", "withdrew_consent"]
    features: tuple[str, ...]
    rising: tuple[str, ...]
    falling: tuple[str, ...]
    leaf_share: float
    judged_by: Literal["order", "marked"]


# Few features and a given direction: the noise of an experiment leaves room for no more. How people
# take what is sent tells their kind sooner than what they buy after it (docs/decisions/0041, 0050).
CONTACT_EFFECT = EffectSpec(
    name="contact_effect",
    outcome="purchase_count",
    features=("offer_purchases", "opened_share", "clicked_share", "coupons_per_offer"),
    rising=("offer_purchases", "opened_share", "clicked_share", "coupons_per_offer"),
    falling=(),
    leaf_share=0.05,
    judged_by="order",
)
CONTACT_HARM = EffectSpec(
    name="contact_harm",
    outcome="withdrew_consent",
    features=("contact_withdrawal_count", "opened_share", "usual_purchases", "recency_days"),
    rising=("contact_withdrawal_count",),
    falling=("opened_share",),
    leaf_share=0.005,
    judged_by="marked",
)


@cache
def effect_specs() -> dict[str, EffectSpec]:
    """Returns the models by name."""
    return {spec.name: spec for spec in (CONTACT_EFFECT, CONTACT_HARM)}


def effect_spec(name: str) -> EffectSpec:
    """Returns one model's settings; raises `ModelError` naming those there are."""
    specs = effect_specs()
    if name not in specs:
        raise ModelError(f"There is no model {name!r}.", f"Allowed: {', '.join(specs)}.")
    return specs[name]
