import numpy as np

from ml import gate

RNG = np.random.default_rng(4)
TRUTH = RNG.uniform(0.05, 0.95, 3000)
HAPPENED = RNG.uniform(size=3000) < TRUTH
DULL = np.clip(TRUTH + RNG.normal(0, 0.25, 3000), 0.02, 0.98)


def judge(candidate: np.ndarray, rival: np.ndarray) -> gate.Judgement:
    return gate.judge_probability(
        candidate, {"dull": rival}, HAPPENED, max_calibration_error=0.03, seed=1
    )


def test_a_better_candidate_ships() -> None:
    found = judge(TRUTH, DULL)
    assert found.failings == ()
    assert found.verdict == "The model ships: it beats every rival, the best of them dull."


def test_an_equal_candidate_does_not_ship() -> None:
    found = judge(DULL, DULL)
    assert found.failings[0].startswith("log loss against dull +0.0000")
    assert found.failings[1].startswith("average precision against dull +0.0000")
    assert found.verdict.startswith("The best rival ships (dull)")


def test_a_candidate_of_the_better_order_but_wrong_numbers_does_not_ship() -> None:
    found = judge(TRUTH**3, DULL)
    assert any("calibration error" in failing for failing in found.failings)


def test_a_candidate_that_beats_the_rivals_but_falls_behind_the_champion_does_not_ship() -> None:
    better = np.clip(TRUTH + RNG.normal(0, 0.1, 3000), 0.02, 0.98)
    found = gate.judge_probability(
        better, {"dull": DULL}, HAPPENED, max_calibration_error=0.05, seed=1, champion=TRUTH
    )
    assert found.failings == ()
    assert [failing.split(" +")[0].split(" -")[0] for failing in found.behind] == [
        "log loss against the champion",
        "average precision against the champion",
    ]
    assert found.verdict.startswith("The champion stays, the model falls behind it: log loss")
    assert found.best_rival == "dull"


def test_a_candidate_as_good_as_the_champion_is_not_behind() -> None:
    found = gate.judge_probability(
        TRUTH, {"dull": DULL}, HAPPENED, max_calibration_error=0.03, seed=1, champion=TRUTH
    )
    assert (found.failings, found.behind) == ((), ())


def test_a_value_candidate_must_beat_every_rival() -> None:
    expected = RNG.gamma(1, 100, 2000)
    spend = expected * RNG.uniform(0.5, 1.5, 2000)
    dull = expected * RNG.uniform(0.2, 1.8, 2000)
    assert gate.judge_value(expected, {"dull": dull}, spend, seed=1).failings == ()
    twins = gate.judge_value(expected, {"dull": dull, "twin": expected}, spend, seed=1)
    assert all("twin" in failing for failing in twins.failings)
    assert twins.best_rival == "twin"
