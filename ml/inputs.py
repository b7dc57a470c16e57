"""The matrix of a model: what is known of a customer, and what the rivals expect of it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ml.arrays import Columns
from ml.rivals.expectations import Expectations


@dataclass(frozen=True)
class ModelInputs:
    """A model's inputs, in the order of its matrix.

    Attributes:
        features: columns of `ftr_customers`.
        expectations: the rivals as fitted on the training days.
    """

    features: tuple[str, ...]
    expectations: Expectations

    @property
    def names(self) -> tuple[str, ...]:
        """Every input."""
        return (*self.features, *self.expectations.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `ftr_customers` that are read, those for the rivals among them."""
        return tuple(dict.fromkeys((*self.features, *self.expectations.inputs)))

    def matrix(self, columns: Columns) -> NDArray[np.float32]:
        """Returns rows x inputs, as XGBoost keeps them; unknown is NaN."""
        expected = self.expectations.columns(columns)
        values = [*(columns[name] for name in self.features), *expected.values()]
        found = np.empty((len(values[0]), len(values)), dtype=np.float32)
        for place, column in enumerate(values):
            found[:, place] = column
        return found

    def as_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads."""
        return {"features": list(self.features), "expectations": asdict(self.expectations)}  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, document: Any, kind: type[Expectations]) -> "ModelInputs":
        """Returns the inputs that `as_json` described, with expectations of a kind."""
        expectations = TypeAdapter(kind).validate_python(document["expectations"])
        return cls(tuple(document["features"]), expectations)
