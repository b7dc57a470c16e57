from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ml.purchase_log.read import PurchaseLog, purchase_log, read_log
from warehouse.errors import SourceError


def read(tmp_path: Path, text: str | bytes, **columns: str) -> PurchaseLog:
    path = tmp_path / "log.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = {"customer": None, "date_column": None, "amount": None, **columns}
    return read_log(path, **given)


def test_a_log_is_one_row_per_customer_and_day(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        "customer,date,amount\nb,2024-01-02,3\na,2024-01-05,2.5\na,2024-01-05,1.5\n\nb,2024-01-01,0\n",
    )
    assert log.customer.tolist() == [0, 1, 1]
    assert log.spent.tolist() == [4.0, 0.0, 3.0]
    assert (log.first_day, log.last_day) == (date(2024, 1, 1), date(2024, 1, 5))


def test_days_are_read_as_they_are_written(tmp_path: Path) -> None:
    written = ("20240105", "2024-01-05T23:59:00+09:00", "2024-01-05 00:10:00")
    lines = "".join(f"a,{day},1\n" for day in written)
    log = read(tmp_path, "customer_id,order_date,sales_value\n" + lines)
    assert (log.first_day, log.last_day) == (date(2024, 1, 5), date(2024, 1, 5))


def test_columns_of_other_names_are_given(tmp_path: Path) -> None:
    log = read(
        tmp_path, "who,when,much\na,2024-01-05,1\n", customer="who", date_column="when",
        amount="much",
    )  # fmt: skip
    assert log.customer_count == 1


def test_a_return_is_no_purchase_and_comes_off_what_was_spent() -> None:
    log = purchase_log(
        np.array([0, 0, 0, 1, 1]), np.array([1, 5, 7, 2, 3]), np.array([-9.0, 10.0, -4.0, -1.0, 2])
    )
    assert log.day.tolist() == [5, 7, 3]
    assert log.bought.tolist() == [True, False, True]
    assert log.returned.tolist() == [0.0, 4.0, 0.0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "log.csv is empty"),
        ("customer,date,amount\n", "holds no rows"),
        ("customer,date\na,2024-01-01\n", "no column named amount.*--amount"),
        ("customer,customer_id,date,amount\na,a,2024-01-01,1\n", "several columns.*--customer"),
        ("customer,date,amount\na,2024-01-01,1\na,5.1.2024,1\n", "line 3: date is '5.1.2024'"),
        ("customer,date,amount\na,,1\n", "line 2: date is ''"),
        ("customer,date,amount\na,2024-02-30,1\n", "line 2: date is '2024-02-30'"),
        ("customer,date,amount\n\na,2024-01-01,many\n", "line 3: amount is 'many'"),
        ("customer,date,amount\na,2024-01-01,inf\n", "line 2: amount is 'inf'"),
        ("customer,date,amount\na,2024-01-01,\n", "line 2: amount is empty"),
        ("customer,date,amount\n,2024-01-01,1\n", "names no customer"),
        ("customer,date,amount\na,2024-01-01,-1\n", "returns only"),
        ("customer,date,amount\na,2024-01-01,1\nb,2024-01-01,1,1,1\n", "not a CSV table.*line 3"),
        ("customer,date,amount\n가,2024-01-01,1\n".encode("cp949"), "not UTF-8"),
    ],
)
def test_a_fault_is_one_line_with_its_place_and_a_remedy(
    tmp_path: Path, text: str | bytes, says: str
) -> None:
    with pytest.raises(SourceError, match=says) as raised:
        read(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_missing_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"There is no file .*none\.csv"):
        read_log(tmp_path / "none.csv", customer=None, date_column=None, amount=None)
    with pytest.raises(SourceError, match=r"no column who.*It has: customer, date, amount"):
        read(tmp_path, "customer,date,amount\na,2024-01-01,1\n", customer="who")
