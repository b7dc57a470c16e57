import gzip
import io
import json
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from sources.catalog import FileTable
from sources.readers.files import Drop, read_drop
from sources.readers.reading import Reading
from sources.readers.shape import SchemaChanged

KOREAN = "의자와 책상"


def table(file_format: str, **changes: Any) -> FileTable:
    """Returns the catalog entry of things with an id and a name."""
    entry = {
        "name": "things", "path": "{date}/things", "format": file_format, "key": ("thing_id",),
        "cursor": "_file_date", "mode": "append", "fresh_within_hours": 24, "required": True,
        "columns": {"thing_id": "text", "name": "text"},
    }  # fmt: skip
    return FileTable(**{**entry, **changes})


def read(data: bytes, entry: FileTable, name: str = "drop") -> tuple[list[Any], Reading]:
    """Returns the good rows of a drop as (id, name), and what else was counted."""
    reading = Reading("stock", entry)
    drop = Drop(name, name, date(2024, 1, 10), "0" * 64)
    batches = list(read_drop(drop, io.BytesIO(data), reading))
    rows = [tuple(row.values())[:2] for batch in batches for row in batch.to_pylist()]
    assert reading.rows_read == len(rows) + len(reading.rejected)
    return rows, reading


def reasons(reading: Reading) -> list[str]:
    return [row.reason for row in reading.rejected]


def extras(data: bytes, entry: FileTable) -> list[Any]:
    drop = Drop("drop", "drop", date(2024, 1, 10), "0" * 64)
    batches = read_drop(drop, io.BytesIO(data), Reading("stock", entry))
    return [text and json.loads(text) for batch in batches for text in batch["_extra"].to_pylist()]


def jsonl(*documents: Any) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def sheet(*rows: list[Any]) -> bytes:
    workbook = Workbook()
    for row in rows:
        workbook.active.append(row)  # type: ignore[union-attr]
    workbook.create_sheet("another").append(["not", "read"])
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "xlsx", "parquet"])
def test_an_empty_file_is_one_rejected_row_that_names_it(file_format: str) -> None:
    rows, reading = read(b"", table(file_format), "2024-01-10/things")
    assert rows == []
    assert len(reading.rejected) == 1
    assert "2024-01-10/things line 1: the file is" in reasons(reading)[0]


@pytest.mark.parametrize("file_format", ["xlsx", "parquet"])
def test_a_half_written_file_without_lines_is_one_rejected_row(file_format: str) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"thing_id": ["1"], "name": ["x"]}), stream)
    whole = {"xlsx": sheet(["thing_id", "name"], ["1", "x"]), "parquet": stream.getvalue()}
    assert read(whole[file_format], table(file_format))[0] == [("1", "x")]
    rows, reading = read(whole[file_format][:-30], table(file_format))
    assert rows == []
    assert "cut off" in reasons(reading)[0]


def test_a_half_written_csv_gives_its_whole_rows() -> None:
    rows, reading = read(b"thing_id,name\n1,chair\n2", table("csv"))
    assert rows == [("1", "chair")]
    assert reasons(reading) == ["drop line 3: 1 fields where the header has 2"]


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_a_truncated_archive_gives_its_whole_rows_and_one_rejected_row(file_format: str) -> None:
    things = [{"thing_id": str(n), "name": f"thing {n * n}"} for n in range(5000)]
    lines = "".join(f"{thing['thing_id']},{thing['name']}\n" for thing in things)
    data = jsonl(*things) if file_format == "jsonl" else f"thing_id,name\n{lines}".encode()
    packed = gzip.compress(data)
    assert len(read(packed, table(file_format), "drop.gz")[0]) == 5000
    rows, reading = read(packed[: len(packed) // 2], table(file_format), "drop.gz")
    assert 1000 < len(rows) < 5000
    assert rows == [(thing["thing_id"], thing["name"]) for thing in things[: len(rows)]]
    assert len(reading.rejected) == 1
    assert "the archive is cut off here" in reasons(reading)[0]


def test_an_archive_with_a_damaged_byte_keeps_what_can_be_unpacked() -> None:
    packed = bytearray(gzip.compress(jsonl({"thing_id": "1", "name": "x"})))
    packed[-6] ^= 0xFF  # its checksum
    rows, reading = read(bytes(packed), table("jsonl"), "drop.gz")
    assert rows == [("1", "x")]
    assert "the archive is damaged here" in reasons(reading)[0]
    rows, reading = read(b"thing_id,name\n1,x\n", table("csv"), "drop.gz")
    assert rows == []
    assert "the archive is damaged" in reasons(reading)[0]


def test_a_cell_of_a_megabyte_is_read() -> None:
    cell = "x" * 1_048_576
    assert read(f'thing_id,name\n1,"{cell}"\n'.encode(), table("csv"))[0] == [("1", cell)]
    assert read(jsonl({"thing_id": "1", "name": cell}), table("jsonl"))[0] == [("1", cell)]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert read(b"\xef\xbb\xbfthing_id,name\n1,x\n", table("csv"))[0] == [("1", "x")]
    mark = b"\xef\xbb\xbf"
    assert read(mark + jsonl({"thing_id": "1", "name": "x"}), table("jsonl"))[0] == [("1", "x")]


def test_korean_text_is_read_in_the_catalogued_encoding_and_rejected_in_another() -> None:
    data = f"thing_id,name\n1,{KOREAN}\n2,lamp\n"
    cp949 = table("csv", encoding="cp949")
    assert read(data.encode("cp949"), cp949)[0] == [("1", KOREAN), ("2", "lamp")]
    rows, reading = read(data.encode("cp949"), table("csv"))
    assert rows == [("2", "lamp")]
    assert reasons(reading) == ["drop line 2: bytes that are not utf-8"]
    rows, reading = read(data.encode(), cp949)
    assert rows == []
    assert reasons(reading)[0] == "drop line 2: the file is utf-8 and not cp949"


def test_json_values_become_text_as_they_were_written() -> None:
    documents = b"""\
{"thing_id": 12345678901234567890, "name": 12345678901234567.890}
{"thing_id": true, "name": {"a": [1, 2.50, null, "\xec\x9d\x98"]}}
{"thing_id": "", "name": null}

{"thing_id": "4"}
"""
    assert read(documents, table("jsonl"))[0] == [
        ("12345678901234567890", "12345678901234567.890"),
        ("true", '{"a": [1, 2.5, null, "의"]}'),
        ("", None),
        ("4", None),
    ]


def test_json_lines_take_the_catalogued_types_and_reject_what_does_not_fit() -> None:
    columns = {
        "thing_id": "bigint", "at": "timestamptz", "on": "date", "price": "numeric(6,2)",
        "is_new": "boolean", "weight": "double",
    }  # fmt: skip
    good = {
        "thing_id": "7", "at": "2024-01-10T12:00:00+09:00", "on": "2024-01-10", "price": 1.1,
        "is_new": False, "weight": 2,
    }  # fmt: skip
    bad = [
        {**good, "thing_id": 1.5}, {**good, "thing_id": True},
        {**good, "at": "2024-01-10T12:00:00"},
        {**good, "on": "10.1.2024"}, {**good, "price": "1.234"}, {**good, "price": 12345.6},
        {**good, "is_new": "maybe"}, {**good, "weight": "heavy"}, {**good, "thing_id": 2**63},
    ]  # fmt: skip
    rows, reading = read(jsonl(good, *bad), table("jsonl", columns=columns))
    assert rows == [(7, datetime.fromisoformat("2024-01-10T03:00:00+00:00"))]
    assert [reason.partition(": ")[2] for reason in reasons(reading)] == [
        "thing_id is no bigint", "thing_id is no bigint", "at is no timestamptz", "on is no date",
        "price is no numeric(6,2)", "price is no numeric(6,2)", "is_new is no boolean",
        "weight is no double", "thing_id is no bigint",
    ]  # fmt: skip


def test_a_line_that_is_no_json_object_is_rejected_alone() -> None:
    data = (
        b'{"thing_id": "1"}\n{"thing_id": \n[1]\n{"thing_id": NaN}\n{"thing_id": "\\u0000"}\n'
        b'{"thing_id": "\\ud800"}\n' + b"[" * 100_000 + b'\n{"thing_id": "8"}\n'
    )
    rows, reading = read(data, table("jsonl"))
    assert rows == [("1", None), ("8", None)]
    assert [reason.partition(" ")[2] for reason in reasons(reading)] == [
        "line 2: no JSON", "line 3: no JSON object", "line 4: no JSON", "line 5: a zero byte",
        "line 6: bytes that are not characters", "line 7: no JSON",
    ]  # fmt: skip


def test_a_sheet_gives_its_first_sheet_as_text() -> None:
    data = sheet(
        ["name", "thing_id", "colour"],
        [datetime.fromisoformat("2024-01-10T12:30"), 7, None],
        [None, None, None],
        [1.5, 2.0, "red"],
        ["=1+1", True],
        ["a", "b", "c", "d"],
    )
    rows, reading = read(data, table("xlsx"))
    assert rows == [("7", "2024-01-10T12:30:00"), ("2", "1.5"), ("true", None)]
    assert reasons(reading) == ["drop line 6: 4 cells where the header has 3"]
    assert extras(data, table("xlsx"))[1] == {"colour": "red"}


def test_a_zero_byte_in_parquet_rejects_its_row() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"thing_id": ["1", "2", "3"], "name": ["a", "b\0", ""]}), stream)
    rows, reading = read(stream.getvalue(), table("parquet"))
    assert rows == [("1", "a"), ("3", "")]
    assert reasons(reading) == ["drop row 2: a zero byte"]


@pytest.mark.parametrize("name", ["colour", "{{ colour }}", "'; drop table ops.loads; --", "색"])
def test_a_new_column_lands_beside_the_others_whatever_its_name(name: str) -> None:
    documents = [{"thing_id": "1", "name": "x", name: None}, {"thing_id": "2", name: ["{% if"]}]
    assert extras(jsonl(*documents), table("jsonl")) == [{name: None}, {name: ["{% if"]}]
    quoted = f'thing_id,"{name}",name\n1,,x\n2,red,\n'.encode()
    assert extras(quoted, table("csv")) == [{name: ""}, {name: "red"}]
    stream = io.BytesIO()
    columns = {"thing_id": ["1"], "name": ["x"], name: [date(2024, 1, 10)]}
    pq.write_table(pa.table(columns), stream)
    assert extras(stream.getvalue(), table("parquet")) == [{name: "2024-01-10"}]
    _, reading = read(quoted, table("csv"))
    assert list(reading.added) == [name]


def test_a_column_that_is_gone_or_renamed_stops_the_source_and_is_named() -> None:
    with pytest.raises(SchemaChanged, match="has no column name but a new one title") as caught:
        read(b"thing_id,title\n1,x\n", table("csv"))
    assert [(c.change, c.column) for c in caught.value.changes] == [("renamed", "name")]
    with pytest.raises(SchemaChanged, match=r"no column thing_id; no column name\."):
        read(b"a,b\n1,x\n", table("csv"))
    few = [{"thing_id": str(n), "title": "x"} for n in range(99)]
    assert len(read(jsonl(*few), table("jsonl"))[0]) == 99
    with pytest.raises(SchemaChanged, match="has no column name but a new one title"):
        read(jsonl(*few, few[0]), table("jsonl"))
