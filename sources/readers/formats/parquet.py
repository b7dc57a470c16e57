"""Parquet: rows as typed as they were written."""

from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from sources.catalog import FileTable
from sources.readers.formats.record import UnreadableFile, check_names
from sources.readers.reading import BATCH_ROWS, EXTRA, Reading, column_type, conform
from sources.readers.values import as_json_column


def batches(file: str, table: FileTable, stream: IO[bytes], reading: Reading) -> Iterator[pa.Table]:
    """Yields the rows with the catalogued columns and `_extra`.

    Raises:
        UnreadableFile: the file is not Parquet, or the rest of it is damaged.
        SchemaChanged: a catalogued column is not there, or its values do not fit its type.
    """
    try:
        parquet = pq.ParquetFile(stream)
        names = list(parquet.schema_arrow.names)
        types = {field.name: column_type(field.type) for field in parquet.schema_arrow}
        check_names(reading, f"File {file} of {reading.name}", names, types)
        others = [name for name in names if name not in table.columns]
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS):
            found = pa.Table.from_batches([batch])
            rows = conform(found, reading)
            yield rows.append_column(EXTRA, as_json_column(found.select(others)))
    except pa.ArrowInvalid:
        raise UnreadableFile("the file is not Parquet or is cut off") from None
    except OSError as error:
        if error.errno is None:  # Arrow's word for damaged pages; the system's faults have a number
            raise UnreadableFile("the rest of the file is damaged") from None
        raise
