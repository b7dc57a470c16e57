"""A bare Splink script for the same records and fields: what the identification is held against."""

import logging
import time
from collections.abc import Sequence

import adbc_driver_postgresql.dbapi
import duckdb
import splink.comparison_library as cl
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI

LEAST = 0.3
LINK = 0.97
# One mail in fifty is typed where none is known: its pairs alone would be 200 of a million records'
# 204 million, and no script would end.
_CLEAN = """
    select
        row_number() over () as unique_id,
        source,
        source_customer_id,
        nullif(lower(regexp_replace(person_name, '[\\s-]', '', 'g')), '') as name,
        nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 10), '') as phone,
        nullif(lower(email), 'test@test.com') as email,
        strftime(birth_date, '%Y-%m-%d') as birth_date,
        postcode,
        lower(address) as address
    from records
"""
_RULES = (
    ("phone",), ("email",), ("name", "birth_date"), ("name", "postcode"),
    ("birth_date", "postcode"), ("name", "address"), ("birth_date", "address"),
)  # fmt: skip


def link(url: str) -> tuple[float, float]:
    """Links the records of a warehouse and writes the pairs, then the clusters.

    Returns:
        The seconds until the pairs stood, and until the end; without those of the training, as the
        product's weights are learned before the night.
    """
    started = time.monotonic()
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        with adbc_driver_postgresql.dbapi.connect(url) as source, source.cursor() as cursor:
            cursor.execute(
                "select source, source_customer_id, person_name, phone, email, birth_date,"
                " postcode, address from intermediate.int_persons__unioned"
            )
            connection.register("arriving", cursor.fetch_record_batch())
            connection.execute("create table records as select * from arriving")
        connection.execute(f"create table clean as {_CLEAN}")
        linker = _linker(connection)
        read = time.monotonic() - started
        _train(linker)
        started = time.monotonic()
        predicted = linker.inference.predict(threshold_match_probability=LEAST)
        _write(
            connection,
            url,
            "bare_pairs",
            f"""
            select
                one.source as source_a, one.source_customer_id as source_customer_id_a,
                other.source as source_b, other.source_customer_id as source_customer_id_b,
                match_weight, match_probability
            from {predicted.physical_name} as predicted
            inner join clean as one on predicted.unique_id_l = one.unique_id
            inner join clean as other on predicted.unique_id_r = other.unique_id
            """,
        )
        pairs = read + time.monotonic() - started
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=LINK
        )
        _write(
            connection,
            url,
            "bare_clusters",
            f"select source, source_customer_id, cluster_id from {clusters.physical_name}",
        )
    return pairs, read + time.monotonic() - started


def _write(connection: duckdb.DuckDBPyConnection, url: str, table: str, query: str) -> None:
    rows = connection.sql(query).to_arrow_reader(100_000)
    with adbc_driver_postgresql.dbapi.connect(url) as target, target.cursor() as cursor:
        cursor.execute(f"drop table if exists identity.{table}")
        cursor.adbc_ingest(table, rows, mode="create", db_schema_name="identity")
        target.commit()


def link_files(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[str], *, has_birth: bool, least: float
) -> set[tuple[str, str]]:
    """Links FEBRL4's two files by their own columns; returns the labels of the pairs.

    Args:
        least: of several pairs of a record the best one above this probability is taken.
    """
    comparisons = [
        cl.JaroWinklerAtThresholds("given_name", [0.92, 0.8]),
        cl.JaroWinklerAtThresholds("surname", [0.92, 0.8]),
        cl.LevenshteinAtThresholds("street_number", 1),
        cl.JaroWinklerAtThresholds("address_1", [0.92, 0.8]),
        cl.JaroWinklerAtThresholds("address_2", [0.92, 0.8]),
        cl.JaroWinklerAtThresholds("suburb", [0.92, 0.8]),
        cl.DamerauLevenshteinAtThresholds("postcode", 1),
        cl.ExactMatch("state"),
    ]
    rules: list[tuple[str, ...]] = [
        ("given_name", "surname"), ("given_name", "postcode"), ("surname", "postcode"),
        ("suburb", "address_1"), ("postcode", "street_number"), ("postcode", "address_1"),
        ("given_name", "suburb"), ("surname", "suburb"), ("surname", "address_1"),
    ]  # fmt: skip
    if has_birth:
        comparisons.append(cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]))
        rules.append(("date_of_birth",))
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in rules],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )
    database = DuckDBAPI(connection)
    frames = [database.register(connection.table(table)) for table in tables]
    linker = Linker(frames, settings, log_level=logging.ERROR)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6 + 1, seed=1)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("given_name", "surname")], recall=0.6
    )
    for block in (["surname"], ["postcode"]):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*block))
    predicted = linker.inference.predict(threshold_match_probability=least)
    return set(
        connection.execute(
            f"""
            select one.label, other.label
            from {predicted.physical_name} as predicted
            inner join {tables[0]} as one on predicted.unique_id_l = one.unique_id
            inner join {tables[1]} as other on predicted.unique_id_r = other.unique_id
            qualify row_number() over (
                    partition by unique_id_l order by match_weight desc, unique_id_r) = 1
                and row_number() over (
                    partition by unique_id_r order by match_weight desc, unique_id_l) = 1
            """
        ).fetchall()
    )


def _linker(connection: duckdb.DuckDBPyConnection) -> Linker:
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("name", [0.92, 0.8]),
            cl.LevenshteinAtThresholds("phone", 1),
            cl.EmailComparison("email"),
            cl.DamerauLevenshteinAtThresholds("birth_date", [1, 2]),
            cl.ExactMatch("postcode"),
            cl.JaroWinklerAtThresholds("address", [0.92, 0.8]),
        ],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in _RULES],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )
    table = DuckDBAPI(connection).register(connection.table("clean"))
    return Linker(table, settings, log_level=logging.ERROR)


def _train(linker: Linker) -> None:
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6 + 1, seed=1)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("name", "address"), block_on("name", "birth_date")], recall=0.6
    )
    for block in (["name", "birth_date"], ["phone"]):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*block))
