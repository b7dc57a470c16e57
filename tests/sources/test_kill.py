"""A load killed at ten random moments comes to the end an undisturbed one comes to."""

import multiprocessing
import random
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import yaml

from sources.load import load_source
from tests.sources.test_databases import ENTRY, database
from warehouse.context import RunContext

__all__ = ["database"]  # fixture

KILLS = 10
ROWS = 20_000


def whole(url: str) -> bool:
    """Returns whether every load the ledger knows stands in both tables to its last row."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        if connection.execute("select to_regclass('raw_stock.more')").fetchone() == (None,):
            return True
        return not connection.execute("""
            select from ops.loads where rows_loaded <> case table_name
                when 'more' then (select count(*) from raw_stock.more as m
                    where m._dlt_load_id = loads.load_id)
                else (select count(*) from raw_stock.things as t
                    where t._dlt_load_id = loads.load_id)
            end
        """).fetchall()


def end_state(url: str) -> list[tuple[Any, ...]]:
    """Returns what stands in the raw tables and the ledger, without the ids of the loads."""
    with psycopg.connect(url) as connection:
        return connection.execute("""
            select 'things', count(*), md5(string_agg((to_jsonb(t) - '_dlt_load_id')::text, ','
                order by _dlt_id)) from raw_stock.things as t
            union all
            select 'more', count(*), md5(string_agg((to_jsonb(t) - '_dlt_load_id')::text, ','
                order by _dlt_id)) from raw_stock.more as t
            union all
            select 'ledger', count(*), string_agg(table_name || rows_loaded || loaded_through, ','
                order by table_name) from ops.loads where rows_read > 0
        """).fetchall()


def test_killed_at_ten_random_moments_it_comes_to_the_same_end(
    context_for: Callable[..., RunContext],
    new_warehouse: Callable[[], str],
    database: psycopg.Connection,
    tmp_path: Path,
) -> None:
    more = {**ENTRY["tables"][0], "name": "more"}
    entry = {**ENTRY, "tables": [ENTRY["tables"][0], more]}
    (tmp_path / "stock.yml").write_text(yaml.safe_dump(entry))
    database.execute(f"""
        drop table if exists more;
        insert into things select n, 'thing ' || n, '2024-01-12 12:00Z'
        from generate_series(10, {ROWS}) as n;
        create table more as select * from things;
        alter table more alter updated_at set not null
    """)
    day = date(2024, 1, 31)
    settings = context_for(day).settings.model_copy(update={"catalog_dir": tmp_path})

    def context() -> RunContext:
        return RunContext(settings, context_for(day).policy, day, "test", new_warehouse())

    undisturbed = context()
    started = time.monotonic()
    load_source(undisturbed, "stock")
    load_seconds = time.monotonic() - started

    disturbed = context()
    halves: list[bool] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            halves.append(not whole(disturbed.url))

    watcher = threading.Thread(target=watch)
    watcher.start()
    spawner = multiprocessing.get_context("forkserver")
    spawner.set_forkserver_preload(["adbc_driver_postgresql", "connectorx", "dlt", "sources.load"])
    moments = random.Random(20240131)
    killed = 0
    try:
        for _ in range(KILLS):
            child = spawner.Process(target=load_source, args=(disturbed, "stock"))
            child.start()
            child.join(moments.uniform(0.05, load_seconds))
            child.kill()
            child.join()
            killed += child.exitcode != 0
            assert whole(disturbed.url)
        load_source(disturbed, "stock")
    finally:
        done.set()
        watcher.join()
    assert killed >= KILLS // 2
    assert len(halves) > KILLS
    assert not any(halves)
    assert end_state(disturbed.url) == end_state(undisturbed.url)
    database.execute("drop table more")
