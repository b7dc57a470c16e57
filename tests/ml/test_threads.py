import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import ml.score
import ml.train
import ml.uplift.train
import ml.value.train
from ml.threads import one_thread

VALUES = np.random.default_rng(5).normal(size=1_000_001)


def _blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_sums_are_the_same_bits_on_any_number_of_cores() -> None:
    @one_thread
    def total() -> tuple[float, set[int]]:
        return float(VALUES @ VALUES), _blas_threads()

    found = set()
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            bits, inside = total()
            found.add(bits)
        assert inside == {1}
    assert len(found) == 1


@pytest.mark.parametrize(
    "door", [ml.train.train, ml.value.train.train, ml.uplift.train.train, ml.score.score]
)
def test_whatever_ends_in_a_version_or_a_score_keeps_to_one_thread(door: object) -> None:
    assert hasattr(door, "__wrapped__")
