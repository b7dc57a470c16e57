"""The bytes of a published list: a CSV file that opens safely and alike everywhere.

- UTF-8 with a byte order mark: Excel on a Korean Windows takes a file without it for CP949 and
  shows Korean names and reasons as rubbish. Other readers skip the mark (`utf-8-sig`).
- A text cell that a spreadsheet would run as a formula gets an apostrophe in front.
- Numbers have a fixed number of decimals and lines end as RFC 4180 says, so equal rows are equal
  bytes.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# Excel in East Asian languages also takes the full-width signs for the beginning of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def neutralised(text: str) -> str:
    """Returns the text as a spreadsheet may show it: never as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _decimals(places: int) -> Callable[[Any], str]:
    return lambda value: f"{value:.{places}f}"


# Name and rendering of every column, in the order of the file. Columns may be added at the end.
COLUMNS: Mapping[str, Callable[[Any], str]] = {
    "as_of_date": lambda value: str(value.isoformat()),
    "list_name": neutralised,
    "rank": str,
    "person_id": neutralised,
    "channel": neutralised,
    "contact_value": neutralised,
    "offer": neutralised,
    "reason_1": neutralised,
    "reason_2": neutralised,
    "reason_3": neutralised,
    "score_name": neutralised,
    "score": _decimals(6),
    "expected_value": _decimals(2),
    "model_kind": neutralised,
    "model_version": neutralised,
    "consent_basis": neutralised,
    "source_age_hours": _decimals(1),
    "trust": neutralised,
    "ranked_by": neutralised,
}


def render(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Returns the file of the given rows; an unknown value (None) is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            "" if row[name] is None else rendered(row[name]) for name, rendered in COLUMNS.items()
        )
    return text.getvalue().encode("utf-8-sig")
