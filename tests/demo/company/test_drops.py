from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa

from demo.company.lay_down import _hand_over
from demo.company.systems.drops import Survey
from demo.company.systems.system import DayRows
from demo.company.tables import SURVEY

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
