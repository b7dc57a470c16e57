import importlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any

import numpy as np
import psycopg
import pytest

from ml import artefacts, registry
from ml.features import read_population
from ml.models import model_spec
from ml.reasons import ReasonGroup
from ml.rivals.catalogue import PROBABILITY_RIVALS
from ml.rivals.contract import INPUTS
from ml.score import score, warm_up
from ml.scorers import scorer_of
from ml.service_vocabulary import COMPLAINT
from ml.train import train
from ml.vocabulary import BREADTH, DISCOUNT
from tests.ml.conftest import TONIGHT
from tests.ml.world import AS_OF, FEATURES, World
from warehouse.connections import connect_arrow
from warehouse.context import RunContext
from warehouse.errors import ModelError, WarehouseError


def _scores(context: RunContext) -> list[tuple[Any, ...]]:
    with context.connection() as connection:
        return connection.execute(
            "select * from ml.customer_scores order by as_of_date, score_name, person_id"
        ).fetchall()


def _all(context: RunContext, query: str) -> list[tuple[Any, ...]]:
    with context.connection() as connection:
        return connection.execute(query).fetchall()


def test_every_live_and_lapsed_customer_is_scored_once(trained: RunContext) -> None:
    report = score(trained)
    assert report.rows == World().live + World().lapsed
    assert _all(
        trained,
        """
        select scores.score_name, customers.population, count(*), count(distinct person_id)
        from ml.customer_scores as scores
        inner join features.ftr_customers as customers using (person_id, as_of_date)
        group by 1, 2 order by 1
        """,
    ) == [
        ("churn", "live", World().live, World().live),
        ("winback", "lapsed", World().lapsed, World().lapsed),
    ]


def test_scoring_again_gives_the_same_rows(trained: RunContext) -> None:
    score(trained)
    before = _scores(trained)
    score(trained)
    assert _scores(trained) == before


def test_percentiles_follow_the_probabilities_from_zero_to_one(trained: RunContext) -> None:
    score(trained)
    for (name,) in _all(trained, "select distinct score_name from ml.customer_scores"):
        rows = _all(
            trained,
            "select probability, percentile from ml.customer_scores"
            f" where score_name = '{name}' order by percentile, probability",
        )
        assert rows == sorted(rows)
        assert rows[0][1] == 0
        assert rows[-1][1] > 0.98


@pytest.mark.parametrize(
    ("score_name", "planted", "group"),
    [
        (
            "churn",
            "discount_share_84d > 0.75 and recency_over_gap < 1.5 and case_count_168d = 0",
            DISCOUNT,
        ),
        ("churn", "case_count_168d > 0", COMPLAINT),
        ("winback", "department_count_84d > 10", BREADTH),
    ],
)
def test_the_planted_cause_is_named_first(
    trained: RunContext, score_name: str, planted: str, group: ReasonGroup
) -> None:
    score(trained)
    firsts = _all(
        trained,
        f"""
        select split_part(reason_1, ':', 1)
        from ml.customer_scores as scores
        inner join features.ftr_customers as customers using (person_id, as_of_date)
        where score_name = '{score_name}' and {planted}
        """,
    )
    assert len(firsts) > 20
    codes = {phrase.code for phrase in group.phrases}
    assert sum(first in codes for (first,) in firsts) >= 0.9 * len(firsts)


@pytest.mark.parametrize(
    ("score_name", "planted"),
    [("churn", "discount_share_84d > 0.7"), ("winback", "department_count_84d > 9")],
)
def test_whoever_has_the_planted_cause_gets_the_higher_probability(
    trained: RunContext, score_name: str, planted: str
) -> None:
    score(trained)
    ((with_cause, without),) = _all(
        trained,
        f"""
        select
            avg(probability) filter (where {planted}),
            avg(probability) filter (where not {planted})
        from ml.customer_scores as scores
        inner join features.ftr_customers as customers using (person_id, as_of_date)
        where score_name = '{score_name}'
        """,
    )
    assert with_cause > 2 * without


def test_what_is_the_same_for_everybody_is_nobodys_reason(trained: RunContext) -> None:
    score(trained)
    assert _all(
        trained,
        "select count(*) from ml.customer_scores where concat(reason_1, reason_2, reason_3)"
        " like '%season:%'",
    ) == [(0,)]


def test_a_broken_rhythm_is_said_with_its_days(trained: RunContext) -> None:
    score(trained)
    rows = _all(
        trained,
        """
        select reason_1, recency_days, average_gap_days
        from ml.customer_scores as scores
        inner join features.ftr_customers as customers using (person_id, as_of_date)
        where score_name = 'churn' and recency_over_gap > 4 and discount_share_84d < 0.6
            and case_count_168d = 0
        """,
    )
    assert rows
    for reason, recency, gap in rows:
        assert reason == (
            f"rhythm_broken: {recency:.0f} days since the last purchase, usually every {gap:.0f}"
        )


def test_reasons_are_korean_where_the_policy_says_so(trained: RunContext) -> None:
    score(replace(trained, policy=trained.policy.model_copy(update={"language": "ko"})))
    texts = _all(trained, "select reason_1 from ml.customer_scores where reason_1 like 'rhythm%'")
    assert texts and all("마지막 구매" in text for (text,) in texts)


def test_a_missing_feature_stops_the_scoring_and_keeps_the_scores(
    world_of: Callable[[World], RunContext],
) -> None:
    training = world_of(World())
    train(training, "churn")
    tonight = replace(training, as_of=TONIGHT)
    score(tonight)
    before = _scores(tonight)
    with tonight.connection() as connection:
        connection.execute("alter table features.ftr_customers drop column weekend_share_84d")
    with pytest.raises(ModelError, match="lacks weekend_share_84d"):
        score(tonight)
    assert _scores(tonight) == before
    with tonight.connection() as connection:
        connection.execute("alter table features.ftr_customers add weekend_share_84d text")
    with pytest.raises(ModelError, match=r"weekend_share_84d \(text\)"):
        score(tonight)


def test_unknown_features_stay_unknown(world_of: Callable[[World], RunContext]) -> None:
    tonight = replace(world_of(World(live=20, lapsed=20)), as_of=TONIGHT)
    with tonight.connection() as connection:
        connection.execute(
            "update features.ftr_customers set average_gap_days = null, recency_over_gap = null"
        )
    score(tonight)
    assert _all(
        tonight,
        "select distinct split_part(reason_1, ':', 1) from ml.customer_scores"
        " where score_name = 'winback'",
    ) == [("rhythm_unknown",)]
    assert _all(
        tonight,
        """
        select bool_and(abs(probability - 28 / (28 + recency_days)) < 1e-6)
        from ml.customer_scores
        inner join features.ftr_customers using (person_id, as_of_date)
        where score_name = 'winback'
        """,
    ) == [(True,)]


def _withheld(context: RunContext) -> list[tuple[Any, ...]]:
    return _all(
        context,
        "select score_name, person_id, cause, detail from ml.abstentions"
        " order by score_name, person_id",
    )


def test_who_lacks_what_the_plain_rule_needs_gets_no_score_and_is_listed(
    world_of: Callable[[World], RunContext],
) -> None:
    tonight = replace(world_of(World(live=20, lapsed=20)), as_of=TONIGHT)
    with tonight.connection() as connection:
        connection.execute(
            "update features.ftr_customers set active_weeks_84d = null"
            " where person_id = 'P10000000'"
        )
    report = score(tonight)
    assert (report.facts["churn_rows"], report.facts["churn_abstained"]) == (19, 1)
    assert _withheld(tonight) == [("churn", "P10000000", "unknown", "active_weeks_84d")]
    score(tonight)
    assert len(_withheld(tonight)) == 1


def test_who_rests_on_a_source_that_told_nothing_for_too_long_gets_no_score(
    world_of: Callable[[World], RunContext],
) -> None:
    tonight = replace(world_of(World(live=3, lapsed=2)), as_of=TONIGHT)
    with tonight.connection() as connection:
        connection.execute(
            """
            insert into identity.person_links (source, source_customer_id, person_id, evidence,
                linked_at_run, linked_as_of_date)
            values
            ('shop', '1', 'P10000001', 'exact_key', 'night', '2017-11-01'),
            ('shop', '2', 'P10000004', 'exact_key', 'night', '2017-11-01'),
            -- Its demographics are old, its purchases are not.
            ('crm', '3', 'P10000002', 'exact_key', 'night', '2017-11-01');
            insert into ops.source_status
                (as_of_date, source, table_name, age_hours, promised_within_hours, rows_loaded,
                rows_rejected, status)
            values
            ('2017-11-30', 'shop', 'baskets', 169, 24, 0, 0, 'stale'),
            ('2017-11-30', 'crm', 'demographics', 900, 24, 0, 0, 'stale')
            """
        )
    score(tonight)
    assert _withheld(tonight) == [
        ("churn", "P10000001", "stale", "shop"),
        ("value", "P10000001", "stale", "shop"),
        ("value", "P10000004", "stale", "shop"),
        ("winback", "P10000004", "stale", "shop"),
    ]


def test_a_model_gives_no_score_where_too_much_of_the_usual_is_unknown(
    trained: RunContext,
) -> None:
    usual = [name for name in FEATURES if name not in INPUTS]
    nulls = ", ".join(f"{name} = null" for name in usual[: len(usual) // 3])
    with trained.connection() as connection:
        connection.execute("create table kept as select * from features.ftr_customers")
        connection.execute(
            "update features.ftr_customers set household_size = null"
            " where person_id = 'P10000001';"
            f"update features.ftr_customers set {nulls} where person_id = 'P10000000'".encode()
        )
    try:
        score(trained)
        assert [row[:3] for row in _withheld(trained)] == [("churn", "P10000000", "unknown")]
        assert _withheld(trained)[0][3].endswith(f"and {len(usual) // 3 - 3} more")
    finally:
        with trained.connection() as connection:
            connection.execute(
                "truncate features.ftr_customers;"
                "insert into features.ftr_customers select * from kept; drop table kept"
            )


def test_a_category_never_seen_in_training_gets_a_score_like_the_nearest(
    trained: RunContext,
) -> None:
    with trained.connection() as connection:
        champion = registry.champion_for(connection, "churn", TONIGHT)
    assert champion
    scorer = scorer_of(
        model_spec("churn"), artefacts.load(trained.settings.models_dir, champion), 28
    )
    with closing(connect_arrow(trained.url)) as reader:
        ((_, columns),) = read_population(reader, "live", TONIGHT, scorer.features)
    highest = {**columns, "age_level": np.full(World().live, 50.0)}
    unseen = {**columns, "age_level": np.full(World().live, 1e9)}
    found = scorer.probability(unseen)
    assert ((found > 0) & (found < 1)).all()
    assert (found == scorer.probability(highest)).all()


def test_without_a_model_the_plain_rule_scores_and_says_so(
    world_of: Callable[[World], RunContext],
) -> None:
    tonight = replace(world_of(World(live=20, lapsed=20)), as_of=TONIGHT)
    report = score(tonight)
    assert report.facts["churn_version"] == "rule-1"
    assert report.facts["winback_calibrated"] == "no"
    assert _all(
        tonight,
        "select distinct model_version, model_kind, is_calibrated, reason_1 is null"
        " from ml.customer_scores",
    ) == [("rule-1", "rule", False, False)]


def test_a_fitted_rule_that_ships_scores_calibrated(
    world_of: Callable[[World], RunContext],
) -> None:
    training = world_of(World())
    # A gate that nothing passes: the rule ships.
    harsh = training.policy.training.model_copy(update={"max_calibration_error": 0.0})
    training = replace(training, policy=training.policy.model_copy(update={"training": harsh}))
    assert train(training, "winback").facts["outcome"] == "rule"
    report = score(replace(training, as_of=TONIGHT))
    assert report.facts["winback_kind"] == "rule"
    assert report.facts["winback_calibrated"] == "yes"
    version = str(report.facts["winback_version"])
    assert version.startswith("2017-11-29-")
    assert any(f"-{rival.name}-" in version for rival in PROBABILITY_RIVALS)


def test_a_population_of_nobody_gives_no_scores(world_of: Callable[[World], RunContext]) -> None:
    tonight = replace(world_of(World(live=20, lapsed=0)), as_of=TONIGHT)
    report = score(tonight)
    assert report.facts["winback_rows"] == 0
    assert report.rows == 20


def test_a_day_without_features_is_an_error(world_of: Callable[[World], RunContext]) -> None:
    tonight = replace(world_of(World(live=5, lapsed=5)), as_of=date(2017, 12, 1))
    with pytest.raises(WarehouseError, match="nothing for 2017-12-01"):
        score(tonight)


def test_a_model_of_another_horizon_is_an_error(trained: RunContext) -> None:
    longer = trained.policy.model_copy(update={"horizon_days": 56})
    with pytest.raises(ModelError, match="looks 28 days ahead, the policy asks for 56"):
        score(replace(trained, policy=longer))


def test_the_batch_a_customer_is_in_does_not_change_the_score(
    trained: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(trained)
    before = _scores(trained)
    monkeypatch.setattr("ml.features._BATCH_BYTES", 32 * 1024)
    score(trained)
    assert _scores(trained) == before


def test_a_model_is_not_in_force_on_the_day_it_was_trained_as_of(trained: RunContext) -> None:
    with psycopg.connect(trained.url) as connection:
        assert registry.champion_for(connection, "churn", date(2017, 11, 29)) is None
        assert registry.champion_for(connection, "churn", TONIGHT) is not None


def test_xgboost_is_warmed_up_only_where_a_model_of_its_kind_is_in_force(
    trained: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = importlib.import_module

    def listening(name: str) -> ModuleType:
        asked.append(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", listening)
    warm_up(replace(trained, as_of=AS_OF))  # from the next day on
    assert "scipy.linalg" in asked
    assert "xgboost" not in asked
    warm_up(trained)
    assert "xgboost" in asked
