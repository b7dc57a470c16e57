"""Customers as of earlier days with what they have spent since, read and cut to what was known."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from ml.arrays import Columns, FloatArray
from ml.features import numbers
from ml.value.days import YEAR_DAYS
from warehouse.connections import connect_arrow
from warehouse.errors import ModelError

# Who has bought and has a rhythm: live, lapsed, or with a contract that ends soon.
POPULATIONS = ("live", "lapsed", "contract")
COLUMN_OF_SPEND = "spend_within_year"
COLUMN_OF_SPEND_BEFORE = "spend_known_a_year_ago"


@dataclass(frozen=True)
class SpendRows:
    """Rows to learn from or to test on, ordered by day and person; persons are numbered.

    Attributes:
        spend: what each has spent in `days_passed` after its day.
        days_passed: how much of the year after the day had passed when the rows were known.
    """

    days: NDArray[np.datetime64]
    persons: NDArray[np.int64]
    spend: FloatArray
    days_passed: FloatArray
    columns: Columns

    @property
    def is_whole(self) -> NDArray[np.bool_]:
        """Of which rows the whole year had passed."""
        return self.days_passed >= YEAR_DAYS

    def take(self, rows: NDArray[np.bool_]) -> "SpendRows":
        """Returns the chosen rows."""
        return SpendRows(
            self.days[rows],
            self.persons[rows],
            self.spend[rows],
            self.days_passed[rows],
            {name: values[rows] for name, values in self.columns.items()},
        )


def read_spend(
    url: str, days: Sequence[date], columns: Sequence[str], *, trained: date, known: date
) -> SpendRows:
    """Returns the customers on `days`, and what each had spent since by the day `known`.

    Args:
        url: the warehouse's.
        days: the snapshots.
        columns: of `ftr_customers`.
        trained: the day of the training, which the labels were built for.
        known: that day, or the day a year before it.

    Raises:
        ModelError: labels are missing, or were built for another day.
    """
    spend = COLUMN_OF_SPEND if known == trained else COLUMN_OF_SPEND_BEFORE
    query = sql.SQL(
        """
        select
            customers.as_of_date, customers.person_id, {features},
            case when labels.known_date = {trained} then labels.{spend} end as spend
        from features.ftr_customers as customers
        left join features.customer_labels as labels
            on customers.person_id = labels.person_id
            and customers.as_of_date = labels.as_of_date
        where customers.population in ({populations}) and customers.purchase_day_count is not null
            and customers.as_of_date in ({days})
        order by customers.as_of_date, customers.person_id
        """
    ).format(
        features=sql.SQL(", ").join(sql.Identifier("customers", name) for name in columns),
        trained=sql.Literal(trained),
        spend=sql.Identifier(spend),
        populations=sql.SQL(", ").join(map(sql.Literal, POPULATIONS)),
        days=sql.SQL(", ").join(map(sql.Literal, days)),
    )
    with closing(connect_arrow(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(query.as_string())
        table = cursor.fetch_arrow_table()
    unknown = table["spend"].null_count
    if unknown:
        raise ModelError(
            f"{unknown} rows of features.ftr_customers have no spend as of {trained}.",
            "Run the step build_snapshots.",
        )
    snapshot = table["as_of_date"].to_numpy().astype("datetime64[D]")
    passed = (np.datetime64(known, "D") - snapshot).astype(np.float64)
    persons = table["person_id"].combine_chunks().dictionary_encode()
    return SpendRows(
        days=snapshot,
        persons=persons.indices.to_numpy().astype(np.int64),
        spend=numbers(table["spend"]),
        days_passed=np.minimum(passed, YEAR_DAYS),
        columns={name: numbers(table[name]) for name in columns},
    )
