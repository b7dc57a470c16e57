"""What all source systems have in common, and what the tables' rows need before they are written.

A system remembers the last day it was given, together with the rows: a database in the same
transaction, a folder of files after them. So each day arrives exactly once, whenever the process
that hands it over was killed.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DayRows = Mapping[str, pa.Table]  # keyed "shop.orders"
Days = Mapping[date, DayRows]  # in the order of the days, without a hole

KEYS: Mapping[str, Sequence[str]] = {
    "shop.members": ["member_id"],
    "shop.products": ["product_id"],
    "shop.orders": ["order_id"],
    "shop.order_lines": ["order_id", "line_number"],
    "shop.returns": ["return_id"],
    "shop.coupons": ["coupon_id"],
    "shop.points_entries": ["entry_id"],
    "shop.rewards": ["reward_id"],
    "pos.stores": ["store_id"],
    "pos.competitor_stores": ["competitor_store_id"],
    "pos.receipts": ["receipt_id"],
    "pos.receipt_lines": ["receipt_id", "line_number"],
    "callcentre.cases": ["case_id"],
    "callcentre.staffing": ["department", "month"],
}


class System(ABC):
    """A source system that can be filled."""

    name: str

    @abstractmethod
    def address(self) -> Mapping[str, str]:
        """Returns the lines of `sources.env` that lead to it; starts its server if it has one."""

    @abstractmethod
    def last_day(self) -> date | None:
        """Returns the last day it was given; None when it is empty."""

    @abstractmethod
    def take(self, days: Days) -> int:
        """Takes the days after its last one, all or nothing; returns the rows written."""

    @abstractmethod
    def clear(self) -> None:
        """Empties it, so that it may be given the first day again."""


def gathered(days: Days, table: str) -> pa.Table | None:
    """Returns the table's rows of all the days, oldest first; None when there are none."""
    parts = [rows[table] for rows in days.values() if table in rows]
    return pa.concat_tables(parts) if parts else None


def newest_versions(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """Returns of each key the row that was updated last."""
    ordered = rows.sort_by("updated_at")
    numbered = ordered.select(list(key)).append_column(
        "row_number", pa.array(np.arange(rows.num_rows))
    )
    newest = numbered.group_by(list(key)).aggregate([("row_number", "max")])["row_number_max"]
    return ordered.take(newest.take(pc.sort_indices(newest)))


def as_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns texts: instants as `2026-06-30T01:02:03.456789Z`, days as `2026-06-30`."""
    if not pa.types.is_timestamp(column.type):
        return column.cast(pa.string())
    moments = column.cast(pa.timestamp("us")).cast(pa.string())
    return pc.binary_join_element_wise(pc.replace_substring(moments, " ", "T"), "Z", "")


def as_json(rows: pa.Table) -> pa.ChunkedArray:
    """Returns each row as a JSON object on one line.

    Its texts are taken to hold no control characters, as none of the company's do.
    """
    parts: list[pa.ChunkedArray | str] = []
    for name in rows.column_names:
        parts += [f'{"," if parts else "{"}"{name}":', _as_json_values(rows[name])]
    return pc.binary_join_element_wise(*parts, "}", "")


def _as_json_values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = as_texts(column)
    if not pa.types.is_integer(column.type):
        for special in ("\\", '"'):
            texts = pc.replace_substring(texts, special, f"\\{special}")
        texts = pc.binary_join_element_wise('"', texts, '"', "")
    return pc.fill_null(texts, "null")
