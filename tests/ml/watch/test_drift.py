import numpy as np
import pytest

from ml.watch.drift import MAX_BATCH_ROWS, Reference, Tally

RNG = np.random.default_rng(8)
THEN = RNG.normal(size=5000)


def test_the_same_spread_has_no_drift_and_another_one_has() -> None:
    reference = Reference.of(THEN)
    assert reference.psi(reference.counts(RNG.normal(size=5000))) < 0.02
    assert reference.psi(reference.counts(RNG.normal(1, 1, 5000))) > 0.5


def test_the_index_is_the_one_worked_out_by_hand() -> None:
    reference = Reference(edges=(0.0,), shares=(0.5, 0.5, 0.0))
    expected = (0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5)
    assert reference.psi(np.array([80.0, 20.0, 0.0])) == pytest.approx(expected)


def test_becoming_unknown_is_drift_too() -> None:
    reference = Reference.of(THEN)
    half = np.where(np.arange(5000) % 2 == 0, np.nan, THEN)
    assert reference.psi(reference.counts(half)) > 1


def test_a_value_that_was_always_the_same_can_drift() -> None:
    reference = Reference.of(np.full(100, 3.0))
    assert reference.psi(reference.counts(np.full(50, 3.0))) == pytest.approx(0, abs=0.01)
    assert reference.psi(reference.counts(np.full(50, 4.0))) > 1


def test_what_was_known_of_nobody_can_drift() -> None:
    reference = Reference.of(np.full(100, np.nan))
    assert reference.psi(reference.counts(np.full(50, np.nan))) == pytest.approx(0, abs=0.01)
    assert reference.psi(reference.counts(np.full(50, 4.0))) > 1


def test_batches_count_as_the_whole_does_and_great_ones_by_chosen_rows() -> None:
    document = {"x": Reference.of(THEN).as_json()}
    whole, parts, great = Tally(document), Tally(document), Tally(document)
    whole.add({"x": THEN})
    parts.add({"x": THEN[:1000]})
    parts.add({"x": THEN[1000:]})
    great.add({"x": np.tile(THEN, 20)})
    assert whole.psi() == parts.psi()
    assert great.rows == MAX_BATCH_ROWS
    assert great.psi()["x"] < 0.05
