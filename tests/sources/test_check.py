from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sources.catalog import load_catalog
from sources.check import _staging, check_source
from tests.sources import test_databases, test_services
from tests.sources.conftest import Source
from tests.sources.test_databases import database, entry
from tests.sources.test_services import Centre, centre
from warehouse.settings import Settings

__all__ = ["centre", "database"]  # fixtures


def findings(source: Source) -> list[tuple[str, str]]:
    """Returns what a check says of the source itself; of dbt's models it has none."""
    source.write()
    found = check_source(source.settings, "stock")
    assert all("\n" not in finding.what + finding.remedy for finding in found)
    return [(f.severity, f.what) for f in found if "does not declare" not in f.what]


def test_all_faults_of_an_entry_are_told_at_once(stock: Callable[..., Source]) -> None:
    source = stock(entry(mode="merge", fresh_within_hours=0, colour="red"))
    said = " ".join(what for _, what in findings(source))
    assert all(key in said for key in ("mode is 'merge'", "fresh_within_hours is 0", "colour"))


def test_a_database_is_compared_with_its_entry(
    stock: Callable[..., Source], database: psycopg.Connection
) -> None:
    assert findings(stock(test_databases.ENTRY)) == []
    database.execute("insert into things select * from things")
    database.execute("alter table things add column colour text")
    source = stock(entry())
    source.entry["feeds"] = {"products": "stg_stock__things"}
    columns = {"thing_id": "bigint", "size": "double", "updated_at": "timestamptz"}
    nowhere = entry(name="nowhere")["tables"][0]
    source.entry["tables"] += [nowhere]
    assert findings(source) == [
        ("fault", "Feed products is to come from stg_stock__things, which is no model of stock."),
        ("fault", "Source stock has no table nowhere."),
        ("note", "stock.things has a column colour that the catalog does not list."),
        ("fault", "stock.things has rows that share thing_id, updated_at."),
    ]
    source.entry = entry(columns=columns)
    assert findings(source)[0] == ("fault", "stock.things has no column size.")


def test_a_service_is_asked_for_its_first_page(
    stock: Callable[..., Source], centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = test_services.ENTRY
    lost = {**entry["tables"][0], "endpoint": "/v1/staffing", "records": "rows"}
    source = stock({**entry, "tables": [entry["tables"][1], lost]})
    centre.staffing[0]["colour"] = "red"
    assert findings(source) == [
        ("note", "stock.staffing has a column colour that the catalog does not list."),
        (
            "note",
            "stock.staffing: 1 of 2 rows cannot be read: /v1/staffing: agents is no bigint.",
        ),
        ("fault", "stock.cases: /v1/staffing holds no list in rows."),
    ]
    monkeypatch.delenv("SOURCE_STOCK_URL")
    assert findings(source) == [("fault", "The address of source stock is not known.")]


def test_the_newest_drop_of_every_table_is_read(
    stock: Callable[..., Source], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {
        "name": "things", "path": "things_{date}.csv", "format": "csv", "key": ["thing_id"],
        "cursor": "_file_date", "mode": "append", "fresh_within_hours": 24, "required": True,
        "columns": {"thing_id": "text"},
    }  # fmt: skip
    files = {**test_databases.ENTRY, "reader": "files"}
    source = stock({**files, "tables": [table, {**table, "name": "b", "path": "b_{date}.csv"}]})
    monkeypatch.setenv("SOURCE_STOCK_URL", f"file://{tmp_path}/drops")
    assert findings(source)[0][1].startswith("Source stock has no folder")
    (tmp_path / "drops").mkdir()
    (tmp_path / "drops" / "things_2024-01-09.csv").write_text("other\n")
    (tmp_path / "drops" / "things_2024-01-10.csv").write_text("thing_id\n1\n2,3\n")
    said = "things_2024-01-10.csv line 3: 2 fields where the header has 1"
    assert findings(source) == [
        ("note", f"stock.things: 1 of 2 rows cannot be read: {said}."),
        ("fault", "Source stock has no file b_{date}.csv."),
    ]


@pytest.mark.parametrize("data", ["company", "complete_journey"])
def test_every_provider_of_a_feed_has_its_columns(data: str) -> None:
    settings = Settings(_env_file=None, data=data)  # type: ignore[call-arg]
    sources = [path.stem for path in settings.catalog_dir.glob("*.yml")]
    assert sources
    for source in sources:
        catalog = load_catalog(settings, source)
        found = _staging(settings.staging_dir / source, source, catalog)
        assert [finding for finding in found if finding.severity == "fault"] == []


def test_a_provider_without_a_column_of_its_feed_is_told(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data="complete_journey")  # type: ignore[call-arg]
    for path in (settings.staging_dir / "crm").iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    model = tmp_path / "stg_crm__demographics.yml"
    model.write_text(model.read_text().replace("- name: postcode", "- name: zip_code"))
    found = list(_staging(tmp_path, "crm", load_catalog(settings, "crm")))
    assert [(finding.severity, finding.what) for finding in found] == [
        ("fault", "stg_crm__demographics.yml does not list postcode of feed persons.")
    ]


@pytest.mark.usefixtures("database")
def test_a_feed_that_dbt_does_not_know_is_a_fault(stock: Callable[..., Source]) -> None:
    source = stock(test_databases.ENTRY)
    source.entry["feeds"] = {"product": "stg_stock__things"}
    assert findings(source) == [("fault", "There is no feed product.")]
