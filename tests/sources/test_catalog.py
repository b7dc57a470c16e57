from pathlib import Path
from typing import Any

import pytest
import yaml

from sources.catalog import load_catalog
from warehouse.errors import SourceError
from warehouse.settings import Settings
from warehouse.walk import sources

SQL: dict[str, Any] = {
    "description": "A table of things.",
    "reader": "sql",
    "tables": [
        {
            "name": "things", "key": ["thing_id"], "cursor": "updated_at", "mode": "append",
            "fresh_within_hours": 24, "required": True,
            "columns": {
                "thing_id": "bigint", "price": "numeric(10,2)", "updated_at": "timestamptz",
            },
        }
    ],
}  # fmt: skip
FILES: dict[str, Any] = {
    "description": "Drops of things.",
    "reader": "files",
    "tables": [
        {
            "name": "things", "path": "{date}/things.csv", "format": "csv", "key": ["thing_id"],
            "cursor": "_file_date", "mode": "snapshot", "fresh_within_hours": 24,
            "required": True, "columns": {"thing_id": "text"},
        }
    ],
}  # fmt: skip

REST: dict[str, Any] = {
    "description": "A service of things.",
    "reader": "rest",
    "tables": [
        {
            "name": "things", "endpoint": "/things", "records": "data", "key": ["thing_id"],
            "paging": {"parameter": "cursor", "next": "next_cursor"}, "cursor": "updated_at",
            "mode": "upsert", "since": "updated_since", "until": "updated_before",
            "look_back_hours": 24, "fresh_within_hours": 24, "required": True,
            "columns": {"thing_id": "bigint", "updated_at": "timestamptz"},
        }
    ],
}  # fmt: skip


def altered(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Returns a catalog entry with keys of its table changed, or removed where None."""
    table = {**base["tables"][0], **changes}
    return {**base, "tables": [{k: v for k, v in table.items() if v is not None}]}


def load(settings: Settings, folder: Path, entry: object) -> object:
    folder.mkdir(exist_ok=True)
    text = entry if isinstance(entry, str) else yaml.safe_dump(entry)
    (folder / "stock.yml").write_text(text)
    return load_catalog(settings.model_copy(update={"catalog_dir": folder}), "stock")


def test_every_catalogued_source_validates(settings: Settings) -> None:
    assert sources(settings) == ["campaigns", "crm", "shop"]
    for source in sources(settings):
        assert load_catalog(settings, source).tables


SNAPSHOT = altered(SQL, cursor="_snapshot_at", mode="snapshot")
GRAIN = altered(SQL, grain={"entity": "thing_id", "time": "updated_at"})
PACKED = altered(FILES, path="{date}/things.jsonl.gz", format="jsonl")


EDITED = altered(
    FILES,
    columns={"thing_id": "text", "a": "text", "b": "text"},
    fields={"a": "phone", "b": "edited_on"},
    lasting=True,
)


@pytest.mark.parametrize("entry", [SQL, FILES, REST, SNAPSHOT, GRAIN, PACKED, EDITED])
def test_a_right_entry_is_taken(entry: object, settings: Settings, tmp_path: Path) -> None:
    assert load(settings, tmp_path, entry)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**SQL, "colour": "red"}, "unknown key colour.*Allowed here:.*reader"),
        ({**SQL, "reader": "ftp"}, "reader is 'ftp'.*sql, files, rest"),
        ({**SQL, "tables": []}, r"tables is \[\]"),
        ({**SQL, "tables": SQL["tables"] * 2}, "table things stands twice"),
        (altered(SQL, colour="red"), "unknown key tables.0.colour.*Allowed here:.*cursor"),
        (altered(SQL, mode="merge"), "tables.0.mode is 'merge'.*'append', 'upsert' or 'snapshot'"),
        (altered(SQL, mode="snapshot"), "cursor _snapshot_at with mode snapshot, and only with it"),
        (altered(SQL, cursor="_snapshot_at"), "cursor _snapshot_at with mode snapshot"),
        (
            altered(SQL, cursor="_snapshot_at", mode="snapshot", look_back_hours=1),
            "no look_back_hours with mode snapshot",
        ),
        (altered(SQL, grain={"entity": "thing_id", "time": "sold_at"}), "grain.*sold_at is none"),
        (
            altered(SQL, grain={"entity": "thing_id", "at": 1}),
            "Allowed here: entity, time|time is missing",
        ),
        (altered(SQL, fields={"name": "email"}), "fields of listed columns, and name is none"),
        (altered(SQL, fields={"price": "money"}), "fields.price is 'money'.*'phone', 'email'"),
        (altered(SQL, fields={"price": "phone"}), r"phone of type text or bigint, and price is nu"),
        (altered(EDITED, fields=dict.fromkeys(("a", "b"), "edited_on")), "one column edited_on"),
        (altered(SQL, lasting=True), "lasting with mode upsert or snapshot"),
        (altered(SQL, key=None), "tables.0.key is missing"),
        (altered(SQL, key=["sku"]), "a key of listed columns, and sku is none"),
        (altered(SQL, cursor="price"), "a cursor of type timestamptz, and price is none"),
        (altered(SQL, required="yes"), "tables.0.required is 'yes'.*boolean"),
        (altered(SQL, fresh_within_hours=0), "fresh_within_hours is 0"),
        (altered(SQL, columns={"thing_id": "money"}), "is 'money'.*text, bigint, double"),
        (altered(FILES, path="things.csv"), "path is 'things.csv'.*a path with {date} in it once"),
        (altered(FILES, path="{date}/{date}.csv"), "a path with {date} in it once"),
        (
            altered(FILES, format="xml"),
            "tables.0.format is 'xml'.*'csv', 'jsonl', 'parquet' or 'xlsx'",
        ),
        (altered(FILES, format="xlsx", columns={"thing_id": "bigint"}), "type text in a xlsx"),
        (altered(FILES, path="{date}/a.xlsx.gz", format="xlsx"), "a path without .gz"),
        (altered(REST, endpoint="things"), "tables.0.endpoint is 'things'"),
        (altered(REST, paging={"parameter": "cursor", "after": "x"}), "Add tables.0.paging.next"),
        (altered(REST, page=1), "unknown key tables.0.page.*Allowed here:.*endpoint"),
        (altered(FILES, columns={"thing_id": "bigint"}), "type text in a csv"),
        (altered(FILES, encoding="klingon"), "tables.0.*encoding.*klingon"),
        ("- a list", "holds no keys"),
        ("reader: [", "line 2 is not YAML"),
    ],
)
def test_a_wrong_entry_is_an_error_that_names_file_key_value_and_what_is_allowed(
    entry: object, message: str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=rf"stock\.yml.*{message}") as caught:
        load(settings, tmp_path, entry)
    assert "\n" not in str(caught.value)


def test_a_source_without_an_entry_is_an_error_that_names_the_known_ones(
    settings: Settings,
) -> None:
    with pytest.raises(SourceError, match=r"warehouse_robot.*campaigns, crm, shop"):
        load_catalog(settings, "warehouse_robot")
