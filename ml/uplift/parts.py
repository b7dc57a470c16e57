"""The two kinds of models that effects are learned by, as they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import FloatArray


@dataclass(frozen=True)
class Trees:
    """An XGBoost booster."""

    booster: Any

    def predict(self, inputs: NDArray[np.float32]) -> FloatArray:
        """Returns what the trees say of each row."""
        found: FloatArray = self.booster.inplace_predict(inputs).astype(np.float64)
        return found


@dataclass(frozen=True)
class Ridge:
    """Ridge regression on standardised features; an unknown value counts as the mean."""

    centres: FloatArray
    scales: FloatArray
    slopes: FloatArray
    average: float

    def predict(self, inputs: NDArray[np.float32]) -> FloatArray:
        """Returns what the line says of each row."""
        found: FloatArray = standard(inputs, self.centres, self.scales) @ self.slopes
        return found + self.average

    def as_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads."""
        return {
            "centres": self.centres.tolist(),
            "scales": self.scales.tolist(),
            "slopes": self.slopes.tolist(),
            "average": self.average,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Ridge":
        """Returns the ridge regression that `as_json` described."""
        return cls(
            np.array(document["centres"]),
            np.array(document["scales"]),
            np.array(document["slopes"]),
            float(document["average"]),
        )


def standard(values: NDArray[np.float32], centres: FloatArray, scales: FloatArray) -> FloatArray:
    """Returns features in deviations from their mean, an unknown one as the mean."""
    # Four deviations bound what a single odd value can do.
    return np.clip(np.where(np.isfinite(values), (values - centres) / scales, 0.0), -4, 4)
