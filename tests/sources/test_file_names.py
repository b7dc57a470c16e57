"""What a file is called is data, whatever it looks like."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sources.add import add_source
from sources.check import check_source
from tests.sources.conftest import Source
from warehouse.errors import SourceError

FOLDER = "it's {{ 7 * 7 }}; --"
NAMES = [
    "x'; drop table ops.loads; --_{{ 1 }}_{date}.csv",
    '"; delete from ops.loads; *? %s %(day)s_{date}.csv',
    "{% raw %}/{date}_{}_{0}_$1_\\_색.csv",
]


def entry(path: str) -> dict[str, Any]:
    return {
        "description": "A table of things.",
        "reader": "files",
        "tables": [
            {
                "name": "things", "path": path, "format": "csv", "key": ["thing_id"],
                "cursor": "_file_date", "mode": "append", "fresh_within_hours": 24,
                "required": True, "columns": {"thing_id": "text", "name": "text"},
            }
        ],
    }  # fmt: skip


def lay_down(root: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lays down a drop of one good and one ragged row, and returns its name."""
    name = path.replace("{date}", "2024-01-10")
    drop = root / FOLDER / name
    drop.parent.mkdir(parents=True, exist_ok=True)
    drop.write_text("thing_id,name\n1,{{ 1/0 }}'; --\n2\n", encoding="utf-8")
    monkeypatch.setenv("SOURCE_STOCK_URL", f"file://{root / FOLDER}")
    return name


@pytest.mark.parametrize("path", NAMES)
def test_a_file_is_loaded_once_under_its_name(
    stock: Callable[[dict[str, Any]], Source],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    name = lay_down(tmp_path, path, monkeypatch)
    source = stock(entry(path))
    assert source.load() == 1
    assert source.load() == 0
    assert source.query("select thing_id, name, _file_name from raw_stock.things") == [
        ("1", "{{ 1/0 }}'; --", name)
    ]
    assert source.query("select file_name from ops.loaded_files") == [(name,)]
    assert source.query(
        "select raw_row ->> 'file', reason from quarantine.rejected_rows"
    ) == [(name, f"{name} line 3: 1 fields where the header has 2")]  # fmt: skip
    assert source.query("select count(*) from ops.loads") == [(2,)]


@pytest.mark.parametrize("path", NAMES)
def test_a_source_is_checked_and_added_with_it(
    stock: Callable[[dict[str, Any]], Source],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    lay_down(tmp_path, path, monkeypatch)
    source = stock(entry(path))
    source.write()
    said = [finding.what for finding in check_source(source.settings, "stock")]
    assert any("1 of 2 rows cannot be read" in what for what in said)
    (source.settings.catalog_dir / "stock.yml").unlink()
    add_source(
        source.settings, "stock", os.environ["SOURCE_STOCK_URL"],
        reader="files", staging_dir=tmp_path / "staging",
    )  # fmt: skip
    source.entry = yaml.safe_load((source.settings.catalog_dir / "stock.yml").read_text())
    assert [table["path"] for table in source.entry["tables"]] == [path]
    assert source.load() == 1


def test_a_name_without_a_date_is_told_as_it_is(
    stock: Callable[[dict[str, Any]], Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_down(tmp_path, NAMES[0].replace("{date}", "{{ today }}"), monkeypatch)
    with pytest.raises(SourceError) as told:
        stock(entry(NAMES[0])).load()
    assert "--_{{ 1 }}_{{ today }}.csv of stock.things has no date" in str(told.value)
