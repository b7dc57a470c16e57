from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.arrays import BoolArray, Columns, FloatArray
from ml.uplift import learner
from ml.uplift.evaluate import evaluate
from ml.uplift.qini import qini
from ml.uplift.table import TreatmentTable, read_treatment_table
from warehouse.cli import app
from warehouse.errors import LivingCrmError


def experiment(
    rows: int, seed: int, strength: float
) -> tuple[Columns, BoolArray, FloatArray, FloatArray]:
    """Returns features, treated, outcome and true effect: some are won, some driven away."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 8))
    treated = rng.uniform(size=rows) < 0.5
    plain = 0.15 + 0.4 * (x[:, 0] > 0.5)
    effect = strength * np.where(x[:, 2] > 0.7, -0.1, 0.03 + 0.1 * (x[:, 3] > 0))
    bought = rng.uniform(size=rows) < plain + treated * effect
    return {f"x{i}": x[:, i] for i in range(8)}, treated, bought.astype(np.float64), effect


def true_qini(score: FloatArray, effect: FloatArray) -> float:
    """Returns the Qini coefficient that an order would show without any chance."""
    gains = np.cumsum(effect[np.argsort(-score, kind="stable")]) / len(effect)
    return float(gains.mean() - effect.mean() / 2)


def test_the_learner_recovers_planted_effects_and_beats_the_response_model() -> None:
    features, treated, outcome, _ = experiment(12_000, 1, 1.0)
    unseen, _, _, effect = experiment(20_000, 2, 1.0)
    model = learner.fit(features, treated, outcome, seed=3)
    found = model.effect(unseen)
    best = true_qini(effect, effect)
    assert model.claims
    assert true_qini(found, effect) >= 0.8 * best
    inputs, others = (
        np.column_stack(list(of.values())).astype(np.float32) for of in (features, unseen)
    )
    response = learner.fit_outcome(inputs[treated], outcome[treated], 3).predict(others)
    assert true_qini(found, effect) > true_qini(response, effect) + 0.1 * best
    assert found.mean() == pytest.approx(effect.mean(), abs=0.015)
    harmed = found < 0
    assert (effect[harmed] < 0).mean() >= 3 * (effect < 0).mean()
    assert np.array_equal(learner.fit(features, treated, outcome, seed=3).effect(unseen), found)


def test_the_trees_keep_to_the_directions_that_are_given() -> None:
    features, treated, outcome, _ = experiment(4000, 1, 1.0)
    given = {name: features[name] for name in ("x2", "x3")}
    model = learner.fit(given, treated, outcome, seed=3, rising=("x3",), falling=("x2",))
    steps = np.linspace(-2, 2, 41, dtype=np.float32)
    for other in steps[::10]:
        fixed = np.full_like(steps, other)
        assert (np.diff(model.trees.predict(np.column_stack([steps, fixed]))) <= 0).all()
        assert (np.diff(model.trees.predict(np.column_stack([fixed, steps]))) >= 0).all()
    assert np.ptp(model.trees.predict(np.column_stack([steps, np.zeros_like(steps)]))) > 0


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_without_an_effect_none_is_claimed(seed: int) -> None:
    features, treated, outcome, _ = experiment(3000, seed, 0.0)
    found = evaluate(TreatmentTable(features, treated, outcome, ()), seed=3)
    assert not found.claims
    assert found.do_not_wake is None
    assert found.verdict.startswith("No claim")
    assert found.average_effect.low < 0 < found.average_effect.high


def test_qini_is_the_area_between_the_gains_and_the_straight_line() -> None:
    score = np.array([4.0, 3.0, 2.0, 1.0])
    treated = np.array([True, False, True, False])
    outcome = np.array([1.0, 0.0, 0.0, 1.0])
    everyone = np.ones(4)
    # Gains after each quarter: 1/2, 1/2, 1/2, 0.
    assert qini(score, treated, outcome)(everyone) == pytest.approx(0.375)
    assert qini(-score, treated, outcome)(everyone) == pytest.approx(-0.375)
    assert qini(np.zeros(4), treated, outcome)(everyone) == pytest.approx(0)


def test_text_becomes_levels_and_an_identifier_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = [
        f"p{i},{rng.choice(['north', 'south'])},7,{rng.normal():.3f},{rng.integers(2)},"
        f"{rng.integers(2)}"
        for i in range(800)
    ]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["id,region,same,score,treated,bought", *lines]))
    table = read_treatment_table(path, "treated", "bought", None)
    assert set(table.features) == {"region=north", "region=south", "score"}
    assert table.left_out == ("id",)


@pytest.mark.parametrize(
    ("change", "asked", "says"),
    [
        ({}, ["--treatment", "who", "--outcome", "y"], "no column who"),
        ({}, ["--treatment", "t", "--outcome", "t"], "both treatment and outcome"),
        ({}, ["--treatment", "t", "--outcome", "y", "--features", "y"], "y cannot be a feature"),
        ({"t": "2"}, ["--treatment", "t", "--outcome", "y"], "line 2: t is '2', not 0 or 1"),
        ({"t": "1"}, ["--treatment", "t", "--outcome", "y"], "0 control rows, 200 would do"),
        ({"y": "1"}, ["--treatment", "t", "--outcome", "y"], "outcome is 1 in every row"),
        ({"y": "x"}, ["--treatment", "t", "--outcome", "y"], "line 2: y is 'x'"),
        ({"a": "5"}, ["--treatment", "t", "--outcome", "y"], "No feature varies"),
        ({"a": "t"}, ["--treatment", "t", "--outcome", "y"], "differ in a beyond chance"),
    ],
)
def test_a_fault_of_the_table_is_named(
    tmp_path: Path, change: dict[str, str], asked: list[str], says: str
) -> None:
    rng = np.random.default_rng(2)
    lines = ["t,a,y"]
    for _ in range(1000):
        row = {"t": str(rng.integers(2)), "a": f"{rng.normal():.3f}", "y": str(rng.integers(2))}
        row |= {name: row.get(value, value) for name, value in change.items()}
        lines.append(f"{row['t']},{row['a']},{row['y']}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    result = CliRunner().invoke(app, ["evaluate-uplift", str(path), *asked])
    assert isinstance(result.exception, LivingCrmError)
    assert says in str(result.exception)
