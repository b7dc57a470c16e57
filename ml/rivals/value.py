"""The rivals that foretell what a customer spends within the horizon."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml.arrays import Columns, FloatArray
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import Lesson
from ml.rivals.rfm import Cells, Polynomial

_RIDGE = 1e-3
# No regression may foretell more than so many times the most that it has seen.
_MAX_TIMES_SEEN = 2.0


@dataclass(frozen=True)
class PastRate:
    """The customer goes on spending as over the whole time since the first purchase."""

    name: ClassVar[str] = "past_rate"
    says: ClassVar[str] = "spend per day since the first purchase"
    horizon_days: int

    @classmethod
    def fit(cls, lesson: Lesson) -> "PastRate":
        """Returns the rate over the horizon; there is nothing else to learn."""
        return cls(lesson.horizon_days)

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend; a rate is taken over a horizon at least."""
        total = columns["spend_per_purchase_day"] * columns["purchase_day_count"]
        days = np.maximum(columns["tenure_days"] + 1, self.horizon_days)
        return np.maximum(total / days * self.horizon_days, 0.0)


@dataclass(frozen=True)
class RfmCellSpend:
    """Mean spend of cells by recency, frequency and spend, each shrunk to the overall mean."""

    name: ClassVar[str] = "rfm_cells"
    says: ClassVar[str] = "mean spend of recency, frequency and spend cells, shrunk"
    cells: Cells

    @classmethod
    def fit(cls, lesson: Lesson) -> "RfmCellSpend":
        """Returns the mean of each cell."""
        return cls(Cells.fit(lesson.columns, lesson.spend))

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend."""
        return np.maximum(self.cells.means(columns), 0.0)


@dataclass(frozen=True)
class RfmRegression:
    """Poisson regression of spend on logs of recency, frequency, spend and tenure.

    Its mean is right for any amounts that are not negative, not only for counts (C. Gourieroux,
    A. Monfort and A. Trognon, "Pseudo maximum likelihood methods", Econometrica 52, 1984).
    """

    name: ClassVar[str] = "rfm_regression"
    says: ClassVar[str] = "Poisson regression on recency, frequency, spend and tenure"
    inputs: Polynomial
    coefficients: tuple[float, ...]
    intercept: float
    unit: float
    ceiling: float

    @classmethod
    def fit(cls, lesson: Lesson) -> "RfmRegression":
        """Returns the regression with a slight ridge penalty."""
        from sklearn.linear_model import PoissonRegressor

        spend = np.maximum(lesson.spend, 0.0)
        unit = float(spend.mean()) or 1.0
        inputs = Polynomial.fit(lesson.columns)
        model = PoissonRegressor(alpha=_RIDGE, max_iter=1000)
        model.fit(inputs.terms(lesson.columns), spend / unit)
        return cls(
            inputs,
            tuple(map(float, model.coef_)),
            float(model.intercept_),
            unit,
            _MAX_TIMES_SEEN * float(spend.max()),
        )

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend."""
        margin = self.inputs.terms(columns) @ np.array(self.coefficients) + self.intercept
        # e^50 is above any ceiling and still a number.
        spend: FloatArray = np.minimum(np.exp(np.minimum(margin, 50.0)) * self.unit, self.ceiling)
        return spend


@dataclass(frozen=True)
class BgNbdGammaGamma:
    """BG/NBD's expected purchases times Gamma-Gamma's expected amount."""

    name: ClassVar[str] = "bg_nbd_gamma_gamma"
    says: ClassVar[str] = "BG/NBD with Gamma-Gamma"
    process: BuyTillYouDie
    horizon_days: int

    @classmethod
    def fit(cls, lesson: Lesson) -> "BgNbdGammaGamma":
        """Returns the lesson's process over the horizon."""
        return cls(lesson.process, lesson.horizon_days)

    def spend(self, columns: Columns) -> FloatArray:
        """Returns each customer's expected spend."""
        return self.process.expected_spend(columns, self.horizon_days)
