import json
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa

from demo.company.lay_down import _hand_over
from demo.company.systems.drops import Survey
from demo.company.systems.system import DayRows, as_json
from demo.company.tables import CALLCENTRE, SURVEY

SUNDAY, MONDAY = date(2024, 1, 7), date(2024, 1, 8)


def answer(number: int) -> DayRows:
    row = {"response_id": number, "answered_at": datetime(2024, 1, 7, 3, 0, 1, 5, UTC)}
    return {"survey.responses": pa.Table.from_pylist([row], schema=SURVEY["responses"])}


def test_a_day_handed_over_again_is_not_taken_again(tmp_path: Path) -> None:
    survey = Survey(tmp_path)
    survey.clear()
    assert _hand_over(survey, {SUNDAY: answer(1)}) == 1
    assert _hand_over(survey, {SUNDAY: answer(1), MONDAY: answer(2)}) == 1
    sheet = openpyxl.load_workbook(tmp_path / "survey" / f"responses_{MONDAY}.xlsx").active
    assert sheet is not None
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [row[0] for row in rows] == [1, 2]
    assert survey.last_day() == MONDAY


def test_json_holds_what_the_rows_hold() -> None:
    row = {
        "case_id": 1,
        "caller_name": 'back\\slash "quoted" 가',
        "opened_at": datetime(2024, 1, 7, 3, 0, 1, 5, UTC),
    }
    (line,) = as_json(pa.Table.from_pylist([row], schema=CALLCENTRE["cases"])).to_pylist()
    assert "\n" not in line
    held = {name: value for name, value in json.loads(line).items() if value is not None}
    assert held == row | {"opened_at": "2024-01-07T03:00:01.000005Z"}
    assert list(json.loads(line)) == CALLCENTRE["cases"].names
