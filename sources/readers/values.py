"""Values of JSON documents and spreadsheets, as the catalog's types."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa


class AsWritten(float):
    """A number that keeps the digits it was written with."""

    text: str

    def __new__(cls, text: str) -> "AsWritten":
        """Returns the number of a JSON literal."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse_json(text: str | bytes) -> Any:
    """Returns a JSON document; raises `ValueError` where it is none."""
    try:
        return json.loads(text, parse_float=AsWritten, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None


def as_text(value: Any) -> str | None:
    """Returns a value as text: times as ISO, whole numbers without a point, the nested as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, AsWritten):
        return value.text
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def as_type(value: Any, kind: str) -> Any:
    """Returns a value as the catalog's type; raises `ValueError` where it is none without loss."""
    if value is None or kind == "text":
        return as_text(value)
    base, _, precision = kind.partition("(")
    try:
        if base == "numeric":
            digits, scale = map(int, precision.rstrip(")").split(","))
            return _numeric(value, digits, scale)
        return _TYPES[base](value)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise ValueError(f"is no {kind}") from None


def extra_of(document: Mapping[str, Any], catalogued: Mapping[str, str]) -> str | None:
    """Returns, as JSON text, what a document holds besides the catalogued columns."""
    others = {name: value for name, value in document.items() if name not in catalogued}
    return json.dumps(others, ensure_ascii=False, default=as_text) if others else None


def as_json_column(others: pa.Table) -> pa.Array:
    """Returns one JSON object in text per row; null where there are no columns."""
    if not others.num_columns:
        return pa.nulls(others.num_rows, pa.string())
    rows = others.to_pylist()
    return pa.array([json.dumps(row, ensure_ascii=False, default=as_text) for row in rows])


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError
    return number


def _real(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def _boolean(value: Any) -> bool:
    known = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
    if value not in known:
        raise ValueError
    return known[value]


def _day(value: Any) -> date:
    return date.fromisoformat(value)


def _instant(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(UTC)


def _numeric(value: Any, digits: int, scale: int) -> Decimal:
    if isinstance(value, bool):
        raise ValueError
    number = Decimal(as_text(value) or "")
    fitted = number.quantize(Decimal(1).scaleb(-scale))
    if fitted != number or len(fitted.as_tuple().digits) > digits:
        raise ValueError
    return fitted


_TYPES: dict[str, Callable[[Any], Any]] = {
    "bigint": _whole,
    "double": _real,
    "boolean": _boolean,
    "date": _day,
    "timestamptz": _instant,
}
