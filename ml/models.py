"""What a model is made of, and which models there are."""

from dataclasses import dataclass
from functools import cache

from ml.arrays import BoolArray, FloatArray
from ml.outcomes import Outcome
from ml.reasons import ReasonGroup
from ml.rules import PlainRule
from ml.service_vocabulary import CONTRACT
from ml.vocabulary import RHYTHM, SPEND
from warehouse.errors import ModelError

# What rivals expect is read off days and amounts: that is the reason to be given for it.
_GROUPS_OF_EXPECTATIONS = {
    "expected_by_rfm_logistic": RHYTHM,
    "expected_by_churn_factor": RHYTHM,
    "bg_nbd_alive_probability": RHYTHM,
    "bg_nbd_purchase_probability": RHYTHM,
    "bg_nbd_expected_purchases": RHYTHM,
    "gamma_gamma_expected_amount": SPEND,
    "bg_nbd_gamma_gamma_expected_spend": SPEND,
    "expected_by_contract_logistic": CONTRACT,
}


@dataclass(frozen=True)
class ModelSpec:
    """The settings of one model; everything else is the same for all.

    Attributes:
        name: also the score's name.
        population: the population of `ftr_customers` it learns from and scores.
        outcome: what may come of a customer.
        event_is_outcome: the event is that the outcome comes; else, that it does not.
        groups: reason groups; the model's features are theirs, in this order.
        plain: what scores before anything was trained.
    """

    name: str
    population: str
    outcome: Outcome
    event_is_outcome: bool
    groups: tuple[ReasonGroup, ...]
    plain: PlainRule

    @property
    def features(self) -> tuple[str, ...]:
        """The model's inputs, in the order of its matrix."""
        return tuple(feature for group in self.groups for feature in group.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `ftr_customers` that training reads: features, and what rivals go by."""
        return tuple(dict.fromkeys((*self.features, *self.outcome.expectations.inputs)))

    @property
    def watched(self) -> tuple[str, ...]:
        """The features that should look tonight as in training.

        Those of the season, and others that everybody shares, tell of the day.
        """
        return tuple(
            name
            for group in self.groups
            if group.phrases
            for name in group.features
            if name not in group.shared
        )

    def group_of(self, name: str) -> str:
        """Returns the reason group of an input, be it a feature or what a rival expects."""
        if name in _GROUPS_OF_EXPECTATIONS:
            return _GROUPS_OF_EXPECTATIONS[name].name
        return next(group.name for group in self.groups if name in group.features)

    def event(self, probability: FloatArray) -> FloatArray:
        """Returns the probability of the event, given that of the outcome."""
        return probability if self.event_is_outcome else 1 - probability

    def happened(self, came: BoolArray) -> BoolArray:
        """Returns whether the event happened, given whether the outcome came; and the reverse."""
        return came if self.event_is_outcome else ~came


@cache
def model_specs() -> dict[str, ModelSpec]:
    """Returns the models by name, in the order they are scored."""
    from ml.churn.settings import CHURN
    from ml.contract_churn.settings import CONTRACT_CHURN
    from ml.winback.settings import WINBACK

    return {spec.name: spec for spec in (CHURN, WINBACK, CONTRACT_CHURN)}


def model_spec(name: str) -> ModelSpec:
    """Returns one model's settings; raises `ModelError` naming those there are."""
    specs = model_specs()
    if name not in specs:
        raise ModelError(f"There is no model {name!r}.", f"Allowed: {', '.join(specs)}.")
    return specs[name]
