"""Keeps linear algebra in one thread, so that the same data gives the same bytes on any machine.

A sum that several threads share is added up in another order on another number of cores, and its
last bits differ. That was enough to give one training two versions: the maximum of a likelihood
moved in its eleventh digit. XGBoost's threads are its own (`ml.boosting`); predictions do not add
across them.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(work: Callable[P, R]) -> Callable[P, R]:
    """Returns `work` with its linear algebra in one thread."""

    @wraps(work)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        import scipy.linalg  # noqa: F401 - only a library in memory can be limited
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):
            return work(*args, **kwargs)

    return limited
