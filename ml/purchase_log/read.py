"""Reads a purchase log from CSV: who bought, on which day, for how much."""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import BoolArray, FloatArray
from warehouse.errors import SourceError

logger = logging.getLogger(__name__)

EPOCH = date(1970, 1, 1)
# Names that a column is known by when none is given.
USUAL_NAMES = {
    "customer": ("customer", "customer_id", "household_id", "person_id", "user_id"),
    "date": ("date", "day", "order_date", "purchase_date", "purchased_at", "transaction_timestamp"),
    "amount": ("amount", "order_amount", "sales_value", "spend", "total", "dollar_value"),
}


@dataclass(frozen=True)
class PurchaseLog:
    """One row per customer and day with a purchase or a return, by customer and day.

    Attributes:
        customer: the customer's number, from 0 on.
        day: days since 1970-01-01.
        bought: whether anything was bought that day; else there was only a return.
        spent: the sum of that day's amounts of zero and above.
        returned: the sum of its negative amounts, as a positive number.
        customer_count: how many customers there are.
    """

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    bought: BoolArray
    spent: FloatArray
    returned: FloatArray
    customer_count: int

    @property
    def first_day(self) -> date:
        """The first day with a purchase."""
        return EPOCH + timedelta(days=int(self.day[self.bought].min()))

    @property
    def last_day(self) -> date:
        """The last day with a row: what is known ends there."""
        return EPOCH + timedelta(days=int(self.day.max()))

    @property
    def has_one_amount(self) -> bool:
        """Whether every day with a purchase is of the same amount."""
        spent = self.spent[self.bought]
        return bool(np.ptp(spent) <= 1e-9 * max(1.0, float(np.abs(spent).max())))


def read_log(
    path: Path, *, customer: str | None, date_column: str | None, amount: str | None
) -> PurchaseLog:
    """Returns the log of a CSV file with a header line; a column is given or has a usual name.

    A negative amount is a return: it is no purchase, and comes off what was spent. Rows that name
    no customer are left out and counted in the log line.

    Raises:
        SourceError: the file, a column or a value is not as it must be; names the line.
    """
    table = read_table(path)
    names = [
        _column(path, table.columns, wanted, given)
        for wanted, given in (("customer", customer), ("date", date_column), ("amount", amount))
    ]
    table = table[names]
    anonymous = table[names[0]].isna()
    if anonymous.all():
        raise SourceError(
            f"{path.name} names no customer in its column {names[0]}.",
            "Name the column that holds customers by --customer.",
        )
    if anonymous.any():
        logger.warning("%d rows without a customer are left out.", int(anonymous.sum()))
        table = table[~anonymous]
    days = _days(path, names[1], table[names[1]])
    amounts = _amounts(path, names[2], table[names[2]])
    codes, _ = table[names[0]].factorize(sort=True)
    return purchase_log(codes.astype(np.int64), days, amounts)


def purchase_log(
    customer: NDArray[np.int64], day: NDArray[np.int64], amount: FloatArray
) -> PurchaseLog:
    """Returns the log of purchases in any order; what was returned before any purchase is left out.

    Raises:
        SourceError: there is no purchase at all.
    """
    if not (amount >= 0).any():
        raise SourceError(
            "The log holds returns only: every amount is below zero.",
            "Name the column with the amounts paid by --amount, purchases above zero.",
        )
    order = np.lexsort((day, customer))
    customer, day, amount = customer[order], day[order], amount[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(customer) != 0) | (np.diff(day) != 0)])
    spent = np.add.reduceat(np.maximum(amount, 0.0), starts)
    returned = np.add.reduceat(np.maximum(-amount, 0.0), starts)
    bought = np.add.reduceat((amount >= 0).astype(np.int64), starts) > 0
    customer, day = customer[starts], day[starts]
    begins = np.full(int(customer.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(begins, customer[bought], day[bought])
    kept = day >= begins[customer]
    buyers, customer = np.unique(customer[kept], return_inverse=True)
    return PurchaseLog(customer, day[kept], bought[kept], spent[kept], returned[kept], len(buyers))


def read_table(path: Path) -> Any:
    """Returns a CSV file as a pandas frame of text, empty cells as missing, blank lines left out.

    The index plus two is a row's line, as long as no cell runs over several lines.

    Raises:
        SourceError: there is no such file, or it is no CSV table with rows.
    """
    import pandas as pd

    try:
        table = pd.read_csv(
            path,
            dtype=str,
            encoding="utf-8-sig",
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
            skipinitialspace=True,
        )
    except FileNotFoundError:
        raise SourceError(f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise SourceError(f"{path} is a folder.", "Name a CSV file.") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path.name} is not UTF-8 text.", "Save it as CSV in UTF-8.") from None
    except pd.errors.EmptyDataError:
        raise SourceError(f"{path.name} is empty.", "Export it again, header included.") from None
    except (pd.errors.ParserError, csv.Error) as error:
        raise SourceError(
            f"{path.name} is not a CSV table: {error}.", "Correct the line, or export it again."
        ) from None
    table = table[~table.isna().all(axis=1)]
    if table.empty:
        raise SourceError(f"{path.name} holds no rows under its header.", "Export it again.")
    return table


def require_columns(path: Path, columns: Sequence[str], wanted: Sequence[str]) -> None:
    """Checks that a table has the columns; raises `SourceError` naming those there are."""
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise SourceError(
            f"{path.name} has no column {', '.join(missing)}.", f"It has: {', '.join(columns)}."
        )


def numbers(path: Path, name: str, text: Any) -> FloatArray:
    """Returns a text column as numbers; missing is NaN.

    Raises:
        SourceError: names the first line that holds no number.
    """
    import pandas as pd

    values: FloatArray = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    odd = text.notna().to_numpy() & ~np.isfinite(values)
    if odd.any():
        place = int(np.argmax(odd))
        raise SourceError(
            f"{path.name} line {text.index[place] + 2}: {name} is {text.iloc[place]!r}, not a "
            "number.",
            "Write plain numbers such as 1234.50.",
        )
    return values


def _column(path: Path, columns: Sequence[str], wanted: str, given: str | None) -> str:
    if given is not None:
        require_columns(path, columns, [given])
        return given
    found = [name for name in columns if name.strip().lower() in USUAL_NAMES[wanted]]
    if len(found) == 1:
        return found[0]
    fault = f"several columns that may be the {wanted}" if found else f"no column named {wanted}"
    raise SourceError(
        f"{path.name} has {fault}; it has: {', '.join(columns)}.", f"Name it by --{wanted}."
    )


def _amounts(path: Path, name: str, text: Any) -> FloatArray:
    values = numbers(path, name, text)
    if np.isnan(values).any():
        line = text.index[int(np.argmax(np.isnan(values)))] + 2
        raise SourceError(
            f"{path.name} line {line}: {name} is empty.", "Fill it in, or leave the row out."
        )
    return values


def _days(path: Path, name: str, text: Any) -> NDArray[np.int64]:
    """Returns days since 1970; of a time with a zone, the day as it is written."""
    import pandas as pd

    codes, written = text.fillna("").factorize()
    parts = pd.Series(written).str.split(r"[T ]", n=1, regex=True).str[0]
    parsed = pd.to_datetime(parts, format="ISO8601", errors="coerce")
    odd = parsed.isna().to_numpy()[codes]
    if odd.any():
        place = int(np.argmax(odd))
        raise SourceError(
            f"{path.name} line {text.index[place] + 2}: {name} is {written[codes[place]]!r}, not a "
            "day.",
            "Write days as YYYY-MM-DD.",
        )
    days: NDArray[np.int64] = parsed.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.asarray(days[codes], dtype=np.int64)
