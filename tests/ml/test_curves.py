import numpy as np
import pytest

from ml.curves import curves, slices
from ml.features import LabelledRows

HAPPENED = np.arange(100) >= 80
PERFECT = np.linspace(0, 1, 100)


def test_a_perfect_order_gains_all_events_in_the_first_tenths() -> None:
    found = curves(PERFECT, HAPPENED)
    assert [tenth["gain"] for tenth in found["tenths"]] == [0.5, *[1.0] * 9]
    assert [tenth["lift"] for tenth in found["tenths"]][:3] == [5.0, 5.0, 0.0]
    assert set(found["precision"]) == {1.0}
    assert found["recall"][-1] == 1.0


def test_the_reversed_order_gains_them_in_the_last() -> None:
    found = curves(1 - PERFECT, HAPPENED)
    assert found["tenths"][-2]["gain"] == 0.5
    assert found["precision"][-1] == pytest.approx(0.2)


def test_slices_are_the_days_and_the_kinds_and_one_outcome_alone_is_not_measured() -> None:
    rows = LabelledRows(
        days=np.repeat(np.array(["2017-10-01", "2017-10-15"], dtype="datetime64[D]"), 50),
        persons=np.arange(100),
        happened=HAPPENED,
        columns={"purchase_day_count": np.tile(np.arange(10.0), 10)},
    )
    found = slices(PERFECT, 1 - PERFECT, rows)
    assert [part["slice"] for part in found] == [
        "2017-10-01", "2017-10-15", "few purchases", "some purchases", "many purchases",
    ]  # fmt: skip
    assert found[0]["candidate"] is None
    assert found[1]["candidate"]["roc_auc"] == 1.0
    assert found[1]["rival"]["roc_auc"] == 0.0
    assert sum(part["rows"] for part in found[2:]) == 100
