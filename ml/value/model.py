"""What turns a customer's features into the spend of the next year: a model or a rival."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ml.abstain import Grounds
from ml.arrays import Columns, FloatArray
from ml.rivals import contract
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.catalogue import as_json, value_rival
from ml.rivals.contract import ValueRival
from ml.value.days import YEAR_DAYS
from ml.value.spread import Spread
from ml.vocabulary import BEHAVIOUR, SEASON

MODEL_NAME = "value"
# What can be put into words, but for the season: a year has all of them.
FEATURES = tuple(
    feature for group in BEHAVIOUR if group is not SEASON for feature in group.features
)
COLUMNS = tuple(dict.fromkeys((*FEATURES, *contract.INPUTS)))
# Of a unit: an expectation of nothing could not be corrected.
_LEAST = 1e-3


class SpendModel(Grounds, Protocol):
    """Foretells the spend of the year after a day."""

    @property
    def features(self) -> tuple[str, ...]:
        """The columns it takes."""

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend."""


@dataclass(frozen=True)
class Inputs:
    """The model's matrix, and the expectation that its trees correct.

    Attributes:
        features: columns of `ftr_customers`.
        process: BG/NBD with Gamma-Gamma, fitted on the base of the day that learned.
        unit: amounts are of size one while learning; in the currency.
    """

    features: tuple[str, ...]
    process: BuyTillYouDie
    unit: float

    def matrix(self, columns: Columns) -> NDArray[np.float32]:
        """Returns rows x inputs; unknown is NaN."""
        expected = (
            self.process.alive_probability(columns),
            self.process.purchase_probability(columns, YEAR_DAYS),
            self.process.expected_purchases(columns, YEAR_DAYS),
            self.process.expected_amount(columns),
        )
        values = [columns[name] for name in self.features]
        return np.column_stack([*values, *expected]).astype(np.float32)

    def margin(self, columns: Columns, days: float | FloatArray = YEAR_DAYS) -> FloatArray:
        """Returns the log of what is expected of the next `days`, in units: where trees begin."""
        expected = self.process.expected_spend(columns, days) / self.unit
        margin: FloatArray = np.log(np.maximum(expected, _LEAST))
        return margin


@dataclass(frozen=True)
class TreeModel:
    """XGBoost that corrects what BG/NBD and Gamma-Gamma expect."""

    booster: Any
    inputs: Inputs
    usual: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature, and what the expectation goes by."""
        return tuple(dict.fromkeys((*self.inputs.features, *contract.INPUTS)))

    @property
    def required(self) -> tuple[str, ...]:
        """What the expectation goes by; every other unknown the trees can deal with."""
        return contract.INPUTS

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend."""
        found: FloatArray = self.booster.inplace_predict(
            self.inputs.matrix(columns), base_margin=self.inputs.margin(columns)
        ).astype(np.float64)
        return found * self.inputs.unit


@dataclass(frozen=True)
class RivalModel:
    """A rival that ships."""

    rival: ValueRival

    @property
    def features(self) -> tuple[str, ...]:
        """What rivals go by."""
        return contract.INPUTS

    @property
    def required(self) -> tuple[str, ...]:
        """All of it."""
        return contract.INPUTS

    @property
    def usual(self) -> tuple[str, ...]:
        """None beyond those."""
        return ()

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend."""
        return self.rival.spend(columns)


@dataclass(frozen=True)
class Forecast:
    """What is published of a customer's next year: never a number without its interval.

    Attributes:
        model: what expects.
        spread: the interval around it.
        baseline: BG/NBD with Gamma-Gamma, beside it.
    """

    model: SpendModel
    spread: Spread
    baseline: BuyTillYouDie

    def as_json(self) -> dict[str, Any]:
        """Returns what `forecast_of` reads, beside the trees."""
        document: dict[str, Any] = {
            "spread": asdict(self.spread),
            "baseline": asdict(self.baseline),
        }
        if isinstance(self.model, TreeModel):
            document["inputs"] = asdict(self.model.inputs)
            document["usually_known"] = list(self.model.usual)
        if isinstance(self.model, RivalModel):
            document["rival"] = as_json(self.model.rival)
        return document


def forecast_of(document: Mapping[str, Any], booster: bytes | None) -> Forecast:
    """Returns the forecast that `as_json` described, with its trees if it has any."""
    spread = TypeAdapter(Spread).validate_python(document["spread"])
    baseline = TypeAdapter(BuyTillYouDie).validate_python(document["baseline"])
    if booster is None:
        return Forecast(RivalModel(value_rival(document["rival"])), spread, baseline)
    import xgboost

    model = TreeModel(
        booster=xgboost.Booster(model_file=bytearray(booster)),
        inputs=TypeAdapter(Inputs).validate_python(document["inputs"]),
        usual=tuple(document["usually_known"]),
    )
    return Forecast(model, spread, baseline)
