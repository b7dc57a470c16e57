from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from sources.catalog import SqlTable
from sources.readers.versions import version_ids
from tests.sources.conftest import Source
from warehouse.connections import ensure_database
from warehouse.errors import SourceError

ENTRY: dict[str, Any] = {
    "description": "A stock keeping system.",
    "reader": "sql",
    "tables": [
        {
            "name": "things", "key": ["thing_id"], "cursor": "updated_at", "mode": "upsert",
            "fresh_within_hours": 24, "required": True,
            "columns": {"thing_id": "bigint", "name": "text", "updated_at": "timestamptz"},
        }
    ],
}  # fmt: skip


def entry(**changes: Any) -> dict[str, Any]:
    return {**ENTRY, "tables": [{**ENTRY["tables"][0], **changes}]}


@pytest.fixture
def database(server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    url = ensure_database(server_url, "test_stock_tables")
    monkeypatch.setenv("SOURCE_STOCK_URL", url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("""
            drop table if exists things;
            create table things (thing_id bigint, name text, updated_at timestamptz not null);
            insert into things values (1, '', '2024-01-10 12:00Z'), (2, null, '2024-01-11 12:00Z')
        """)
        yield connection


def test_late_rows_are_looked_back_for_and_none_is_doubled(
    stock: Callable[[dict[str, Any]], Source], database: psycopg.Connection
) -> None:
    source = stock(entry(look_back_hours=48))
    assert source.load() == 2
    database.execute("""
        insert into things values (3, 'late', '2024-01-10 18:00Z'), (4, 'later', '2024-01-08Z');
        update things set name = 'new', updated_at = '2024-01-12 12:00Z' where thing_id = 1
    """)
    assert source.load() == 2
    assert source.load() == 0
    assert source.query("select thing_id, name from raw_stock.things order by _dlt_id") == [
        (1, ""), (1, "new"), (2, None), (3, "late"),
    ]  # fmt: skip


def test_a_snapshot_shows_what_is_gone(
    stock: Callable[[dict[str, Any]], Source], database: psycopg.Connection
) -> None:
    source = stock(entry(mode="snapshot", cursor="_snapshot_at", required=False))
    latest = """
        select array_agg(thing_id order by thing_id) from raw_stock.things where _snapshot_at = (
            select max(loaded_through) from ops.loads
            where source = 'stock' and table_name = 'things' and as_of_date <= '{}'
        )
    """
    assert source.load(date(2024, 1, 20)) == 2
    assert source.load(date(2024, 1, 20)) == 0
    database.execute("delete from things where thing_id = 1")
    assert source.load(date(2024, 1, 21)) == 1
    assert source.load(date(2024, 1, 20)) == 0
    assert source.query(latest.format("2024-01-20")) == [([1, 2],)]
    assert source.query(latest.format("2024-01-21")) == [([2],)]
    assert source.query("select max(_snapshot_at) from raw_stock.things") == [
        (datetime(2024, 1, 22, 4, 59, 59, 999999, UTC),)
    ]
    database.execute("delete from things")
    assert source.load(date(2024, 1, 22)) == 0
    assert source.query(latest.format("2024-01-22")) == [(None,)]


def test_a_changed_shape_is_recorded_and_a_new_column_lands_whatever_its_name(
    stock: Callable[[dict[str, Any]], Source], database: psycopg.Connection
) -> None:
    source = stock(entry())
    source.load(date(2024, 1, 20))
    names = ["{{ 1/0 }}", "a%b:c", '"; drop table ops.loads; --']
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        database.execute(f"alter table things add column {quoted} int".encode())
    database.execute("insert into things values (3, '{% raw', '2024-01-12 12:00Z', 1, 2, null)")
    assert source.load(date(2024, 1, 21)) == 1
    assert source.query("select name, _extra::jsonb from raw_stock.things where thing_id = 3") == [
        ("{% raw", {names[0]: "1", names[1]: "2", names[2]: None})
    ]
    source.load(date(2024, 1, 22))
    changes = source.query("select as_of_date, change, column_name from ops.schema_changes")
    assert sorted(changes) == [(date(2024, 1, 21), "added", name) for name in sorted(names)]
    database.execute("alter table things rename column name to title")
    for _ in range(2):
        with pytest.raises(SourceError, match="no column name but a new one title"):
            source.load(date(2024, 1, 23))
    assert source.query(
        "select as_of_date, column_name from ops.schema_changes where change = 'renamed'"
    ) == [(date(2024, 1, 23), "name")]


def test_a_raw_table_of_an_earlier_installation_gets_the_column_for_new_columns(
    stock: Callable[[dict[str, Any]], Source], database: psycopg.Connection
) -> None:
    source = stock(entry())
    source.load(date(2024, 1, 10))
    with psycopg.connect(source.context.url) as connection:
        connection.execute("alter table raw_stock.things drop column _extra")
    database.execute("alter table things add column colour text default 'red'")
    assert source.load(date(2024, 1, 20)) == 1
    assert source.query("select _extra from raw_stock.things where thing_id = 2") == [
        ('{"colour": "red"}',)
    ]


def sums(clock: str) -> str:
    """Returns the statement that fills the table with one row per thing and month."""
    return f"""
        truncate things;
        insert into things
        select thing, '', make_timestamptz(2024, month, 1, {clock}, 0, 'America/New_York')
        from generate_series(1, 40) thing, generate_series(1, 4) month
    """


def test_a_feed_that_arrives_summed_is_refused_where_detail_was_promised(
    stock: Callable[[dict[str, Any]], Source], database: psycopg.Connection
) -> None:
    grain = {"entity": "thing_id", "time": "updated_at"}
    promised = stock(entry(grain=grain))
    assert promised.load() == 2
    database.execute(sums("0, 0").encode())
    with pytest.raises(SourceError, match="arrives summed: 120 rows, one per thing_id and month"):
        promised.load(date(2024, 6, 1))
    assert promised.query("select count(*) from raw_stock.things") == [(2,)]
    database.execute(sums("9, 30").encode())
    assert promised.load(date(2024, 6, 1)) == 120


def test_no_two_versions_share_an_id() -> None:
    import pyarrow as pa

    table = SqlTable(
        name="t", key=("a", "b"), cursor="at", mode="append", fresh_within_hours=1, required=False,
        columns={"a": "text", "b": "text", "at": "timestamptz"},
    )  # fmt: skip
    parts = ["", None, "-", "\\", "a-", "-a", "\\-", "\\N", "N", "a"]
    pairs = [(a, b) for a in parts for b in parts]
    at = pa.array([0] * len(pairs), pa.timestamp("us", "UTC"))
    rows = pa.table({"a": [a for a, _ in pairs], "b": [b for _, b in pairs], "at": at})
    assert len(set(version_ids(rows, table).to_pylist())) == len(pairs)


def test_a_mariadb_is_read_like_any_database(
    stock: Callable[[dict[str, Any]], Source], mariadb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {
        "thing_id": "bigint", "name": "text", "price": "numeric(10,2)", "made_on": "date",
        "is_new": "boolean", "level": "bigint", "weight": "double", "updated_at": "timestamptz",
    }  # fmt: skip
    monkeypatch.setenv("SOURCE_STOCK_URL", mariadb)
    source = stock(entry(columns=columns, look_back_hours=24))
    engine = sa.create_engine(sa.make_url(mariadb).set(drivername="mysql+pymysql"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run = connection.exec_driver_sql
        run("""
            create table things (
                thing_id bigint, name longtext, price decimal(10, 2), made_on date,
                is_new tinyint(1), level tinyint unsigned, weight double,
                updated_at datetime(6) not null
            )
        """)
        run("""
            insert into things values
                (1, '의자', 1.10, '1950-02-03', 1, 200, 2.5, '2024-01-10 12:00:00.123456'),
                (2, null, null, null, null, null, null, '2024-01-11 04:59:59.999999'),
                (3, '', 0, '2024-01-01', 0, 0, 0, '2024-01-11 05:00:00')
        """)
        assert source.load(date(2024, 1, 10)) == 2
        at = datetime(2024, 1, 10, 12, 0, 0, 123456, UTC)
        day = date(1950, 2, 3)
        found = source.query(f"select {', '.join(columns)} from raw_stock.things order by 1")
        assert found[0] == (1, "의자", Decimal("1.10"), day, True, 200, 2.5, at)
        assert found[1][:-1] == (2, *[None] * 6)
        run("insert into things select 4, 'late', 1, null, 1, 1, 1, '2024-01-10 11:00'")
        run("insert into things select 5, 'a\\0b', 1, null, 1, 1, 1, '2024-01-12 11:00'")
        assert source.load() == 2
        assert source.load() == 0
        rejected = source.query("select reason from quarantine.rejected_rows")
        assert rejected == [("a zero byte",)]
        run("alter table things modify level varchar(9), add column `a%%b` int")
        with pytest.raises(SourceError, match="column level that is text and the catalog says"):
            source.load()
        run("alter table things modify level tinyint unsigned")
        run("update things set is_new = 2, updated_at = '2024-01-20' where thing_id = 1")
        with pytest.raises(SourceError, match="is_new that arrives as int8 and does not fit"):
            source.load()
        run("update things set is_new = 1, `a%%b` = 5 where thing_id = 1")
        assert source.load() == 1
        assert source.query("select _extra from raw_stock.things order by _dlt_load_id desc")[
            :1
        ] == [('{"a%b": "5"}',)]
