"""The load room beside a bare binary COPY pipe, beside dlt as it comes, and beside itself."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import yaml

from benchmarks.result import Result, at_least, at_most, reported
from benchmarks.stage import DAY, Stage
from warehouse.connections import connect, ensure_database, source_url, warehouse_url
from warehouse.context import RunContext
from warehouse.schemas import ensure_schemas
from warehouse.settings import Settings
from warehouse.walk import context_for

TABLE = "basket_lines"
TRIES = 3
_DEFAULT_ROWS = 100_000  # dlt's own settings take half a minute for more
_FEW_ROWS, _MANY_ROWS = 300_000, 3_000_000
_CHANGED_SHARE = 0.02


def measure(stage: Stage) -> list[Result]:
    """Returns rows per second of the largest table of the shop, ours and the pipe's."""
    settings = stage.installation("load")
    pipe = max(_pipe(settings) for _ in range(TRIES))
    ours = max(_load(settings, stage.folder / f"catalog-{n}") for n in range(TRIES))
    default = _dlt_default(settings, stage.folder)
    full, increment = _increment(settings, stage.folder / "catalog-increment")
    few, many = (_peak_megabytes(settings, rows) for rows in (_FEW_ROWS, _MANY_ROWS))
    return [
        at_least("load: rows/s beside a bare binary COPY pipe", ours / pipe, 0.4),
        at_least("load: rows/s beside dlt's default settings", ours / default, 8),
        at_most("load: increment of 2% beside a full load", increment / full, 0.1),
        at_most("load: peak memory at ten times the rows", many / few, 1.2),
        reported("load: rows/s", ours, "rows/s"),
        reported("load: rows/s of the pipe", pipe, "rows/s"),
        reported("load: rows/s of dlt's default settings", default, "rows/s"),
        reported("load: peak memory of 3 million rows", many, "MB"),
    ]


def _pipe(settings: Settings) -> float:
    with (
        psycopg.connect(source_url(settings, "shop")) as source,
        psycopg.connect(warehouse_url(settings)) as target,
    ):
        _like(source, target)
        started = time.monotonic()
        with (
            source.cursor().copy(f"copy {TABLE} to stdout (format binary)") as rows,
            target.cursor() as cursor,
        ):
            with cursor.copy(f"copy piped.{TABLE} from stdin (format binary)") as copy:
                for block in rows:
                    copy.write(block)
            count = cursor.rowcount
        target.commit()
        return count / (time.monotonic() - started)


def _like(source: psycopg.Connection, target: psycopg.Connection) -> None:
    """Makes an empty table with the source's columns and no index."""
    columns = source.execute(
        """
        select string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', '
            order by attnum)
        from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped
        """,
        (TABLE,),
    ).fetchone()
    assert columns
    target.execute("drop schema if exists piped cascade")
    target.execute("create schema piped")
    target.execute(f"create table piped.{TABLE} ({columns[0]})".encode())
    target.commit()


def _load(settings: Settings, catalog: Path) -> float:
    """Loads the one table by the product's own function into an empty warehouse."""
    from sources.load import load_source

    context = _context(settings, catalog)
    _empty(settings)
    started = time.monotonic()
    report = load_source(context, "shop")
    return report.rows / (time.monotonic() - started)


def _increment(settings: Settings, catalog: Path) -> tuple[float, float]:
    """Returns the seconds of a full load and of the next, after 2% of the rows changed."""
    from sources.load import load_source

    context = _context(settings, catalog)
    _empty(settings)
    started = time.monotonic()
    report = load_source(context, "shop")
    full = time.monotonic() - started
    next_day = replace(context, as_of=DAY + timedelta(days=1))
    with psycopg.connect(source_url(settings, "shop")) as source:
        changed = source.execute(
            f"update {TABLE} set updated_at = %s where basket_id %% %s = 0".encode(),
            (context.day_end + timedelta(hours=1), round(1 / _CHANGED_SHARE)),
        ).rowcount
    started = time.monotonic()
    assert load_source(next_day, "shop").rows == changed
    increment = time.monotonic() - started
    assert 0.5 < changed / report.rows / _CHANGED_SHARE < 2
    return full, increment


def _context(settings: Settings, catalog: Path) -> RunContext:
    """Returns the context of a run that knows the one table only."""
    entry = yaml.safe_load((settings.catalog_dir / "shop.yml").read_text(encoding="utf-8"))
    entry["tables"] = [table for table in entry["tables"] if table["name"] == TABLE]
    entry.pop("feeds", None)
    catalog.mkdir()
    (catalog / "shop.yml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    own = settings.model_copy(update={"catalog_dir": catalog})
    return replace(context_for(settings, DAY, "bench"), settings=own)


def _empty(settings: Settings) -> None:
    with connect(warehouse_url(settings)) as connection:
        connection.execute("drop schema if exists raw_shop cascade")
        connection.execute("drop schema if exists ops cascade")
        ensure_schemas(connection)


_DEFAULT = """
import sys, dlt
from dlt.sources.sql_database import sql_database
pipeline = dlt.pipeline("default", pipelines_dir=sys.argv[3], dataset_name="by_default",
    destination=dlt.destinations.postgres(sys.argv[2]))
tables = sql_database(sys.argv[1], schema="by_default", table_names=["lines"])
import time
started = time.monotonic()
pipeline.run(tables)
print(time.monotonic() - started)
"""


def _dlt_default(settings: Settings, folder: Path) -> float:
    """Returns rows per second of dlt with nothing set, on a part of the table."""
    source = source_url(settings, "shop")
    with psycopg.connect(source) as connection:
        connection.execute("create schema by_default")
        connection.execute(
            f"create table by_default.lines as select * from {TABLE} limit {_DEFAULT_ROWS}".encode()
        )
    target = ensure_database(warehouse_url(settings), "by_default")
    done = subprocess.run(
        [sys.executable, "-c", _DEFAULT, source, target, str(folder / "dlt_default")],
        check=True, cwd=folder, capture_output=True, text=True,
        env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )  # fmt: skip
    return _DEFAULT_ROWS / float(done.stdout.split()[-1])


_ONE_LOAD = """
import resource, sys
from datetime import date
from pathlib import Path
from warehouse.settings import load_settings
from warehouse.walk import context_for
from sources.load import load_source
load_source(context_for(load_settings(), date.fromisoformat(sys.argv[1]), "bench"), "many")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _peak_megabytes(settings: Settings, rows: int) -> float:
    """Returns the peak memory of a process that loads a table of so many rows."""
    url = ensure_database(warehouse_url(settings), f"source_of_{rows}")
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            create table lines as select
                number as line_id, 'product ' || number % 5000 as product,
                cast(1.5 as numeric(10, 2)) as amount,
                timestamptz '2017-01-01' + number * interval '1 second' as updated_at
            from generate_series(1, {rows}) as number
            """.replace("{rows}", str(rows)).encode()
        )
    catalog = settings.living_crm_home / f"catalog-{rows}"
    catalog.mkdir()
    (catalog / "many.yml").write_text(_MANY, encoding="utf-8")
    _empty(settings)
    with connect(warehouse_url(settings)) as connection:
        connection.execute("drop schema if exists raw_many cascade")
    done = subprocess.run(
        [sys.executable, "-c", _ONE_LOAD, DAY.isoformat()],
        check=True, capture_output=True, text=True,
        env={**os.environ, "CATALOG_DIR": str(catalog), "SOURCE_MANY_URL": url},
    )  # fmt: skip
    return float(done.stdout.split()[-1])


_MANY = """
description: A table of many rows to load.
reader: sql
db_schema: public
tables:
  - name: lines
    key: [line_id]
    cursor: updated_at
    mode: append
    fresh_within_hours: 24
    required: true
    columns: {line_id: bigint, product: text, amount: "numeric(10,2)", updated_at: timestamptz}
"""
