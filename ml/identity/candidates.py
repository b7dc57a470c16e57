"""Which pairs of records are worth comparing: those that share a value that few have.

Such values are called keys: a phone, a mail address, a name with a birth date, and so on. A key of
more records than the policy allows brings no pair, so the work is bounded whatever people type; and
where it is a value by itself (a phone, a mail, an address, an exact key) it is no evidence either.
"""

import duckdb

# Korean family names are short, and a fifth of the people share the commonest.
_LONG_PARTS = "list_filter(name_parts, lambda part: len(part) >= 4)"

# Per kind of key, SQL over a row of `standard`: its values as a list, null where there are none.
KINDS = {
    "exact_key": "exact_keys",
    "phone": "phones",
    "email": "emails",
    "mail_name": "mail_names",
    "address": "homes",
    "name": "name_sounds",
    "name_birth": "list_transform(name_sounds, lambda name: name || ' ' || birth)",
    "name_postcode": "list_transform(name_sounds, lambda name: name || ' ' || postcode)",
    "part_birth": f"list_transform({_LONG_PARTS}, lambda part: part || ' ' || birth)",
    "part_postcode": f"list_transform({_LONG_PARTS}, lambda part: part || ' ' || postcode)",
    "birth": "[birth]",
    "birth_postcode": "[birth || ' ' || postcode]",
    "address_pair": "address_pairs",
}
# The kinds that are one column's values.
VALUES = {kind: column for kind, column in KINDS.items() if column.isidentifier()}
# A key of another kind than a contact brings no pair above so many records: it only finds pairs
# that other keys may find as well. Some alone say so little that they help in small data only.
_MAX_MIXED = 20
_MAX_WEAK = 8
_WEAK = ("name", "birth")
# The kinds that may be ignored as evidence: too many persons have the others by nature.
CONTACTS = ("exact_key", "phone", "email", "mail_name", "address")
# The contacts that mostly one person answers.
PERSONAL = ("phone", "email", "mail_name")


def key_of(kind: str, value: str) -> str:
    """SQL for the key of a value: a positive number, whose last hexadecimal digit is the kind."""
    return f"(((hash({value}) >> 5) * 16)::bigint + {list(KINDS).index(kind)})"


def limit_of(key: str, max_records: int) -> str:
    """SQL for the number of records above which a key brings no pair."""
    limits = [
        max_records
        if kind in CONTACTS
        else min(max_records, _MAX_WEAK if kind in _WEAK else _MAX_MIXED)
        for kind in KINDS
    ]
    return f"({limits})[{key} % 16 + 1]"


def keys_of_row() -> str:
    """SQL for the list of all keys of a row of a table like `standard`."""
    keys = ", ".join(
        f"list_transform(list_filter({values}, lambda value: value is not null),"
        f" lambda value: {key_of(kind, 'value')})"
        for kind, values in KINDS.items()
    )
    return f"flatten([{keys}])"


def find_candidates(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `candidates` (record_l, record_r) of the tables `usable` and `touched`.

    `usable` (key, record) holds what brings pairs; of each pair one record is in `touched`.
    """
    connection.execute(
        """
        create or replace table candidates as
        select distinct one.record as record_l, other.record as record_r
        from usable as one
        inner join usable as other on one.key = other.key and one.record < other.record
        where one.record in (from touched) or other.record in (from touched)
        """
    )
