import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sources.add import add_source
from sources.catalog import load_catalog
from tests.sources.conftest import Source
from tests.sources.test_databases import ENTRY, database
from tests.sources.test_formats import jsonl, sheet
from tests.sources.test_services import Centre, centre
from warehouse.errors import SourceError

__all__ = ["centre", "database"]  # fixtures


@pytest.fixture
def source(stock: Callable[[dict[str, Any]], Source]) -> Source:
    return stock(ENTRY)


def added(source: Source, folder: Path, **how: Any) -> dict[str, Any]:
    """Adds the source, and returns its tables as catalogued, by name."""
    written = add_source(
        source.settings, "stock", os.environ["SOURCE_STOCK_URL"], staging_dir=folder, **how
    )
    assert all(path.exists() for path in written)
    source.entry = yaml.safe_load((source.settings.catalog_dir / "stock.yml").read_text())
    catalog = load_catalog(source.settings, "stock")
    assert written[1] == folder / "stock" / "_stock__sources.yml"
    assert len(written) == 2 + 2 * len(catalog.tables)
    return {table["name"]: table for table in source.entry["tables"]}


def test_a_database_is_added_and_loads_and_nothing_is_overwritten(
    source: Source, database: psycopg.Connection, tmp_path: Path
) -> None:
    database.execute("drop table if exists parts")
    database.execute('create table parts (part_no int primary key, price numeric, "Odd" int)')
    tables = added(source, tmp_path, reader="sql", db_schema="public")
    assert tables["things"]["columns"] == ENTRY["tables"][0]["columns"]
    assert (tables["things"]["key"], tables["things"]["cursor"]) == (["thing_id"], "updated_at")
    assert tables["parts"]["columns"] == {"part_no": "bigint", "price": "numeric(38,10)"}
    assert (tables["parts"]["key"], tables["parts"]["mode"]) == (["part_no"], "snapshot")
    assert source.load() == 2
    with pytest.raises(SourceError, match=r"stock\.yml exists"):
        add_source(
            source.settings, "stock", os.environ["SOURCE_STOCK_URL"], reader="sql",
            staging_dir=tmp_path,
        )  # fmt: skip
    database.execute("drop table parts")


def test_a_folder_is_added_with_its_formats_and_encodings(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops = tmp_path / "drops"
    monkeypatch.setenv("SOURCE_STOCK_URL", f"file://{drops}")
    (drops / "2024-01-10").mkdir(parents=True)
    (drops / "names_2024-01-10.csv").write_bytes("name_id;name;email\n1;의자;\n".encode("cp949"))
    (drops / "answers_2024-01-10.xlsx").write_bytes(sheet(["answer_id", "score"], [1, 5]))
    (drops / "readme.txt").write_text("not dated")
    packed = gzip.compress(jsonl({"event_id": "1", "at": "2024-01-10T00:00:00Z"}))
    (drops / "2024-01-10" / "events.jsonl.gz").write_bytes(packed)
    table = pa.table({"send_id": [1], "price": pa.array([None], pa.decimal128(9, 2))})
    pq.write_table(table, drops / "2024-01-10" / "sends.parquet")
    tables = added(source, tmp_path / "staging", reader="files")
    assert sorted(tables) == ["answers", "events", "names", "sends"]
    assert tables["names"]["encoding"] == "cp949"
    assert tables["names"]["delimiter"] == ";"
    assert tables["names"]["fields"] == {"name": "person_name", "email": "email"}
    assert tables["events"]["path"] == "{date}/events.jsonl.gz"
    assert tables["sends"]["columns"] == {"send_id": "bigint", "price": "numeric(9,2)"}
    assert source.load() == 4
    assert source.query("select name from raw_stock.names") == [("의자",)]


def test_a_service_is_added(
    source: Source, centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = centre.answer
    monkeypatch.setattr(
        centre,
        "answer",
        lambda path, query: pages(path, {"updated_before": "3", "limit": "9"} | query),
    )
    tables = added(source, tmp_path, reader="rest", token="secret-token", endpoints=("/v1/cases",))
    assert tables["cases"]["columns"] == {
        "case_id": "bigint", "topic": "text", "updated_at": "timestamptz",
    }  # fmt: skip
    assert tables["cases"]["paging"] == {"parameter": "cursor", "next": "next_cursor"}
    assert source.load() == 8


def test_what_is_written_keeps_the_rules_of_the_house(
    source: Source, database: psycopg.Connection, tmp_path: Path
) -> None:
    assert database
    added(source, tmp_path, reader="sql")
    model = (tmp_path / "stock" / "stg_stock__things.sql").read_text()
    assert "-- Grain: one row per thing_id and version." in model
    assert '{{ trimmed("name") }} as name,' in model


def test_what_columns_seem_to_hold_of_a_person_is_proposed(
    source: Source, database: psycopg.Connection, tmp_path: Path
) -> None:
    database.execute("drop table if exists patrons, goods")
    database.execute(
        """
        create table patrons (
            patron_id int primary key, name text, login_email text, email_verified boolean,
            phone_number text, date_of_birth date, ip_address text, address text, zip int,
            last_edited_on date
        );
        create table goods (goods_id int primary key, name text, updated_on date)
        """
    )
    tables = added(source, tmp_path, reader="sql", db_schema="public")
    assert tables["patrons"]["lasting"] is True
    assert tables["patrons"]["fields"] == {
        "name": "person_name", "login_email": "email", "phone_number": "phone",
        "date_of_birth": "birth_date", "address": "address", "zip": "postcode",
        "last_edited_on": "edited_on",
    }  # fmt: skip
    assert not {"lasting", "fields"} & tables["goods"].keys()
    database.execute("drop table patrons, goods")
