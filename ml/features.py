"""Reads `features.ftr_customers` and its labels: in a fixed order, unknown stays NaN."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from ml.arrays import BoolArray, Columns, FloatArray
from ml.models import ModelSpec
from ml.rivals import contract
from warehouse.connections import connect_arrow
from warehouse.errors import ModelError, WarehouseError

# Bounds what is in memory at once while scoring.
_BATCH_BYTES = 64 * 2**20


@dataclass(frozen=True)
class LabelledRows:
    """Rows to learn from or to test on, ordered by day and person; persons are numbered."""

    days: NDArray[np.datetime64]
    persons: NDArray[np.int64]
    happened: BoolArray
    columns: Columns

    def at(self, days: Sequence[date]) -> "LabelledRows":
        """Returns the rows of `days`."""
        mask = np.isin(self.days, np.array(days, dtype="datetime64[D]"))
        return LabelledRows(
            self.days[mask],
            self.persons[mask],
            self.happened[mask],
            {name: values[mask] for name, values in self.columns.items()},
        )


def first_purchase_day(connection: psycopg.Connection) -> date:
    """Returns the day the purchases begin.

    Raises:
        WarehouseError: there are none.
    """
    found = connection.execute("select to_regclass('marts.fct_orders') is not null").fetchone()
    row = None
    if found and found[0]:
        row = connection.execute("select min(order_date) from marts.fct_orders").fetchone()
    if row is None or row[0] is None:
        raise WarehouseError(
            "The marts hold no purchases to learn from.", "Run the nightly walk first."
        )
    day: date = row[0]
    return day


def require_features(connection: psycopg.Connection, features: Sequence[str]) -> None:
    """Checks that the warehouse has every feature as a number.

    Raises:
        WarehouseError: the table is not built.
        ModelError: a feature is missing or of another type.
    """
    found: dict[str, str] = dict(
        connection.execute(
            """
            select column_name, data_type from information_schema.columns
            where table_schema = 'features' and table_name = 'ftr_customers'
            """
        ).fetchall()
    )
    if not found:
        raise WarehouseError(
            "The features features.ftr_customers are not built.", "Run the nightly walk first."
        )
    missing = [name for name in features if name not in found]
    if missing:
        raise ModelError(
            f"features.ftr_customers lacks {', '.join(missing)}.",
            "Bring the column back, or train a model without it and promote that.",
        )
    odd = [f"{name} ({found[name]})" for name in features if found[name] != "double precision"]
    if odd:
        raise ModelError(
            f"features.ftr_customers holds {', '.join(odd)}, a model takes double precision.",
            "Cast the column in the model ftr_customers.",
        )


def read_labelled(
    url: str, spec: ModelSpec, days: Sequence[date], horizon_days: int, columns: Sequence[str]
) -> LabelledRows:
    """Returns the model's population on `days` with what came of each customer.

    Args:
        url: the warehouse's.
        spec: the model.
        days: snapshots whose outcome is known.
        horizon_days: the policy's; labels are built for it.
        columns: of `ftr_customers`.

    Raises:
        ModelError: a row has no label.
    """
    query = sql.SQL(
        """
        select customers.as_of_date, customers.person_id, labels.{label}, {features}
        from features.ftr_customers as customers
        left join features.customer_labels as labels
            on customers.person_id = labels.person_id
            and customers.as_of_date = labels.as_of_date
            and labels.horizon_days = {horizon}
        where customers.population = {population} and customers.as_of_date in ({days})
        order by customers.as_of_date, customers.person_id
        """
    ).format(
        features=_columns(columns),
        label=sql.Identifier(spec.outcome.label),
        horizon=sql.Literal(horizon_days),
        population=sql.Literal(spec.population),
        days=sql.SQL(", ").join(map(sql.Literal, days)),
    )
    with closing(connect_arrow(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(query.as_string())
        table = cursor.fetch_arrow_table()
    unlabelled = table[spec.outcome.label].null_count
    if unlabelled:
        raise ModelError(
            f"{unlabelled} rows of features.ftr_customers have no label at {horizon_days} days.",
            "Run the step build_snapshots.",
        )
    came = table[spec.outcome.label].to_numpy()
    persons = table["person_id"].combine_chunks().dictionary_encode()
    return LabelledRows(
        days=table["as_of_date"].to_numpy().astype("datetime64[D]"),
        persons=persons.indices.to_numpy().astype(np.int64),
        happened=spec.happened(came),
        columns={name: numbers(table[name]) for name in columns},
    )


def read_base(reader: Any, as_of: date) -> Columns:
    """Returns what the rivals go by of everybody who had bought by a day, live and lapsed."""
    query = sql.SQL(
        """
        select {columns}
        from features.ftr_customers as customers
        where as_of_date = {as_of} and purchase_day_count is not null
        order by person_id
        """
    ).format(columns=_columns(contract.INPUTS), as_of=sql.Literal(as_of))
    with closing(reader.cursor()) as cursor:
        cursor.execute(query.as_string())
        table = cursor.fetch_arrow_table()
    return {name: numbers(table[name]) for name in contract.INPUTS}


def read_population(
    reader: Any, population: str, as_of: date, features: Sequence[str]
) -> Iterator[tuple[list[str], Columns]]:
    """Yields the persons of a population and their features, a bounded batch at a time."""
    query = sql.SQL(
        """
        select person_id, {features}
        from features.ftr_customers as customers
        where population = {population} and as_of_date = {as_of}
        order by person_id
        """
    ).format(
        features=_columns(features),
        population=sql.Literal(population),
        as_of=sql.Literal(as_of),
    )
    with closing(reader.cursor()) as cursor:
        cursor.adbc_statement.set_options(
            **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        )
        cursor.execute(query.as_string())
        for batch in cursor.fetch_record_batch():
            if batch.num_rows:
                yield (
                    batch["person_id"].to_pylist(),
                    {name: numbers(batch[name]) for name in features},
                )


def _columns(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("customers", name) for name in names)


def numbers(column: Any) -> FloatArray:
    """Returns an Arrow column as numbers; null is NaN."""
    found: FloatArray = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return found
