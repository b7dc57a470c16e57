"""BG/NBD: when customers buy, and when they stop for good.

Source of the model and of every formula unless said otherwise: P. S. Fader, B. G. S. Hardie and
K. L. Lee, "Counting your customers the easy way: an alternative to the Pareto/NBD model",
Marketing Science 24(2), 2005. While alive, a customer buys at random times at rate lambda; after
each purchase the customer is gone with probability p. Over customers lambda is Gamma(r, alpha) and
p is Beta(a, b).

Symbols as there: x repeat purchases, the last at t_x, in the T days since the first.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray
from ml.rivals.maximum_likelihood import maximise

# The expectation's formula divides by a - 1; this near to one, a stands beside it.
_NEXT_TO_ONE = 1e-6
# A customer less likely to leave than this after a purchase stays for good.
_LEAST_LEAVING = 1e-9


@dataclass(frozen=True)
class BgNbd:
    """The four parameters; alpha is in days."""

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, x: FloatArray, t_x: FloatArray, T: FloatArray) -> "BgNbd":  # noqa: N803
        """Returns the maximum likelihood estimate from one row per customer.

        Raises:
            ModelError: the likelihood has no maximum.
        """
        # Days are scaled to the mean T, so that the parameters are of one size.
        unit = max(float(T.mean()), 1.0)
        rows, counts = np.unique(np.column_stack([x, t_x, T]), axis=0, return_counts=True)
        x, t_x, T = rows[:, 0], rows[:, 1] / unit, rows[:, 2] / unit  # noqa: N806
        r, alpha, a, b = maximise(
            "BG/NBD",
            lambda parameters: _log_likelihood(parameters, x, t_x, T),
            (1.0, 1.0, 1.0, 1.0),
            counts.astype(np.float64),
        )
        return cls(float(r), float(alpha) * unit, float(a), float(b))

    def alive_probability(self, x: FloatArray, t_x: FloatArray, T: FloatArray) -> FloatArray:  # noqa: N803
        """Returns the probability that the customer has not gone by T.

        Who never bought again is alive: in this model one leaves after a repeat purchase only.
        """
        from scipy.special import expit

        with np.errstate(divide="ignore", invalid="ignore"):
            log_odds_gone = (
                np.log(self.a)
                - np.log(self.b + x - 1)
                + (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
            )
        alive: FloatArray = np.where(x > 0, expit(-log_odds_gone), 1.0)
        return alive

    def silence_probability(
        self,
        x: FloatArray,
        t_x: FloatArray,
        T: FloatArray,  # noqa: N803
        days: float,
    ) -> FloatArray:
        """Returns the probability of no purchase in the `days` after T.

        A customer alive at T, whose lambda is Gamma(r + x, alpha + T) by then, leaves only at a
        next purchase, so silence means gone already or no purchase by chance: P(gone) +
        P(alive) E[exp(-lambda days)].
        """
        quiet = np.exp((self.r + x) * np.log((self.alpha + T) / (self.alpha + T + days)))
        silence: FloatArray = 1 - self.alive_probability(x, t_x, T) * (1 - quiet)
        return silence

    def expected_purchases(
        self,
        x: FloatArray,
        t_x: FloatArray,
        T: FloatArray,  # noqa: N803
        days: float | FloatArray,
    ) -> FloatArray:
        """Returns the expected number of purchases in the `days` after T: their equation (10).

        Its hypergeometric function is taken after Euler's transformation, 2F1(A, B; C; z) =
        (1 - z)^(C - A - B) 2F1(C - A, C - B; C; z), whose parameters stay small for great x. Where
        it overflows (a base in which nearly nobody leaves), who is alive is taken to stay.
        """
        from scipy.special import hyp2f1

        a = self.a if abs(self.a - 1) > _NEXT_TO_ONE else 1 + _NEXT_TO_ONE
        z = days / (self.alpha + T + days)
        c = a + self.b + x - 1
        c = np.where(np.abs(c) > _NEXT_TO_ONE, c, _NEXT_TO_ONE)
        with np.errstate(over="ignore", invalid="ignore"):
            series = (1 - z) ** (a - 1) * hyp2f1(a + self.b - 1 - self.r, a - 1, c, z)
            while_alive = c / (a - 1) * (1 - series)
        staying = (self.r + x) / (self.alpha + T) * days
        expected: FloatArray = np.where(np.isfinite(while_alive), while_alive, staying)
        return np.maximum(expected, 0.0) * self.alive_probability(x, t_x, T)

    def draw_purchases(
        self,
        x: FloatArray,
        t_x: FloatArray,
        T: FloatArray,  # noqa: N803
        days: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Returns one draw per customer of the purchases in the `days` after T.

        Of who is alive, lambda is Gamma(r + x, alpha + T) and p is Beta(a, b + x) by then.
        """
        alive = rng.random(len(x)) < self.alive_probability(x, t_x, T)
        rate = rng.gamma(self.r + x) / (self.alpha + T)
        leaves = np.maximum(rng.beta(self.a, self.b + x), _LEAST_LEAVING)
        purchases = np.minimum(rng.poisson(rate * days), rng.geometric(leaves))
        return np.where(alive, purchases, 0).astype(np.float64)


def _log_likelihood(
    parameters: FloatArray,
    x: FloatArray,
    t_x: FloatArray,
    T: FloatArray,  # noqa: N803
) -> tuple[FloatArray, FloatArray]:
    """Returns each customer's log-likelihood, their equation (6), and its four derivatives."""
    from scipy.special import expit, gammaln, psi

    r, alpha, a, b = parameters
    again = x > 0
    stayed = -(r + x) * np.log(alpha + T)
    # Without a repeat purchase nobody has left; one stands in for x, and its share is set to zero.
    left = np.log(a) - np.log(b + np.where(again, x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    gone = np.where(again, expit(left - stayed), 0.0)
    likelihood = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        + np.where(again, np.logaddexp(stayed, left), stayed)
    )  # fmt: skip
    stays = 1 - gone
    by_r = (
        psi(r + x) - psi(r) + np.log(alpha)
        - stays * np.log(alpha + T) - gone * np.log(alpha + t_x)
    )  # fmt: skip
    by_alpha = r / alpha - (r + x) * (stays / (alpha + T) + gone / (alpha + t_x))
    shared = psi(a + b) - psi(a + b + x)
    by_a = shared + gone / a
    by_b = shared + psi(b + x) - psi(b) - gone / (b + np.where(again, x, 1) - 1)
    return likelihood, np.stack([by_r, by_alpha, by_a, by_b])
