import numpy as np

from ml import rules
from ml.models import model_spec


def test_a_fitted_rule_gives_back_the_rates_it_saw() -> None:
    rng = np.random.default_rng(1)
    measured = rng.uniform(0, 10, 20_000)
    happened = rng.uniform(size=20_000) < measured / 10
    rule = rules.fit(measured, happened)
    asked = np.array([1.0, 5.0, 9.0])
    assert np.allclose(rule.probability(asked), asked / 10, atol=0.03)


def test_an_unknown_number_gets_the_rate_of_the_unknown() -> None:
    measured = np.array([1.0] * 10 + [np.nan] * 8)
    happened = np.array([False] * 10 + [True] * 8)
    rule = rules.fit(measured, happened)
    assert rule.probability(np.array([np.nan, 1.0])).tolist() == [0.9, round(1 / 12, 6)]


def test_an_unknown_number_never_seen_before_gets_the_overall_rate() -> None:
    rule = rules.fit(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, False]))
    assert rule.probability(np.array([np.nan])).tolist() == [0.5]


def test_a_rule_with_nothing_known_gives_one_rate_to_all() -> None:
    rule = rules.fit(np.full(6, np.nan), np.array([True, True, True, False, False, False]))
    assert rule.probability(np.array([np.nan, 4.0])).tolist() == [0.5, 0.5]


def test_a_fitted_rule_survives_json() -> None:
    rule = rules.fit(np.arange(100.0), np.arange(100) % 3 == 0)
    assert rules.FittedRule.from_json(rule.as_json()) == rule


def test_the_plain_rules_order_customers_as_a_clerk_would() -> None:
    churn, winback = model_spec("churn").plain, model_spec("winback").plain
    weeks = {"active_weeks_84d": np.array([1.0, 4.0])}
    assert churn.probability(weeks, 28).tolist() == [0.5, 0.2]
    silence = {"recency_days": np.array([28.0, 84.0])}
    assert winback.probability(silence, 28).tolist() == [0.5, 0.25]
