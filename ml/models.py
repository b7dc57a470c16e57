"""What a model is made of, and which models there are."""

from dataclasses import dataclass
from functools import cache

from ml.reasons import ReasonGroup
from ml.rules import PlainRule, Rule
from warehouse.errors import ModelError


@dataclass(frozen=True)
class ModelSpec:
    """The settings of one model; everything else is the same for all.

    Attributes:
        name: also the score's name.
        population: the population of `ftr_customers` it learns from and scores.
        event_is_purchase: the event is a purchase within the horizon; else, that there is none.
        groups: reason groups; the model's features are theirs, in this order.
        rules: what it must beat.
        plain: what scores before anything was trained.
    """

    name: str
    population: str
    event_is_purchase: bool
    groups: tuple[ReasonGroup, ...]
    rules: tuple[Rule, ...]
    plain: PlainRule

    @property
    def features(self) -> tuple[str, ...]:
        """The model's inputs, in the order of its matrix."""
        return tuple(feature for group in self.groups for feature in group.features)

    def rule(self, name: str) -> Rule:
        """Returns one of the rules; raises `ModelError` naming those there are."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise ModelError(
            f"The {self.name} model has no rule {name!r}.",
            f"Known: {', '.join(rule.name for rule in self.rules)}; train again.",
        )


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
