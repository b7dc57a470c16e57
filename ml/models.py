"""What a model is made of, and which models there are."""

from dataclasses import dataclass
from functools import cache

from ml.arrays import FloatArray
from ml.reasons import ReasonGroup
from ml.rivals import contract
from ml.rules import PlainRule
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
}


@dataclass(frozen=True)
class ModelSpec:
    """The settings of one model; everything else is the same for all.

    Attributes:
        name: also the score's name.
        population: the population of `ftr_customers` it learns from and scores.
        event_is_purchase: the event is a purchase within the horizon; else, that there is none.
        groups: reason groups; the model's features are theirs, in this order.
        plain: what scores before anything was trained.
    """

    name: str
    population: str
    event_is_purchase: bool
    groups: tuple[ReasonGroup, ...]
    plain: PlainRule

    @property
    def features(self) -> tuple[str, ...]:
        """The model's inputs, in the order of its matrix."""
        return tuple(feature for group in self.groups for feature in group.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `ftr_customers` that training reads: features, and what rivals go by."""
        return tuple(dict.fromkeys((*self.features, *contract.INPUTS)))

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

    def event(self, purchase: FloatArray) -> FloatArray:
        """Returns the probability of the event, given that of a purchase."""
        return purchase if self.event_is_purchase else 1 - purchase


@cache
def model_specs() -> dict[str, ModelSpec]:
    """Returns the models by name, in the order they are scored."""
    from ml.churn.settings import CHURN
    from ml.winback.settings import WINBACK

    return {spec.name: spec for spec in (CHURN, WINBACK)}


def model_spec(name: str) -> ModelSpec:
    """Returns one model's settings; raises `ModelError` naming those there are."""
    specs = model_specs()
    if name not in specs:
        raise ModelError(f"There is no model {name!r}.", f"Allowed: {', '.join(specs)}.")
    return specs[name]
