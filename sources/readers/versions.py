"""What tells one version of a row from another: its key and the instant of its cursor."""

import pyarrow as pa
import pyarrow.compute as pc

from sources.catalog import CursorTable

_SEPARATOR = "-"
_NULL = r"\N"


def version_ids(rows: pa.Table, table: CursorTable) -> pa.Array:
    r"""Returns a row id per row: the key's values and the cursor's microseconds, joined by `-`.

    No two versions share one: in texts, `-` and `\` are escaped, and a null is neither.
    """
    parts = []
    for name in table.key:
        part = rows[name].cast(pa.string())
        if pa.types.is_string(rows[name].type):
            for character in ("\\", _SEPARATOR):
                part = pc.replace_substring(part, character, f"\\{character}")
        parts.append(part)
    instant = rows[table.cursor].cast(pa.int64()).cast(pa.string())
    return pc.binary_join_element_wise(
        *parts, instant, _SEPARATOR, null_handling="replace", null_replacement=_NULL
    )
