"""Maximises a likelihood over positive parameters."""

from collections.abc import Callable, Sequence

import numpy as np

from ml.arrays import FloatArray
from warehouse.errors import ModelError

# Weight of the squared log of each parameter against the mean log-likelihood of a customer. It
# keeps parameters finite that the data does not settle, as when nobody ever bought twice.
PENALTY = 1e-6
_BOUND = 12.0  # a parameter stays between e^-12 and e^12
_MAX_SLOPE = 1e-3  # of the mean log-likelihood by the log of a parameter, at the maximum

# From parameters to (each customer's log-likelihood, its derivatives parameters x customers).
LogLikelihood = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def maximise(
    name: str, log_likelihood: LogLikelihood, start: Sequence[float], weights: FloatArray
) -> FloatArray:
    """Returns the parameters of the highest penalised weighted mean log-likelihood.

    Args:
        name: of the model, for the error.
        log_likelihood: with analytic derivatives.
        start: one positive value per parameter.
        weights: how many customers each row stands for.

    Raises:
        ModelError: no maximum was found.
    """
    from scipy.optimize import minimize

    shares = weights / weights.sum()

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        parameters = np.exp(logs)
        rows, slopes = log_likelihood(parameters)
        value = -rows @ shares + PENALTY * (logs @ logs)
        return float(value), -(slopes @ shares) * parameters + 2 * PENALTY * logs

    found = minimize(
        loss,
        np.log(np.array(start)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * len(start),
        options={"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-7},
    )
    inside = np.abs(found.x) < _BOUND
    steep = np.abs(found.jac[inside]).max(initial=0.0) > _MAX_SLOPE
    if not np.isfinite(found.fun) or (steep and not found.success):
        raise ModelError(
            f"{name} found no maximum of its likelihood ({found.message}).",
            "Look for customers with impossible days or amounts in the purchases.",
        )
    parameters: FloatArray = np.exp(found.x)
    return parameters
