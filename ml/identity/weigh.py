"""Weighs candidate pairs with Splink, against strangers and against people of one household."""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import json
import logging
from importlib.resources import files
from math import log2

import duckdb
import pyarrow as pa

from ml.identity import comparisons
from ml.identity.comparisons import Weights
from ml.identity.loose import find_rivals

MODEL_NAME = "identity"
BUILTIN = "builtin"


def builtin_weights() -> Weights:
    """Returns the weights that come with the package."""
    text = files("ml.identity").joinpath("builtin_weights.json").read_text(encoding="utf-8")
    return Weights.from_json(json.loads(text))


def weigh(
    connection: duckdb.DuckDBPyConnection,
    weights: Weights,
    partners: float,
    least: float,
    *,
    are_few: bool = False,
) -> None:
    """Makes the table `weighed` of the tables `standard` and `candidates`.

    Columns: record_l, record_r, match_weight (log2 of the odds), match_probability, for each field
    the level it falls into, and doubt, in words why the pair is no link, null where it may be one.

    Args:
        partners: how many pairs there are for each record, `standard` may hold only some.
        least: pairs of a smaller probability are left out.
        are_few: a night's pairs are weighed sooner than Splink has started, so Splink's formula is
            written out for them; the weights are the same.
    """
    _find_name_frequencies(connection, weights)
    against_strangers = _against_strangers if are_few else _predicted_by_splink
    against_strangers(connection, weights, partners, least)
    find_rivals(connection)
    against_household = comparisons.weight_against(weights, "household", partners)
    connection.execute(
        f"""
        create or replace table weighed as
        with explained as (
            select
                likely.* exclude (match_weight),
                pow(2, -likely.match_weight) as strangers,
                rivals.doubt,
                -- A record without a name is anybody's who holds the contact, and perhaps of one
                -- more, whom nobody has named.
                coalesce(
                    rivals.others + (rivals.doubt is not null)::integer,
                    pow(2, -({against_household}))
                ) as others
            from likely
            left join rivals using (record_l, record_r)
        )

        select
            * exclude (strangers, others),
            -log2(strangers + others) as match_weight,
            1 / (1 + strangers + others) as match_probability
        from explained
        where 1 / (1 + strangers + others) >= {least}
        """
    )


def _find_name_frequencies(connection: duckdb.DuckDBPyConnection, weights: Weights) -> None:
    """Makes `name_frequencies` (name_sound, tf_name_sound) of the names in `standard`."""
    frequencies = pa.table(
        {
            "name_sound": list(weights.name_frequencies),
            "frequency": pa.array(weights.name_frequencies.values(), pa.float64()),
        },
        schema=pa.schema([("name_sound", pa.string()), ("frequency", pa.float64())]),
    )
    connection.register("frequencies", frequencies)
    connection.execute(
        f"""
        create or replace table name_frequencies as
        select name_sound, coalesce(any_value(frequency), {weights.rare_name}) as tf_name_sound
        from standard
        left join frequencies using (name_sound)
        where name_sound is not null
        group by name_sound
        """
    )
    connection.unregister("frequencies")


def _predicted_by_splink(
    connection: duckdb.DuckDBPyConnection, weights: Weights, partners: float, least: float
) -> None:
    """Makes `likely`: the levels of the candidates and their weight against strangers.

    People of one household only take away from it, so what is too unlikely already is left out.
    """
    # Imported here: a night does without.
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    connection.execute(
        """
        create or replace table blocked_pairs as
        select '0' as match_key, record_l as join_key_l, record_r as join_key_r from candidates;
        """
        f"""
        create or replace view compared as
        select record, {", ".join(comparisons.COMPARED_COLUMNS)} from standard
        """
    )
    database = DuckDBAPI(connection)
    linker = Linker(
        database.register(connection.table("compared")),
        comparisons.settings(weights, partners),
        log_level=logging.WARNING,
    )
    linker.table_management.register_term_frequency_lookup(
        database.register(connection.table("name_frequencies")), "name_sound"
    )
    linker.table_management.register_blocked_pairs_for_predict(
        database.register(connection.table("blocked_pairs"))
    )
    predicted = linker.inference.predict(threshold_match_probability=least, warning_mode="never")
    connection.execute(
        f"""
        create or replace table likely as
        select likeness.*, predicted.match_weight
        from ({comparisons.likeness(predicted.physical_name)}) as likeness
        inner join {predicted.physical_name} as predicted using (record_l, record_r)
        """
    )
    predicted.drop_table_from_database_and_remove_from_cache()
    connection.execute("drop table blocked_pairs; drop view compared")


def _against_strangers(
    connection: duckdb.DuckDBPyConnection, weights: Weights, partners: float, least: float
) -> None:
    """Makes `likely` as Splink does: a name that both give alike counts by how rare it is."""
    usual = weights.levels["name"]["equal"].u
    connection.execute(
        f"""
        create or replace table likely as
        with shares as (
            select record, tf_name_sound as share
            from standard
            inner join name_frequencies using (name_sound)
        ),

        compared as (
            select
                likeness.*,
                {comparisons.weight_against(weights, "strangers", partners)} + case
                    when likeness.name = 'equal' and shares.share is not null
                        then log2({usual} / greatest(shares.share, other_shares.share))
                    else 0
                end as match_weight
            from ({comparisons.likeness("candidates")}) as likeness
            left join shares on likeness.record_l = shares.record
            left join shares as other_shares on likeness.record_r = other_shares.record
        )

        select * from compared where match_weight >= {log2(least / (1 - least))}
        """
    )
