import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from ml import artefacts, registry
from ml.value.score import score_values
from ml.value.train import train
from tests.ml.value.world import AS_OF, TONIGHT, World
from warehouse.connections import connect_arrow
from warehouse.context import RunContext
from warehouse.errors import ModelError


def _tonight(context: RunContext, day: date = TONIGHT) -> RunContext:
    return replace(context, as_of=day, run_id="night")


def _score(context: RunContext, stale: Mapping[str, str] | None = None) -> dict[str, Any]:
    with context.connection() as connection, closing(connect_arrow(context.url)) as reader:
        return score_values(context, connection, reader, stale or {})


def _all(context: RunContext, query: str) -> list[tuple[Any, ...]]:
    with context.connection() as connection:
        return connection.execute(query).fetchall()


_VALUES = "select * from ml.customer_values order by as_of_date, person_id"


def test_every_live_and_lapsed_customer_gets_a_value_within_its_interval(
    learned: RunContext,
) -> None:
    facts = _score(_tonight(learned))
    assert facts["value_kind"] == "xgboost"
    ((known,),) = _all(
        learned,
        "select count(*) from features.ftr_customers where as_of_date = '2017-11-30'"
        " and population in ('live', 'lapsed')",
    )
    assert facts["value_rows"] == known
    rows = _all(
        learned,
        "select expected_spend, low_spend, high_spend, baseline_spend, past_year_spend, spend_365d,"
        " horizon_days from ml.customer_values"
        " inner join features.ftr_customers using (person_id, as_of_date)",
    )
    assert len(rows) == known
    for expected, low, high, baseline, past, spent, horizon in rows:
        assert 0 <= low <= expected <= high
        assert baseline >= 0
        assert past == pytest.approx(spent, abs=0.01)
        assert horizon == 365
    assert any(expected != baseline for expected, _, _, baseline, *_ in rows)


def test_scoring_again_gives_the_same_values(learned: RunContext) -> None:
    _score(_tonight(learned))
    before = _all(learned, _VALUES)
    _score(_tonight(learned))
    assert _all(learned, _VALUES) == before


def test_classes_are_shares_of_the_customers_by_rank(learned: RunContext) -> None:
    facts = _score(_tonight(learned))
    size = facts["value_rows"]
    for kind, spend in (("future", "expected_spend"), ("past", "past_year_spend")):
        found = {
            name: (count, least)
            for name, count, least in _all(
                learned,
                f"select {kind}_class, count(*), min({spend}) from ml.customer_values group by 1",
            )
        }
        assert list(learned.policy.value_classes) == ["super_prime", "prime", "core", "standard"]
        assert found["super_prime"][0] == -(-size // 100)
        assert found["super_prime"][0] + found["prime"][0] == pytest.approx(0.1 * size, abs=1)
        assert found["super_prime"][1] >= found["prime"][1] >= found["core"][1]


def test_who_spent_alike_is_in_the_same_class(learned: RunContext) -> None:
    _score(_tonight(learned))
    assert _all(
        learned,
        "select count(distinct past_class) from ml.customer_values where past_year_spend = 0",
    ) == [(1,)]


def test_small_today_and_large_tomorrow_is_marked(learned: RunContext) -> None:
    _score(_tonight(learned))
    places = {name: place for place, name in enumerate(learned.policy.value_classes)}
    rows = _all(learned, "select future_class, past_class, is_rising from ml.customer_values")
    assert all(rising == (places[future] < places[past]) for future, past, rising in rows)
    assert {rising for *_, rising in rows} == {True, False}


def test_who_rests_on_stale_data_gets_no_value_and_is_listed(learned: RunContext) -> None:
    facts = _score(_tonight(learned))
    ((person,),) = _all(learned, "select min(person_id) from ml.customer_values")
    fewer = _score(_tonight(learned), {person: "shop"})
    assert fewer["value_rows"] == facts["value_rows"] - 1
    assert _all(learned, "select score_name, person_id, cause, detail from ml.abstentions") == [
        ("value", person, "stale", "shop")
    ]
    _score(_tonight(learned))
    assert _all(learned, "select count(*) from ml.abstentions") == [(0,)]


def test_with_too_little_history_the_baseline_is_published_with_its_interval(
    base_of: Callable[[World], RunContext],
) -> None:
    context = base_of(World(customers=150, history_days=500))
    assert train(context).facts["outcome"] == "refused"
    facts = _score(_tonight(context))
    assert (facts["value_version"], facts["value_kind"]) == ("rule-1", "rule")
    rows = _all(
        context,
        "select expected_spend, baseline_spend, low_spend, high_spend from ml.customer_values",
    )
    assert len(rows) == facts["value_rows"] > 50
    assert all(low <= expected <= high for expected, _, low, high in rows)
    assert all(expected == baseline for expected, baseline, *_ in rows)
    assert any(low < high for *_, low, high in rows)


def test_where_nobody_has_bought_there_are_no_values_and_the_night_says_why(
    base_of: Callable[[World], RunContext],
) -> None:
    context = base_of(World(customers=20))
    with context.connection() as connection:
        connection.execute("delete from features.ftr_customers")
    facts = _score(_tonight(context))
    assert facts == {"value_rows": 0, "value_refused": "Nobody has bought yet."}


def _of(context: RunContext, version: str) -> list[tuple[Any, ...]]:
    return _all(
        context,
        "select person_id, expected_spend, low_spend, high_spend, future_class"
        f" from ml.customer_values where model_version = '{version}' order by 1, 2",
    )


@pytest.fixture
def twice(learned: RunContext) -> Any:
    """A later version in force from TONIGHT + 1 on; taken back afterwards."""
    with learned.connection() as connection:
        first = registry.champion_for(connection, "value", TONIGHT)
        assert first is not None
        stored = artefacts.load(learned.settings.models_dir, first)
        known = stored.manifest["spread"]
        spread = {**known, "high": [9.0 for _ in known["high"]]}
        contents = {**stored.manifest, "spread": spread}
        item = artefacts.make("xgboost", TONIGHT, contents, stored.model)
        path = artefacts.save(learned.settings.models_dir, "value", item)
        registry.register(connection, "value", item, path, metrics={}, verdict="later")
        registry.promote(connection, "value", item.version, TONIGHT)
    yield learned, first.version, item.version
    with learned.connection() as connection:
        connection.execute("delete from ml.champions where in_force_from > %s", (TONIGHT,))
        for table in ("ml.customer_values", "features.ftr_customers"):
            connection.execute(f"delete from {table} where as_of_date > '{TONIGHT}'".encode())
        connection.execute("delete from ml.model_versions where version = %s", (item.version,))
        registry.promote(connection, "value", first.version, AS_OF)
    shutil.rmtree(learned.settings.models_dir / path)


def test_after_a_rollback_the_values_are_those_of_the_version_before(
    twice: tuple[RunContext, str, str],
) -> None:
    learned, first, second = twice
    tomorrow = TONIGHT + timedelta(days=1)
    _score(_tonight(learned))
    before = _of(learned, first)
    assert before
    with learned.connection() as connection:
        # The same customers a day later, so that only the version makes a difference.
        connection.execute(
            "create temporary table moved as select * from features.ftr_customers"
            " where as_of_date = %s",
            (TONIGHT,),
        )
        connection.execute("update moved set as_of_date = %s", (tomorrow,))
        connection.execute("insert into features.ftr_customers select * from moved")
    _score(_tonight(learned, tomorrow))
    assert _of(learned, second) != before
    with learned.connection() as connection:
        assert registry.rollback(connection, "value", tomorrow) == first
    _score(_tonight(learned, tomorrow))
    assert _of(learned, first) == sorted([*before, *before])


def test_a_retired_model_gives_way_to_the_baseline(
    twice: tuple[RunContext, str, str],
) -> None:
    learned, *_ = twice
    with learned.connection() as connection:
        registry.retire(connection, "value", TONIGHT + timedelta(days=2))
        with pytest.raises(ModelError, match=r"There is no model 'worth'.*Trained were: value"):
            registry.retire(connection, "worth", TONIGHT)
        assert registry.champion_for(connection, "value", TONIGHT + timedelta(days=2)) is None


def test_a_damaged_artefact_fails_with_the_remedy_and_keeps_the_values(
    learned: RunContext,
) -> None:
    _score(_tonight(learned))
    before = _all(learned, _VALUES)
    (file,) = learned.settings.models_dir.glob("value/*/model.ubj")
    intact = file.read_bytes()
    file.write_bytes(intact[:-1] + b"?")
    try:
        with pytest.raises(ModelError, match=r"does not match its checksum.*Restore the folder"):
            _score(_tonight(learned))
    finally:
        file.write_bytes(intact)
    assert _all(learned, _VALUES) == before


def test_the_model_is_not_in_force_on_the_day_it_was_trained_as_of(learned: RunContext) -> None:
    with learned.connection() as connection:
        assert registry.champion_for(connection, "value", AS_OF) is None
