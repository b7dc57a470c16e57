"""Learns how records are compared: how much each likeness says for one person.

Nobody labels anything. How alike strangers are is counted in a random sample of pairs; how alike
the records of one person and of one household are comes from the candidate pairs by expectation
maximisation. The result is a versioned artefact of settings and weights; the nightly run only uses
what was trained.
"""

import logging
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np

from ml.identity import comparisons, mixture
from ml.identity.comparisons import COMPARISONS, Weights

logger = logging.getLogger(__name__)

MODEL_NAME = "identity"
MIN_RECORDS = 1_000
_SAMPLED_PAIRS = 500_000
# Names of fewer records are not kept one by one: they would be somebody's.
_FREQUENT_NAME = 20


def learn(connection: duckdb.DuckDBPyConnection, start: Weights, seed: int) -> Weights:
    """Returns weights learned from the tables `standard` and `candidates`.

    Args:
        start: what is believed before, and of fields that the records lack.
        seed: draws the random sample; the same records and seed give the same weights.
    """
    records = _count(connection, "standard")
    return mixture.fit(_patterns(connection, records, seed), _with_names(connection, start), records)


def _sample_strangers(connection: duckdb.DuckDBPyConnection, records: int, seed: int) -> int:
    """Makes `sample`, random pairs that are no candidates; returns how many were drawn in all.

    The records are shuffled; each is compared with the next few after it.
    """
    steps = max(1, min(_SAMPLED_PAIRS // records, (records - 1) // 2))
    connection.execute(
        f"""
        create or replace temp table drawn as
        with shuffled as (
            select record, row_number() over (order by hash(record + {seed}), record) as place
            from standard
        )

        select
            least(one.record, other.record) as record_l,
            greatest(one.record, other.record) as record_r
        from (
            select record, (place + unnest(range({steps}))) % {records} + 1 as next_place
            from shuffled
        ) as one
        inner join shuffled as other on one.next_place = other.place
        where one.record != other.record
        """
    )
    connection.execute(
        """
        create or replace temp table sample as
        from drawn anti join candidates using (record_l, record_r)
        """
    )
    return _count(connection, "drawn")


def _with_names(connection: duckdb.DuckDBPyConnection, weights: Weights) -> Weights:
    """Returns weights with the frequencies of the names of these records."""
    rows = connection.execute(
        f"""
        with counted as (
            select name_sound, count(*) as records from standard
            where name_sound is not null
            group by name_sound
        )

        select name_sound, records / sum(records) over () as share, records >= {_FREQUENT_NAME}
        from counted order by name_sound
        """
    ).fetchall()
    rare = [share for _, share, is_frequent in rows if not is_frequent]
    return replace(
        weights,
        name_frequencies={name: share for name, share, is_frequent in rows if is_frequent},
        rare_name=sum(rare) / len(rare) if rare else weights.rare_name,
    )


def _patterns(
    connection: duckdb.DuckDBPyConnection, records: int, seed: int
) -> mixture.Patterns:
    fields = [comparison.field for comparison in COMPARISONS]
    all_pairs = records * (records - 1) / 2
    drawn = _sample_strangers(connection, records, seed)
    rows = _counted(connection, "candidates")
    sampled = _counted(connection, "sample")
    connection.execute("drop table drawn; drop table sample")
    places = {
        comparison.field: {level.name: place for place, level in enumerate(comparison.levels)}
        for comparison in COMPARISONS
    }
    strangers = {field: np.zeros(len(places[field])) for field in fields}
    for *levels, count in sampled:
        for field, level in zip(fields, levels, strict=True):
            if level in places[field]:
                strangers[field][places[field][level]] += count * all_pairs / drawn
    return mixture.Patterns(
        levels={
            field: np.array([places[field].get(row[column], -1) for row in rows], dtype=np.int64)
            for column, field in enumerate(fields)
        },
        counts=np.array([row[-1] for row in rows], dtype=np.float64),
        all_pairs=all_pairs,
        strangers=strangers,
    )


def _counted(connection: duckdb.DuckDBPyConnection, pairs: str) -> list[tuple[Any, ...]]:
    """Returns how many pairs there are of each pattern: the levels, then the count."""
    fields = ", ".join(comparison.field for comparison in COMPARISONS)
    return connection.execute(
        f"""
        select {fields}, count(*) from ({comparisons.likeness(pairs)}) as likeness
        group by all order by all
        """
    ).fetchall()


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0
