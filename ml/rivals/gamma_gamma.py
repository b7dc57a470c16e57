"""Gamma-Gamma: what a customer spends on a purchase, drawn to what all spend.

Source of the model and of every formula: P. S. Fader and B. G. S. Hardie, "The Gamma-Gamma model
of monetary value", 2013. A customer's amounts are Gamma(p, v); over customers v is Gamma(q, gamma).
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray
from ml.rivals.maximum_likelihood import maximise


@dataclass(frozen=True)
class GammaGamma:
    """The three parameters; gamma is in the currency. q is above one, so the mean is finite."""

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, count: FloatArray, mean: FloatArray) -> "GammaGamma":
        """Returns the maximum likelihood estimate.

        Args:
            count: purchases of each customer, at least one.
            mean: the mean amount of them, above zero.

        Raises:
            ModelError: the likelihood has no maximum.
        """
        unit = float(np.median(mean))
        scaled = mean / unit

        def log_likelihood(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
            p, excess, gamma = parameters
            return _log_likelihood(p, 1 + excess, gamma, count, scaled)

        p, excess, gamma = maximise(
            "Gamma-Gamma", log_likelihood, (1.0, 1.0, 1.0), np.ones(len(mean))
        )
        return cls(float(p), 1 + float(excess), float(gamma) * unit)

    def expected_amount(self, count: FloatArray, mean: FloatArray) -> FloatArray:
        """Returns the expected amount of a customer's next purchase.

        A mean that is not above zero (all given back) tells nothing: the mean of all is expected.
        """
        known = np.where(mean > 0, count, 0.0)
        amount: FloatArray = (
            self.p * (self.gamma + known * np.maximum(mean, 0.0)) / (self.p * known + self.q - 1)
        )
        return amount

    def draw_totals(
        self,
        count: FloatArray,
        mean: FloatArray,
        purchases: FloatArray,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Returns one draw per customer of what so many further purchases cost together.

        A customer's v is Gamma(q + p count, gamma + count mean) by then; the sum of n amounts is
        Gamma(p n, v).
        """
        known = np.where(mean > 0, count, 0.0)
        spent = self.gamma + known * np.maximum(mean, 0.0)
        v = rng.gamma(self.q + self.p * known)
        total: FloatArray = rng.gamma(self.p * purchases) * spent / v
        return total


def _log_likelihood(
    p: float, q: float, gamma: float, x: FloatArray, z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Returns each customer's log-likelihood, their equation (1a), and its three derivatives."""
    from scipy.special import gammaln, psi

    px, total = p * x, x * z
    both = np.log(gamma + total)
    likelihood = (
        gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma)
        + (px - 1) * np.log(z) + px * np.log(x) - (px + q) * both
    )  # fmt: skip
    by_p = x * (psi(px + q) - psi(px) + np.log(total) - both)
    by_q = psi(px + q) - psi(q) + np.log(gamma) - both
    by_gamma = q / gamma - (px + q) / (gamma + total)
    return likelihood, np.stack([by_p, by_q, by_gamma])
