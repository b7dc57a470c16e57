import numpy as np
import pytest

from ml.features import LabelledRows
from ml.rivals.contract import INPUTS
from ml.soundness import require_sound
from warehouse.errors import UnsoundData

RNG = np.random.default_rng(3)
ROWS = 400
HAPPENED = RNG.uniform(size=ROWS) < 0.3
FEATURES = ("recency_days", "spend_84d", "age_level")


def rows(**columns: np.ndarray) -> LabelledRows:
    """Returns honest rows, with `columns` in the place of theirs."""
    names = dict.fromkeys((*INPUTS, *FEATURES))
    honest = {name: RNG.normal(size=ROWS) for name in names}
    return LabelledRows(
        days=np.full(ROWS, np.datetime64("2017-01-01")),
        persons=np.arange(ROWS),
        happened=HAPPENED,
        columns={**honest, **columns},
    )


def test_honest_rows_are_sound() -> None:
    found = require_sound(rows(), FEATURES, INPUTS)
    assert (found.unknown, found.constant) == ((), ())


@pytest.mark.parametrize(
    "leak",
    [
        HAPPENED.astype(float),
        -3 * HAPPENED + RNG.normal(0, 0.1, ROWS),
        # Known only of those to whom it happened.
        np.where(HAPPENED, 1.0, np.nan),
    ],
)
def test_a_feature_that_gives_the_outcome_away_is_refused_by_name(leak: np.ndarray) -> None:
    with pytest.raises(UnsoundData, match=r"spend_84d \(1\.000\) tells the outcome apart"):
        require_sound(rows(spend_84d=leak), FEATURES, INPUTS)


def test_a_good_feature_is_no_leak() -> None:
    require_sound(rows(spend_84d=HAPPENED + RNG.normal(0, 0.5, ROWS)), FEATURES, INPUTS)


def test_constant_and_unknown_features_are_named_while_others_are_left() -> None:
    found = require_sound(
        rows(spend_84d=np.full(ROWS, 7.0), age_level=np.full(ROWS, np.nan)), FEATURES, INPUTS
    )
    assert (found.unknown, found.constant) == (("age_level",), ("spend_84d",))


def test_constant_and_unknown_features_alone_are_refused() -> None:
    with pytest.raises(UnsoundData, match="None of 2 features tells customers apart: 1 are the"):
        require_sound(
            rows(spend_84d=np.full(ROWS, 7.0), age_level=np.full(ROWS, np.nan)),
            ("spend_84d", "age_level"),
            INPUTS,
        )


def test_purchases_that_are_unknown_are_refused() -> None:
    unknown = np.where(np.arange(ROWS) < 5, np.nan, 1.0)
    with pytest.raises(UnsoundData, match=r"5 rows .* have no purchase_day_count"):
        require_sound(rows(purchase_day_count=unknown), FEATURES, INPUTS)
