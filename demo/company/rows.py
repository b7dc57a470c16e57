"""The rows a day hands over to the source systems."""

import numpy as np
import pyarrow as pa

from demo.company.draws import Array
from demo.company.tables import SYSTEMS


class Rows:
    """The rows of one day, gathered by table."""

    def __init__(self) -> None:
        self._parts: dict[str, list[pa.Table]] = {}

    def add(self, table: str, **columns: Array | pa.Array | str | int | None) -> None:
        """Adds rows; a single value stands in every row. Columns come in the schema's order.

        Args:
            table: such as `shop.orders`.
            **columns: one for each column of the table's schema.
        """
        source, _, name = table.partition(".")
        schema = SYSTEMS[source][name]
        size = next(len(c) for c in columns.values() if isinstance(c, np.ndarray | pa.Array))
        if not size:
            return
        arrays = []
        for column in schema:
            values = columns[column.name]
            if isinstance(values, np.ndarray):
                values = pa.array(values)
            elif not isinstance(values, pa.Array):
                values = pa.repeat(pa.scalar(values, column.type), size)
            arrays.append(values if values.type == column.type else values.cast(column.type))
        self._parts.setdefault(table, []).append(pa.Table.from_arrays(arrays, schema=schema))

    def add_table(self, name: str, table: pa.Table) -> None:
        """Adds rows that already have the table's schema."""
        self._parts.setdefault(name, []).append(table)

    def tables(self) -> dict[str, pa.Table]:
        """Returns the tables that have rows."""
        return {
            name: pa.concat_tables(parts).combine_chunks() for name, parts in self._parts.items()
        }
