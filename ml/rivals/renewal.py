"""The rivals that foretell whether a contract that ends soon is followed by another."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml import rules
from ml.arrays import Columns, FloatArray
from ml.rivals.contract import Lesson
from ml.rules import FittedRule

# Known of everybody whose contract ends soon.
NEEDED = (
    "contract_days_left",
    "contract_tenure_days",
    "contract_renewal_count",
    "contract_monthly_fee",
)
# Whoever holds a contract need not have bought: without a purchase there is no recency.
INPUTS = (*NEEDED, "recency_days")


@dataclass(frozen=True)
class BaseRate:
    """The share of all contracts that were renewed."""

    name: ClassVar[str] = "base_rate"
    says: ClassVar[str] = "the share of all that were renewed"
    rate: float

    @classmethod
    def fit(cls, lesson: Lesson) -> "BaseRate":
        """Returns the lesson's share."""
        return cls(float(lesson.outcome.mean()))

    def probability(self, columns: Columns) -> FloatArray:
        """Returns the same probability of a renewal for all."""
        return np.full(len(columns[NEEDED[0]]), self.rate)


@dataclass(frozen=True)
class DaysToEnd:
    """Rates by days until the contract ends."""

    name: ClassVar[str] = "days_to_end"
    says: ClassVar[str] = "days until the contract ends"
    rates: FittedRule

    @classmethod
    def fit(cls, lesson: Lesson) -> "DaysToEnd":
        """Returns the rates of ten bins, joined by lines."""
        return cls(rules.fit(lesson.columns["contract_days_left"], lesson.outcome))

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a renewal."""
        return self.rates.probability(columns["contract_days_left"])


@dataclass(frozen=True)
class EarlierRenewals:
    """Rates by how often a contract was renewed before."""

    name: ClassVar[str] = "earlier_renewals"
    says: ClassVar[str] = "how often the customer has renewed before"
    rates: FittedRule

    @classmethod
    def fit(cls, lesson: Lesson) -> "EarlierRenewals":
        """Returns the rate of each number of renewals."""
        return cls(rules.fit(lesson.columns["contract_renewal_count"], lesson.outcome))

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a renewal."""
        return self.rates.probability(columns["contract_renewal_count"])


@dataclass(frozen=True)
class ContractLogistic:
    """Logistic regression on the contract, and on how long ago its holder bought."""

    name: ClassVar[str] = "contract_logistic"
    says: ClassVar[str] = "logistic regression on days left, tenure, renewals, fee and recency"
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, lesson: Lesson) -> "ContractLogistic":
        """Returns the regression with scikit-learn's standard ridge penalty."""
        from sklearn.linear_model import LogisticRegression

        terms = _terms(lesson.columns)
        centres, spread = terms.mean(axis=0), terms.std(axis=0)
        scales = np.where(spread > 0, spread, 1.0)
        model = LogisticRegression(max_iter=1000).fit((terms - centres) / scales, lesson.outcome)
        return cls(
            tuple(map(float, centres)),
            tuple(map(float, scales)),
            tuple(map(float, model.coef_[0])),
            float(model.intercept_[0]),
        )

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a renewal."""
        from scipy.special import expit

        terms = (_terms(columns) - np.array(self.centres)) / np.array(self.scales)
        probability: FloatArray = expit(terms @ np.array(self.coefficients) + self.intercept)
        return probability


def _terms(columns: Columns) -> FloatArray:
    """Returns rows x terms; having never bought is a term of its own."""
    recency = columns["recency_days"]
    return np.column_stack([
        columns["contract_days_left"],
        np.log1p(columns["contract_tenure_days"]),
        columns["contract_renewal_count"],
        np.log1p(columns["contract_monthly_fee"]),
        np.log1p(np.nan_to_num(recency, nan=0.0)),
        np.isnan(recency).astype(np.float64),
    ])  # fmt: skip
