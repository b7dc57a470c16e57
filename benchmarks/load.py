"""The load room beside a bare binary COPY pipe of the same table."""

import time
from dataclasses import replace
from pathlib import Path

import psycopg
import yaml

from benchmarks.result import Result, at_least, reported
from benchmarks.stage import DAY, Stage
from warehouse.connections import connect, source_url, warehouse_url
from warehouse.schemas import ensure_schemas
from warehouse.settings import Settings
from warehouse.walk import context_for

TABLE = "basket_lines"
TRIES = 3


def measure(stage: Stage) -> list[Result]:
    """Returns rows per second of the largest table of the shop, ours and the pipe's."""
    settings = stage.installation("load")
    pipe = max(_pipe(settings) for _ in range(TRIES))
    ours = max(_load(settings, stage.folder / f"catalog-{n}") for n in range(TRIES))
    return [
        at_least("load: rows/s beside a bare binary COPY pipe", ours / pipe, 0.4),
        reported("load: rows/s", ours, "rows/s"),
        reported("load: rows/s of the pipe", pipe, "rows/s"),
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

    entry = yaml.safe_load((settings.catalog_dir / "shop.yml").read_text(encoding="utf-8"))
    entry["tables"] = [table for table in entry["tables"] if table["name"] == TABLE]
    entry.pop("feeds", None)
    catalog.mkdir()
    (catalog / "shop.yml").write_text(yaml.safe_dump(entry), encoding="utf-8")
    own = settings.model_copy(
        update={"catalog_dir": catalog, "living_crm_home": settings.living_crm_home}
    )
    with connect(warehouse_url(settings)) as connection:
        connection.execute("drop schema if exists raw_shop cascade")
        connection.execute("drop schema if exists ops cascade")
        ensure_schemas(connection)
    context = replace(context_for(settings, DAY, "bench"), settings=own)
    started = time.monotonic()
    report = load_source(context, "shop")
    return report.rows / (time.monotonic() - started)
