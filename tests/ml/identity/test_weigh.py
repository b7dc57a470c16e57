"""Pairs are weighed alike however many they are."""

from typing import Any

import duckdb
import pytest

from benchmarks import simulated_persons
from ml.identity import comparisons
from ml.identity.candidates import find_candidates
from ml.identity.engine import open_engine
from ml.identity.scope import arrange_all, forget_too_many
from ml.identity.weigh import builtin_weights, weigh
from warehouse.policy import Policy

RECORDS = 1_000


@pytest.fixture
def korea(policy: Policy) -> Policy:
    identity = policy.identity.model_copy(update={"country": "KR"})
    return policy.model_copy(update={"identity": identity})


def weighed(connection: duckdb.DuckDBPyConnection, *, are_few: bool) -> list[tuple[Any, ...]]:
    weights = builtin_weights()
    weigh(connection, weights, comparisons.partners(RECORDS), 0.3, are_few=are_few)
    fields = ", ".join(weights.levels)
    return connection.execute(
        f"select record_l, record_r, {fields}, match_weight, match_probability"
        " from weighed order by 1, 2"
    ).fetchall()


def test_a_nights_few_pairs_weigh_what_splink_says(korea: Policy) -> None:
    people = simulated_persons.simulate(RECORDS)  # noqa: F841 -- DuckDB reads it by its name
    with open_engine() as connection:
        connection.execute(
            "create table records as select *, 0::bigint as record_hash, null::date as first_seen,"
            " null::integer as given_days, null::date as phone_changed,"
            " false as is_hearsay from people"
        )
        connection.execute("update records set person_name = null where rowid % 10 = 0")
        arrange_all(connection, korea)
        forget_too_many(connection)
        find_candidates(connection)
        by_splink = weighed(connection, are_few=False)
        written_out = weighed(connection, are_few=True)
    assert len(by_splink) > RECORDS / 2
    assert [row[:-2] for row in written_out] == [row[:-2] for row in by_splink]
    for row, same in zip(written_out, by_splink, strict=True):
        assert row[-2:] == pytest.approx(same[-2:], abs=1e-9)
