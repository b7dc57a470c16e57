"""The rivals that foretell whether a customer buys within the horizon."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml import calibration, rules
from ml.arrays import Columns, FloatArray
from ml.calibration import Calibration
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import Lesson
from ml.rivals.rfm import Cells, Polynomial
from ml.rules import FittedRule

# How many gaps of the population's length stand beside a customer's own; the best one is learned.
_PRIOR_GAPS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_CLIP = 1e-6


@dataclass(frozen=True)
class RecencyCuts:
    """Rates by days since the last purchase."""

    name: ClassVar[str] = "recency_cuts"
    says: ClassVar[str] = "days since the last purchase"
    rates: FittedRule

    @classmethod
    def fit(cls, lesson: Lesson) -> "RecencyCuts":
        """Returns the rates of ten bins, joined by lines."""
        return cls(rules.fit(lesson.columns["recency_days"], lesson.outcome))

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a purchase within the horizon."""
        return self.rates.probability(columns["recency_days"])


@dataclass(frozen=True)
class ChurnFactor:
    """Rates by days since the last purchase over the customer's own rhythm.

    The rhythm is the mean gap between the customer's purchases, shrunk to the population's: as if
    `prior_gaps` more gaps of `population_gap_days` had been seen.
    """

    name: ClassVar[str] = "churn_factor"
    says: ClassVar[str] = "days since the last purchase over the customer's own rhythm, shrunk"
    population_gap_days: float
    prior_gaps: float
    rates: FittedRule

    @classmethod
    def fit(cls, lesson: Lesson) -> "ChurnFactor":
        """Returns the factor whose rates have the least log loss among a few strengths of prior."""
        from ml.evaluate import log_losses

        gaps, days = _gaps(lesson.columns)
        population = float(days.sum() / gaps.sum()) if gaps.sum() else float(lesson.horizon_days)
        fitted = []
        for prior in _PRIOR_GAPS:
            factor = _churn_factor(lesson.columns, population, prior)
            rates = rules.fit(factor, lesson.outcome)
            loss = float(log_losses(rates.probability(factor), lesson.outcome).mean())
            fitted.append((loss, cls(population, prior, rates)))
        return min(fitted, key=lambda pair: pair[0])[1]

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a purchase within the horizon."""
        return self.rates.probability(
            _churn_factor(columns, self.population_gap_days, self.prior_gaps)
        )


@dataclass(frozen=True)
class RfmCells:
    """Rates of cells by recency, frequency and spend, each shrunk to the overall rate."""

    name: ClassVar[str] = "rfm_cells"
    says: ClassVar[str] = "rates of recency, frequency and spend cells, shrunk"
    cells: Cells

    @classmethod
    def fit(cls, lesson: Lesson) -> "RfmCells":
        """Returns the rate of each cell."""
        return cls(Cells.fit(lesson.columns, lesson.outcome.astype(np.float64)))

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a purchase within the horizon."""
        return self.cells.means(columns)


@dataclass(frozen=True)
class RfmLogistic:
    """Logistic regression on logs of recency, frequency, spend and tenure, with some products."""

    name: ClassVar[str] = "rfm_logistic"
    says: ClassVar[str] = "logistic regression on recency, frequency, spend and tenure"
    inputs: Polynomial
    coefficients: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, lesson: Lesson) -> "RfmLogistic":
        """Returns the regression with scikit-learn's standard ridge penalty."""
        from sklearn.linear_model import LogisticRegression

        inputs = Polynomial.fit(lesson.columns)
        model = LogisticRegression(max_iter=1000)
        model.fit(inputs.terms(lesson.columns), lesson.outcome)
        return cls(inputs, tuple(map(float, model.coef_[0])), float(model.intercept_[0]))

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a purchase within the horizon."""
        from scipy.special import expit

        margin = self.inputs.terms(columns) @ np.array(self.coefficients) + self.intercept
        probability: FloatArray = expit(margin)
        return probability


@dataclass(frozen=True)
class BgNbdRival:
    """BG/NBD's probability of a purchase, recalibrated so that it is judged at its best.

    Its parameters know neither the season nor that live and lapsed customers are judged apart; two
    more numbers (Platt scaling), learned as by the other rivals, make up for that. The order stays.
    """

    name: ClassVar[str] = "bg_nbd"
    says: ClassVar[str] = "BG/NBD, recalibrated"
    process: BuyTillYouDie
    calibration: Calibration
    horizon_days: int

    @classmethod
    def fit(cls, lesson: Lesson) -> "BgNbdRival":
        """Returns the lesson's process with the calibration that its outcomes ask for."""
        raw = lesson.process.purchase_probability(lesson.columns, lesson.horizon_days)
        scaling = calibration.fit(_margin(raw), lesson.outcome)
        return cls(lesson.process, scaling, lesson.horizon_days)

    def probability(self, columns: Columns) -> FloatArray:
        """Returns each customer's probability of a purchase within the horizon."""
        raw = self.process.purchase_probability(columns, self.horizon_days)
        return self.calibration.probability(_margin(raw))


def _gaps(columns: Columns) -> tuple[FloatArray, FloatArray]:
    """Returns how many gaps between purchases each customer has, and their days together."""
    return columns["purchase_day_count"] - 1, columns["tenure_days"] - columns["recency_days"]


def _churn_factor(columns: Columns, population_gap_days: float, prior_gaps: float) -> FloatArray:
    gaps, days = _gaps(columns)
    rhythm = (days + prior_gaps * population_gap_days) / (gaps + prior_gaps)
    factor: FloatArray = columns["recency_days"] / rhythm
    return factor


def _margin(probability: FloatArray) -> FloatArray:
    clipped = np.clip(probability, _CLIP, 1 - _CLIP)
    margin: FloatArray = np.log(clipped / (1 - clipped))
    return margin
