"""Learns how records are compared: how much each likeness says for one person.

Nobody labels anything. How alike strangers are is counted in a random sample of pairs; how alike
the records of one person and of one household are comes from the candidate pairs by expectation
maximisation. The result is a versioned artefact of settings and weights; the nightly run only uses
what was trained.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import logging
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np

from ml import artefacts, registry
from ml.identity import comparisons, mixture
from ml.identity.candidates import find_candidates
from ml.identity.comparisons import COMPARISONS, Weights
from ml.identity.engine import count_rows, open_engine
from ml.identity.scope import arrange_all, forget_too_many
from ml.identity.store import open_store
from ml.identity.weigh import MODEL_NAME, builtin_weights
from warehouse.context import RunContext, StepReport

logger = logging.getLogger(__name__)

# Fewer records show too few pairs of one person to learn from.
MIN_RECORDS = 1_000
MIN_MATCHES = 200
_SAMPLED_PAIRS = 500_000
# Names of fewer records are not kept one by one: they would be somebody's.
_FREQUENT_NAME = 20


def train(context: RunContext) -> StepReport:
    """Learns weights from all records of the day and puts them in force from the next day on.

    With too few records, or hardly a pair of one person among them, what is in force stays.

    Returns:
        The records learned from; the matches found among them and the version as facts.

    Raises:
        WarehouseError: the unioned person records are not built.
    """
    with open_store(context) as store, open_engine() as connection:
        store.read_all_records(connection)
        arrange_all(connection, context.policy)
        records = count_rows(connection, "standard")
        if records < MIN_RECORDS:
            return registry.refuse(
                context,
                MODEL_NAME,
                f"{records} records, at least {MIN_RECORDS} needed",
                rows=records,
            )
        forget_too_many(connection)
        find_candidates(connection)
        weights = learn(connection, builtin_weights(), context.policy.training.seed)
    matches = round(weights.matches_per_record * records)
    if matches < MIN_MATCHES:
        return registry.refuse(
            context, MODEL_NAME, f"{matches} matches, at least {MIN_MATCHES} needed", rows=records
        )
    return _put_in_force(context, weights, records, matches)


def _put_in_force(context: RunContext, weights: Weights, records: int, matches: int) -> StepReport:
    metrics = {
        "records": records,
        "matches_per_record": weights.matches_per_record,
        "housemates_per_record": weights.housemates_per_record,
    }
    contents = {
        "settings": comparisons.settings(weights, comparisons.partners(records)),
        "weights": weights.to_json(),
        "metrics": metrics,
    }
    item = artefacts.make("weights", context.as_of, contents, None)
    path = artefacts.save(context.settings.models_dir, MODEL_NAME, item)
    verdict = f"learned from {records} records, {matches} matches among them"
    with context.connection() as connection:
        registry.register(connection, MODEL_NAME, item, path, metrics=metrics, verdict=verdict)
        registry.promote(connection, MODEL_NAME, item.version, context.as_of)
        registry.record_training(
            connection, MODEL_NAME, context.as_of, "promoted",
            version=item.version, reason=verdict, metrics=metrics,
        )  # fmt: skip
    logger.info("identity: version %s %s", item.version, verdict)
    return StepReport(rows=records, facts={"matches": matches, "version": item.version})


def learn(
    connection: duckdb.DuckDBPyConnection,
    start: Weights,
    seed: int,
    *,
    across_sources: bool = False,
) -> Weights:
    """Returns weights learned from the tables `standard` and `candidates`.

    Args:
        start: what is believed before, and of fields that the records lack.
        seed: draws the random sample; the same records and seed give the same weights.
        across_sources: only pairs of two sources count, as no source holds a person twice. Then
            who shares a home within a source is of one household, and across them as many are.
    """
    records = count_rows(connection, "standard")
    all_pairs = count_pairs(connection, across_sources=across_sources)
    drawn = _sample_strangers(connection, records, seed, across_sources=across_sources)
    patterns = _patterns(connection, all_pairs, drawn)
    if across_sources:
        patterns = replace(patterns, housemates=_count_housemates(connection))
    return mixture.fit(patterns, _with_names(connection, start), records)


def count_pairs(connection: duckdb.DuckDBPyConnection, *, across_sources: bool = False) -> float:
    """Returns how many pairs the records of `standard` make, of two sources or any."""
    sizes = [
        size
        for (size,) in connection.execute(
            "select count(*) from standard group by source"
        ).fetchall()
    ]
    total = sum(sizes)
    within = sum(size * (size - 1) for size in sizes) if across_sources else 0
    return float(total * (total - 1) - within) / 2


def _count_housemates(connection: duckdb.DuckDBPyConnection) -> float:
    """Returns how many pairs of records of the same source share a home; at least a half."""
    row = connection.execute(
        """
        with homes as (
            select source, unnest(homes) as home, record from standard
        ),

        shared as (
            select source, home, count(*) as records from homes
            group by source, home having count(*) between 2 and 10
        )

        select coalesce(sum(records * (records - 1) / 2), 0) from shared
        """
    ).fetchone()
    return max(float(row[0]) if row else 0.0, 0.5)


def _sample_strangers(
    connection: duckdb.DuckDBPyConnection, records: int, seed: int, *, across_sources: bool
) -> int:
    """Makes `sample`, random pairs that are no candidates; returns how many were drawn in all.

    The records are shuffled; each is compared with the next few after it.
    """
    steps = max(1, min(_SAMPLED_PAIRS // records, (records - 1) // 2))
    connection.execute(
        f"""
        create or replace temp table drawn as
        with shuffled as (
            select
                record,
                source,
                row_number() over (order by hash(record + {seed}), record) as place
            from standard
        )

        select
            least(one.record, other.record) as record_l,
            greatest(one.record, other.record) as record_r
        from (
            select record, source, (place + unnest(range({steps}))) % {records} + 1 as next_place
            from shuffled
        ) as one
        inner join shuffled as other on one.next_place = other.place
        where one.record != other.record
            and (one.source != other.source or not {across_sources})
        """
    )
    connection.execute(
        """
        create or replace temp table sample as
        from drawn anti join candidates using (record_l, record_r)
        """
    )
    return count_rows(connection, "drawn")


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
    connection: duckdb.DuckDBPyConnection, all_pairs: float, drawn: int
) -> mixture.Patterns:
    fields = [comparison.field for comparison in COMPARISONS]
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
