"""Weighs candidate pairs with Splink, against strangers and against people of one household."""

import json
import logging
from importlib.resources import files

import duckdb
import pyarrow as pa
from splink import Linker
from splink.backends.duckdb import DuckDBAPI

from ml.identity import comparisons
from ml.identity.comparisons import Weights

BUILTIN = "builtin"


def builtin_weights() -> Weights:
    """Returns the weights that come with the package."""
    text = files("ml.identity").joinpath("builtin_weights.json").read_text(encoding="utf-8")
    return Weights.from_json(json.loads(text))


def _linker(
    connection: duckdb.DuckDBPyConnection, weights: Weights, records: int
) -> tuple[Linker, DuckDBAPI]:
    """Returns Splink's linker over the table `standard`, and its database."""
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
    database = DuckDBAPI(connection)
    made = Linker(
        database.register(connection.table("standard")),
        comparisons.settings(weights, records),
        log_level=logging.WARNING,
    )
    made.table_management.register_term_frequency_lookup(
        database.register(connection.table("name_frequencies")), "name_sound"
    )
    return made, database


def weigh(
    connection: duckdb.DuckDBPyConnection, weights: Weights, records: int, least: float
) -> None:
    """Makes the table `weighed` of the tables `standard` and `candidates`.

    Columns: record_l, record_r, match_weight (log2 of the odds), match_probability, and for each
    field the level it falls into.

    Args:
        least: pairs of a smaller probability are left out.
    """
    made, database = _linker(connection, weights, records)
    connection.execute(
        """
        create or replace table blocked_pairs as
        select '0' as match_key, record_l as join_key_l, record_r as join_key_r from candidates
        """
    )
    made.table_management.register_blocked_pairs_for_predict(
        database.register(connection.table("blocked_pairs"))
    )
    against_household = comparisons.weight_against(weights, "household", records)
    # People of one household only take away from what Splink finds against strangers.
    predicted = made.inference.predict(threshold_match_probability=least, warning_mode="never")
    connection.execute(
        f"""
        create or replace table weighed as
        with explained as (
            select
                likeness.*,
                pow(2, -predicted.match_weight) as strangers,
                pow(2, -({against_household})) as housemates
            from ({comparisons.likeness(predicted.physical_name)}) as likeness
            inner join {predicted.physical_name} as predicted using (record_l, record_r)
        )

        select
            * exclude (strangers, housemates),
            -log2(strangers + housemates) as match_weight,
            1 / (1 + strangers + housemates) as match_probability
        from explained
        where 1 / (1 + strangers + housemates) >= {least}
        """
    )
    predicted.drop_table_from_database_and_remove_from_cache()
    connection.execute("drop table blocked_pairs")
