"""BG/NBD and Gamma-Gamma as one account of a customer base."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import Columns, FloatArray
from ml.rivals.bg_nbd import BgNbd
from ml.rivals.gamma_gamma import GammaGamma

YEAR_DAYS = 365
# More customers than this settle no parameter any better; a sample of them is fitted.
MAX_CUSTOMERS = 50_000
_SAMPLE_SEED = 0
_NO_SPREAD = 1e-6


@dataclass(frozen=True)
class BuyTillYouDie:
    """How often and until when a base buys, and for how much.

    The columns that it reads are those of `ml.rivals.contract.INPUTS`.
    """

    timing: BgNbd
    amounts: GammaGamma

    @classmethod
    def fit(cls, base: Columns) -> "BuyTillYouDie":
        """Returns the account of a base: everybody who ever bought, live and lapsed.

        Raises:
            ModelError: a likelihood has no maximum.
        """
        size = len(base["recency_days"])
        if size > MAX_CUSTOMERS:
            rng = np.random.default_rng(_SAMPLE_SEED)
            chosen = np.sort(rng.choice(size, MAX_CUSTOMERS, replace=False))
            base = {name: values[chosen] for name, values in base.items()}
        count, mean = base["purchase_day_count"], base["spend_per_purchase_day"]
        spent = mean > 0
        return cls(BgNbd.fit(*_timing(base)), _fit_amounts(count[spent], mean[spent]))

    def alive_probability(self, columns: Columns) -> FloatArray:
        """Returns the probability that a customer has not left for good."""
        return self.timing.alive_probability(*_timing(columns))

    def purchase_probability(self, columns: Columns, days: float) -> FloatArray:
        """Returns the probability of at least one purchase within so many days."""
        return 1 - self.timing.silence_probability(*_timing(columns), days)

    def expected_purchases(self, columns: Columns, days: float | FloatArray) -> FloatArray:
        """Returns the expected number of days with a purchase within so many days."""
        return self.timing.expected_purchases(*_timing(columns), days)

    def expected_amount(self, columns: Columns) -> FloatArray:
        """Returns the expected spend on a day with a purchase."""
        return self.amounts.expected_amount(
            columns["purchase_day_count"], columns["spend_per_purchase_day"]
        )

    def expected_spend(self, columns: Columns, days: float | FloatArray = YEAR_DAYS) -> FloatArray:
        """Returns the expected spend within so many days: a year's, unless said otherwise."""
        return self.expected_purchases(columns, days) * self.expected_amount(columns)

    def draw_spend(
        self, columns: Columns, rng: np.random.Generator, days: float = YEAR_DAYS
    ) -> FloatArray:
        """Returns one draw per customer of the spend within so many days."""
        return self.amounts.draw_totals(
            columns["purchase_day_count"],
            columns["spend_per_purchase_day"],
            self.timing.draw_purchases(*_timing(columns), days, rng),
            rng,
        )


def _fit_amounts(count: FloatArray, mean: FloatArray) -> GammaGamma:
    """Returns the fit, or where all spend alike the parameters that expect just that of everybody.

    Without any spread between customers the likelihood has no maximum.
    """
    if not len(mean) or np.ptp(mean) <= _NO_SPREAD * mean.max():
        return GammaGamma(p=1.0, q=2.0, gamma=float(mean[0]) if len(mean) else 0.0)
    return GammaGamma.fit(count, mean)


def _timing(columns: Columns) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns x, t_x and T of BG/NBD."""
    tenure = columns["tenure_days"]
    return columns["purchase_day_count"] - 1, tenure - columns["recency_days"], tenure
