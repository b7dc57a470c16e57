import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from demo.complete_journey.lay_down import lay_down
from sources.catalog import load_catalog
from sources.load import load_source
from warehouse.connections import ensure_database, source_url
from warehouse.context import RunContext
from warehouse.errors import SourceError
from warehouse.settings import REPOSITORY, Settings

DAY = date(2017, 11, 26)
NEXT_DAY = date(2017, 11, 27)
HOUSEHOLDS = 60
SOURCES = ("campaigns", "crm", "shop")

ContextFor = Callable[[date], RunContext]
Rows = list[tuple[Any, ...]]


def rows(url: str, statement: str) -> Rows:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def loaded(context: RunContext) -> dict[str, Rows]:
    """Returns the raw rows of all catalogued sources, without what differs from load to load."""
    found = {}
    for source in sorted(path.stem for path in context.settings.catalog_dir.glob("*.yml")):
        for table in load_catalog(context.settings, source).tables:
            name = f"raw_{source}.{table.name}"
            if rows(context.url, f"select to_regclass('{name}')") != [(None,)]:
                found[name] = rows(
                    context.url,
                    f"select to_jsonb(t) - '_dlt_load_id' from {name} t order by _dlt_id",
                )
    return found


# --- the demo's three sources -------------------------------------------------------------------


@pytest.fixture
def wind(settings: Settings, context_for: ContextFor) -> Callable[[date], None]:
    def to(as_of: date) -> None:
        lay_down(settings, context_for(as_of).policy, as_of, limit_households=HOUSEHOLDS)

    return to


def test_a_night_loads_the_increment_and_nothing_twice(
    wind: Callable[[date], None], context_for: ContextFor, settings: Settings
) -> None:
    wind(DAY)
    first = {source: load_source(context_for(DAY), source) for source in SOURCES}
    for table in ("customers", "stores", "products", "baskets", "basket_lines"):
        columns = ", ".join(
            next(t for t in load_catalog(settings, "shop").tables if t.name == table).columns
        )
        at_source = f"select {columns} from {table} order by 1, 2"
        in_raw = f"select {columns} from raw_shop.{table} order by 1, 2"
        assert rows(source_url(settings, "shop"), at_source) == rows(context_for(DAY).url, in_raw)
        assert first["shop"].facts[table] > 0  # type: ignore[operator]

    before = loaded(context_for(DAY))
    again = [load_source(context_for(DAY), source).rows for source in SOURCES]
    assert again == [0, 0, 0]
    assert loaded(context_for(DAY)) == before

    wind(NEXT_DAY)
    # A run that comes late, for a day that is past, does not read ahead.
    assert [load_source(context_for(DAY), source).rows for source in SOURCES] == [0, 0, 0]
    night = {source: load_source(context_for(NEXT_DAY), source) for source in SOURCES}
    assert 0 < night["shop"].facts["basket_lines"] < 500  # type: ignore[operator]
    assert night["shop"].facts["products"] == 0
    assert night["crm"].rows > 0
    after = loaded(context_for(NEXT_DAY))
    assert all(set(map(str, before[name])) <= set(map(str, after[name])) for name in before)

    # Backfilling an earlier day finds all there.
    assert [load_source(context_for(DAY), source).rows for source in SOURCES] == [0, 0, 0]
    assert loaded(context_for(NEXT_DAY)) == after


def test_every_table_of_every_load_stands_in_the_ledger(
    wind: Callable[[date], None], context_for: ContextFor
) -> None:
    wind(DAY)
    for source in SOURCES:
        load_source(context_for(DAY), source)
    url = context_for(DAY).url
    ledger = rows(
        url,
        "select source || '.' || table_name, rows_read, rows_loaded, rows_rejected, loaded_through"
        " from ops.loads",
    )
    assert len(ledger) == 10
    for name, read, stands, rejected, through in ledger:
        assert rows(url, f"select count(*) from raw_{name}") == [(stands,)]
        assert read == stands + rejected
        assert through is not None
    through = {name: through for name, *_, through in ledger}
    assert through["shop.stores"] == datetime(2017, 1, 1, 5, tzinfo=UTC)
    assert through["crm.demographics"] == datetime(2017, 11, 20, 5, tzinfo=UTC)
    assert through["campaigns.coupon_redemptions"] == datetime(2017, 11, 26, 5, tzinfo=UTC)
    assert rows(url, "select count(*) from raw_campaigns.coupon_redemptions") < [(365,)]


KILLS = {
    "while the source is read": (
        "from sources.readers import sql",
        "sql.conform",
        "lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)",
    ),
    "when some tables are there and others not": (
        "from dlt.destinations._adbc_jobs import AdbcParquetCopyJob",
        "AdbcParquetCopyJob.run",
        "lambda job, run=AdbcParquetCopyJob.run: (run(job), os.kill(os.getpid(), signal.SIGKILL))",
    ),
    "when all rows are there but the ledger does not say so": (
        "from sources import ledger",
        "ledger.complete",
        "lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)",
    ),
}


def test_killed_at_any_moment_and_run_again_it_comes_to_the_same_end(
    wind: Callable[[date], None],
    context_for: ContextFor,
    settings: Settings,
    new_warehouse: Callable[[], str],
) -> None:
    wind(DAY)
    load_source(context_for(DAY), "shop")
    wanted = loaded(context_for(DAY))
    for moment, (import_line, target, killer) in KILLS.items():
        url = new_warehouse()
        child = subprocess.run(
            [sys.executable, "-c", f"""
import os, signal
from datetime import date
from sources.load import load_source
from warehouse.context import RunContext
from warehouse.policy import load_policy
from warehouse.settings import load_settings
{import_line}
{target} = {killer}
settings = load_settings()
policy = load_policy(settings.policy_file)
context = RunContext(settings, policy, date({DAY:%Y, %-m, %-d}), "test", os.environ["TEST_URL"])
load_source(context, "shop")
"""],
            env={
                **os.environ,
                "LIVING_CRM_HOME": str(settings.living_crm_home),
                "TEST_URL": url,
                "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
            },
            cwd=REPOSITORY,
            check=False,
        )  # fmt: skip
        assert child.returncode == -signal.SIGKILL, moment
        context = RunContext(settings, context_for(DAY).policy, DAY, "test", url)
        left = sum(len(found) for found in loaded(context).values())
        assert (left > 0) == (moment != "while the source is read"), moment
        load_source(context, "shop")
        assert loaded(context) == wanted, moment


def test_dlt_reads_no_settings_from_the_current_folder(
    wind: Callable[[date], None], context_for: ContextFor, settings: Settings, tmp_path: Path
) -> None:
    wind(DAY)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text('dataset_name_layout = "elsewhere_%s"\n')
    subprocess.run(
        [sys.executable, "-c", f"""
import os, sys
from datetime import date
from sources.load import load_source
from warehouse.context import RunContext
from warehouse.policy import load_policy
from warehouse.settings import load_settings
settings = load_settings()
policy = load_policy(settings.policy_file)
context = RunContext(settings, policy, date({DAY:%Y, %-m, %-d}), "test", os.environ["TEST_URL"])
load_source(context, "crm")
assert "airflow" not in sys.modules
"""],
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "LIVING_CRM_HOME": str(settings.living_crm_home),
            "TEST_URL": context_for(DAY).url,
        },
        cwd=tmp_path,
        check=True,
    )  # fmt: skip
    schemas = rows(context_for(DAY).url, "select nspname from pg_namespace")
    assert ("raw_crm",) in schemas
    assert ("elsewhere_raw_crm",) not in schemas


# --- a small database as the source -------------------------------------------------------------

BEGIN = datetime(2024, 1, 10, 12, tzinfo=UTC)
STOCK: dict[str, Any] = {
    "description": "A stock keeping system.",
    "reader": "sql",
    "tables": [
        {
            "name": "things", "key": ["thing_id"], "cursor": "updated_at", "mode": "upsert",
            "fresh_within_hours": 24, "required": True,
            "columns": {
                "thing_id": "bigint", "price": "numeric(10,2)", "updated_at": "timestamptz",
            },
        }
    ],
}  # fmt: skip


@pytest.fixture
def stock(
    settings: Settings,
    server_url: str,
    context_for: ContextFor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator["Stock"]:
    (tmp_path / "stock.yml").write_text(yaml.safe_dump(STOCK))
    url = ensure_database(server_url, "test_stock")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("""
            create table things (thing_id bigint, price numeric(10, 2), updated_at timestamptz);
            insert into things values (1, 1.10, '2024-01-10 12:00Z'), (2, null, '2024-01-11 12:00Z')
        """)
        monkeypatch.setenv("SOURCE_STOCK_URL", url)
        yield Stock(settings.model_copy(update={"catalog_dir": tmp_path}), context_for, connection)
        connection.execute("drop table if exists things, renamed cascade")


class Stock:
    """The stock keeping system, its catalog entry and loads of it."""

    def __init__(
        self, settings: Settings, context_for: ContextFor, connection: psycopg.Connection
    ) -> None:
        self.settings, self.context_for, self.connection = settings, context_for, connection

    def load(self, as_of: date = date(2024, 1, 31)) -> int:
        context = self.context_for(as_of)
        return load_source(
            RunContext(self.settings, context.policy, as_of, "test", context.url), "stock"
        ).rows

    def loaded(self) -> Rows:
        return rows(
            self.context_for(BEGIN.date()).url,
            "select thing_id, price, updated_at from raw_stock.things order by _dlt_id",
        )


def test_a_changed_row_lands_as_a_new_version_beside_the_old_one(stock: Stock) -> None:
    assert stock.load(date(2024, 1, 10)) == 1
    stock.connection.execute(
        "update things set price = 1.25, updated_at = '2024-01-12 12:00Z' where thing_id = 1"
    )
    assert stock.load(date(2024, 1, 11)) == 1
    assert stock.load(date(2024, 1, 12)) == 1
    assert stock.loaded() == [
        (1, Decimal("1.10"), BEGIN),
        (1, Decimal("1.25"), BEGIN + timedelta(days=2)),
        (2, None, BEGIN + timedelta(days=1)),
    ]


def test_a_source_that_lagged_behind_is_caught_up_with(stock: Stock) -> None:
    assert stock.load() == 2
    stock.connection.execute("insert into things values (3, 3, '2024-01-20 12:00Z')")
    assert stock.load() == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("alter table things rename to renamed", "stock has no table things"),
        ("alter table things drop column price", "stock.things has no column price"),
        (
            "alter table things alter price type text",
            r"stock.things has a column price that is text and the catalog says numeric\(10,2\)",
        ),
        (
            "alter table things rename price to cost",
            "stock.things has no column price but a new one cost: it seems to be renamed",
        ),
        (
            "alter table things alter updated_at type timestamp",
            "updated_at that is timestamp without time zone and the catalog says timestamptz",
        ),
        (
            "alter table things alter price type numeric; insert into things values"
            " (3, 1.2345, '2024-02-01')",
            r"a column price that arrives as .* and does not fit numeric\(10,2\)",
        ),
        ("truncate things", "stock.things is empty"),
        (
            "insert into things values (3, 1, null)",
            "stock.things has rows without updated_at",
        ),
    ],
)
def test_a_damaged_source_is_refused_and_keeps_its_last_good_data(
    damage: str, message: str, stock: Stock
) -> None:
    stock.load(date(2024, 1, 31))
    before = stock.loaded()
    stock.connection.execute(damage)
    with pytest.raises(SourceError, match=message) as caught:
        stock.load(date(2024, 2, 1))
    assert "\n" not in str(caught.value)
    assert stock.loaded() == before


def test_a_new_column_is_noted_and_does_not_stop_the_load(
    stock: Stock, caplog: pytest.LogCaptureFixture
) -> None:
    stock.connection.execute("alter table things add column colour text")
    assert stock.load() == 2
    assert "stock.things has a column colour" in caplog.text


def test_a_day_before_the_source_begins_is_an_error_that_says_when_it_begins(stock: Stock) -> None:
    with pytest.raises(SourceError, match=r"stock.things begins at 2024-01-10 12:00 UTC"):
        stock.load(date(2024, 1, 9))
    assert stock.load() == 2
    with pytest.raises(SourceError, match="begins at"):
        stock.load(date(2024, 1, 9))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("living_crm:", "nobody:"), "cannot be used:.*nobody"),
        (("127.0.0.1:", "127.0.0.2:"), "127.0.0.2.*cannot be used:.*refused"),
        (("127.0.0.1:", "127.0.0.1:1"), "SOURCE_STOCK_URL is not the URL of a database"),
        (("/test_stock", "/test_nowhere"), "test_nowhere.*does not exist"),
        (("postgresql://", "ftp://"), "SOURCE_STOCK_URL is not the URL of a database"),
    ],
)
def test_a_source_that_cannot_be_reached_is_an_error_that_tells_no_secret(
    change: tuple[str, str], message: str, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = os.environ["SOURCE_STOCK_URL"]
    monkeypatch.setenv("SOURCE_STOCK_URL", url.replace(*change))
    with pytest.raises(SourceError, match=message) as caught:
        stock.load()
    password = url.split(":")[2].split("@")[0]
    assert password not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_source_that_breaks_off_while_it_is_read_is_an_error_and_leaves_nothing(
    stock: Stock,
) -> None:
    stock.load()
    before = stock.loaded()
    stock.connection.execute("""
        alter table things rename to renamed;
        insert into renamed
            select 2 + n, 1, timestamptz '2024-02-01' from generate_series(1, 100) as n;
        create view things as select * from renamed where 1 / (thing_id - 90) is not null
    """)
    with pytest.raises(SourceError, match=r"stock at .* broke off while things was read"):
        stock.load(date(2024, 2, 1))
    assert stock.loaded() == before
    stock.connection.execute("drop view things; alter table renamed rename to things")
    assert stock.load(date(2024, 2, 1)) == 100


def test_a_source_without_address_is_an_error_that_says_how_to_set_it(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_STOCK_URL")
    with pytest.raises(SourceError, match="Set SOURCE_STOCK_URL"):
        stock.load()


def test_a_raw_table_that_was_dropped_is_loaded_anew(stock: Stock) -> None:
    assert stock.load() == 2
    with psycopg.connect(stock.context_for(BEGIN.date()).url) as connection:
        connection.execute("drop table raw_stock.things")
    assert stock.load() == 2


# --- a small folder of files as the source ------------------------------------------------------

DROPS: dict[str, Any] = {
    "description": "Drops of things and of sales.",
    "reader": "files",
    "tables": [
        {
            "name": "things", "path": "things_{date}.csv", "format": "csv", "key": ["thing_id"],
            "cursor": "_file_date", "mode": "snapshot", "fresh_within_hours": 24,
            "required": True, "columns": {"thing_id": "text", "name": "text"},
        },
        {
            "name": "sales", "path": "{date}/sales.parquet", "format": "parquet",
            "key": ["sale_id"], "cursor": "_file_date", "mode": "append",
            "fresh_within_hours": 24, "required": True,
            "columns": {"sale_id": "bigint", "price": "numeric(10,2)", "sold_on": "date"},
        },
    ],
}  # fmt: skip
SALES = pa.schema(
    [("sale_id", pa.int64()), ("price", pa.decimal128(8, 2)), ("sold_on", pa.date32())]
)


class Drops:
    """A folder of drops, its catalog entry and loads of it."""

    def __init__(self, settings: Settings, context_for: ContextFor, folder: Path) -> None:
        self.settings, self.context_for, self.folder = settings, context_for, folder

    def things(self, day: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        (self.folder / f"things_{day}.csv").write_bytes(data)

    def sales(self, day: str, ids: list[int], schema: pa.Schema = SALES) -> None:
        table = pa.Table.from_pylist(
            [{"sale_id": n, "price": Decimal(n), "sold_on": date(2024, 1, 1)} for n in ids], SALES
        )
        (self.folder / day).mkdir(exist_ok=True)
        pq.write_table(table.cast(schema), self.folder / day / "sales.parquet")

    def load(self, as_of: date = date(2024, 1, 31)) -> int:
        context = self.context_for(as_of)
        return load_source(
            RunContext(self.settings, context.policy, as_of, "test", context.url), "drops"
        ).rows

    def query(self, statement: str) -> Rows:
        return rows(self.context_for(DAY).url, statement)


@pytest.fixture
def drops(
    settings: Settings, context_for: ContextFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Drops:
    catalog, folder = tmp_path / "catalog", tmp_path / "the drops"
    catalog.mkdir()
    folder.mkdir()
    (catalog / "drops.yml").write_text(yaml.safe_dump(DROPS))
    monkeypatch.setenv("SOURCE_DROPS_URL", f"file://{folder}")
    found = Drops(settings.model_copy(update={"catalog_dir": catalog}), context_for, folder)
    found.things("2024-01-10", "thing_id,name\n007,chair\n")
    found.sales("2024-01-10", [1, 2])
    return found


def test_a_file_is_loaded_once_and_again_when_its_contents_changed(drops: Drops) -> None:
    assert drops.load() == 3
    assert drops.load() == 0
    drops.things("2024-01-10", "thing_id,name\n007,stool\n")
    assert drops.load() == 1
    assert drops.query("select thing_id, name from raw_drops.things order by _dlt_load_id") == [
        ("007", "chair"), ("007", "stool"),
    ]  # fmt: skip


def test_the_same_bytes_under_a_new_name_are_loaded_once_under_both(drops: Drops) -> None:
    change_mode(drops, "append")
    assert drops.load() == 3
    drops.things("2024-01-12", "thing_id,name\n007,chair\n")
    assert drops.load() == 0
    assert drops.load() == 0
    assert drops.query(
        "select file_name, rows_read, same_as from ops.loaded_files where table_name = 'things'"
        " order by file_name"
    ) == [
        ("things_2024-01-10.csv", 1, None), ("things_2024-01-12.csv", 0, "things_2024-01-10.csv"),
    ]  # fmt: skip


def test_rows_that_come_again_keep_their_last_word(drops: Drops) -> None:
    change_mode(drops, "upsert")
    drops.things("2024-01-12", "thing_id,name\n007,chair\n")
    assert drops.load() == 3
    # A late drop between the two: the second is no longer a copy of the one before it.
    drops.things("2024-01-11", "thing_id,name\n007,stool\n")
    assert drops.load() == 2
    assert drops.load() == 0
    assert drops.query("select name from raw_drops.things order by _file_date") == [
        ("chair",), ("stool",), ("chair",),
    ]  # fmt: skip


def test_a_snapshot_is_the_word_of_its_day_even_if_nothing_changed(drops: Drops) -> None:
    assert drops.load() == 3
    drops.things("2024-01-12", "thing_id,name\n007,chair\n")
    assert drops.load() == 1


def test_a_file_that_cannot_be_read_at_all_is_rejected_and_the_load_goes_on(drops: Drops) -> None:
    drops.things("2024-01-11", "")
    (drops.folder / "2024-01-11").mkdir()
    (drops.folder / "2024-01-11" / "sales.parquet").write_bytes(b"PAR1 and no more")
    drops.things("2024-01-12", "thing_id,name\n008,table\n")
    assert drops.load() == 4
    assert drops.load() == 0
    assert drops.query("select reason from quarantine.rejected_rows order by reason") == [
        ("2024-01-11/sales.parquet line 1: the file is not Parquet or is cut off",),
        ("things_2024-01-11.csv line 1: the file is empty",),
    ]


def change_mode(drops: Drops, mode: str) -> None:
    things, sales = DROPS["tables"]
    entry = {**DROPS, "tables": [{**things, "mode": mode}, sales]}
    (drops.settings.catalog_dir / "drops.yml").write_text(yaml.safe_dump(entry))


def test_a_drop_of_a_later_day_is_not_read(drops: Drops) -> None:
    drops.things("2024-01-11", "thing_id,name\n008,table\n")
    assert drops.load(date(2024, 1, 10)) == 3
    assert drops.load(date(2024, 1, 11)) == 1
    assert drops.query("select _file_name, _file_date, _file_row_number from raw_drops.things") == [
        ("things_2024-01-10.csv", date(2024, 1, 10), 1),
        ("things_2024-01-11.csv", date(2024, 1, 11), 1),
    ]


def test_a_drop_without_rows_is_news(drops: Drops) -> None:
    drops.load(date(2024, 1, 10))
    drops.sales("2024-01-11", [])
    assert drops.load(date(2024, 1, 11)) == 0
    assert drops.query("select max(loaded_through) from ops.loads where table_name = 'sales'") == [
        (datetime(2024, 1, 11, 5, tzinfo=UTC),)
    ]


def test_good_and_rejected_rows_together_are_the_rows_read(drops: Drops) -> None:
    drops.things(
        "2024-01-11",
        b"thing_id,name\n"
        b'1,"a ""quoted"" name, with comma"\n'
        b"2,too,many\n"
        b"\n"
        b"3\n"
        b"4,\xff\xfe\n"
        b'5,"two\nlines"\n'
        b"6,a \0 byte\n"
        b'7,"a stray quote\n'
        b"8,swallowed by it\n"
        b"9,and so is this\n",
    )
    drops.load()
    good = drops.query(
        "select thing_id, name, _file_row_number from raw_drops.things"
        " where _file_date = '2024-01-11' order by _file_row_number"
    )
    assert good == [
        ("1", 'a "quoted" name, with comma', 1),
        ("5", "two\nlines", 5),
        ("8", "swallowed by it", 8),
        ("9", "and so is this", 9),
    ]
    rejected = drops.query(
        "select reason, raw_row ->> 'text' from quarantine.rejected_rows order by row_number"
    )
    assert rejected == [
        ("things_2024-01-11.csv line 3: 3 fields where the header has 2", "2,too,many\n"),
        ("things_2024-01-11.csv line 5: 1 fields where the header has 2", "3\n"),
        ("things_2024-01-11.csv line 6: bytes that are not utf-8", "4,\\xff\\xfe\n"),
        ("things_2024-01-11.csv line 9: a zero byte", "6,a \\x00 byte\n"),
        (
            "things_2024-01-11.csv line 10: a quote opens that does not close in this record",
            '7,"a stray quote\n',
        ),
    ]
    assert drops.query(
        "select rows_read, rows_loaded, rows_rejected from ops.loads where table_name = 'things'"
    ) == [(10, 5, 5)]


@pytest.mark.parametrize("content", ["\ufeffname;thing_id;colour\nchair;7;red\n".encode()])
def test_columns_are_found_by_name_whatever_their_order(
    content: bytes, drops: Drops, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {**DROPS, "tables": [{**DROPS["tables"][0], "delimiter": ";"}]}
    (drops.settings.catalog_dir / "drops.yml").write_text(yaml.safe_dump(entry))
    drops.things("2024-01-10", content)
    assert drops.load() == 1
    assert drops.query("select thing_id, name from raw_drops.things") == [("7", "chair")]
    assert "drops.things has a column colour" in caplog.text


def test_a_file_in_another_encoding_is_read_in_it(drops: Drops) -> None:
    entry = {**DROPS, "tables": [{**DROPS["tables"][0], "encoding": "cp949"}]}
    (drops.settings.catalog_dir / "drops.yml").write_text(yaml.safe_dump(entry))
    drops.things("2024-01-10", "thing_id,name\n7,의자\n".encode("cp949"))
    assert drops.load() == 1
    assert drops.query("select name from raw_drops.things") == [("의자",)]


def test_a_missing_folder_is_an_error(drops: Drops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DROPS_URL", f"file://{drops.folder}/nowhere")
    with pytest.raises(SourceError, match=r"has no folder .*nowhere"):
        drops.load()


def test_a_missing_kind_of_file_is_an_error(drops: Drops) -> None:
    (drops.folder / "things_2024-01-10.csv").unlink()
    with pytest.raises(SourceError, match=r"drops has no file things_\{date\}.csv"):
        drops.load()


def test_a_day_before_the_first_drop_is_an_error(drops: Drops) -> None:
    with pytest.raises(SourceError, match="begins with the drop of 2024-01-10, after 2024-01-09"):
        drops.load(date(2024, 1, 9))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("thing_id\n1\n", "has no column name"),
        ("thing_id,name,name\n1,a,b\n", "has twice the column name"),
    ],
)
def test_a_csv_of_another_shape_is_refused_and_nothing_of_the_load_stays(
    content: str, message: str, drops: Drops
) -> None:
    drops.load(date(2024, 1, 10))
    drops.sales("2024-01-11", [3])
    drops.things("2024-01-11", content)
    with pytest.raises(SourceError, match=message):
        drops.load()
    assert drops.query("select count(*) from raw_drops.things") == [(1,)]
    assert drops.query("select count(*) from raw_drops.sales") == [(2,)]
    drops.things("2024-01-11", "thing_id,name\n8,table\n")
    assert drops.load() == 2


def test_a_parquet_file_of_another_type_is_refused(drops: Drops) -> None:
    as_text = SALES.set(0, pa.field("sale_id", pa.string()))
    drops.sales("2024-01-11", [3], as_text)
    assert drops.load() == 4  # text that holds whole numbers fits without loss
    (drops.folder / "2024-01-12").mkdir()
    pq.write_table(
        pa.table({"sale_id": ["x"], "price": [None], "sold_on": [None]}),
        drops.folder / "2024-01-12" / "sales.parquet",
    )
    with pytest.raises(SourceError, match=r"sale_id that arrives as string.*bigint"):
        drops.load()


def test_a_file_whose_name_holds_no_date_is_refused(drops: Drops) -> None:
    drops.things("2024-01-32", "thing_id,name\n")
    with pytest.raises(SourceError, match=r"things_2024-01-32.csv.*has no date in its name"):
        drops.load()
