"""Which records take part in a pairing: all of them, or tonight's and those that share a key.

Both ways end with the same tables in DuckDB: `standard`, the records that take part, numbered by
source and number there; `usable` (key, record), their keys that bring pairs; `touched` (record),
those of which every pair is made; `gone_or_touched` (source, source_customer_id), those whose
earlier pairs are void; `key_counts` (key, records), of the keys that may have changed; `too_many`
(key, records), the values held by too many records to be evidence.
"""

# ruff: noqa: S608 -- the queries are put together of this package's own constants

import duckdb

from ml.identity.candidates import CONTACTS, KINDS, PERSONAL, VALUES, key_of, keys_of_row, limit_of
from ml.identity.engine import count_rows
from ml.identity.standardise import standardise
from ml.identity.store import KEPT_COLUMNS, Store
from warehouse.policy import Policy

_KEPT = ", ".join(KEPT_COLUMNS)
# Who else holds one of these decides what it says of a record without a name, and of no other.
_IS_PERSONAL = f"key % 16 in ({', '.join(str(list(KINDS).index(kind)) for kind in PERSONAL)})"
# The kinds of which the newest value also stands in a column of its own.
_NEWEST = {"phone": "phone", "mail_name": "mail_name"}
_IS_CONTACT = f"key % 16 in ({', '.join(str(list(KINDS).index(kind)) for kind in CONTACTS)})"


def take_all(connection: duckdb.DuckDBPyConnection, store: Store, policy: Policy) -> int:
    """Takes every record and keeps its standard form; returns how many there are."""
    store.read_all_records(connection)
    arrange_all(connection, policy)
    connection.execute(
        f"""
        create or replace table kept as
        select {_KEPT} from (
            select standard.*, name_sound is null as is_nameless, keyed.keys
            from standard
            inner join keyed using (record)
        ) as standing;
        drop table keyed
        """
    )
    beside = connection.cursor()
    store.write_beside(lambda alone: _keep_all(beside, alone))
    return count_rows(connection, "standard")


def _keep_all(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    with store.refilled("pii.standard_records"):
        store.append(connection, "from kept", "pii", "standard_records")
    # The next night joins it by these.
    store.execute("analyze pii.standard_records (source, source_customer_id)")
    connection.execute("drop table kept")
    connection.close()


def arrange_all(connection: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Lets all of the table `records` take part."""
    # Sorted as they came, while they are narrow.
    connection.execute(
        "create or replace table records as from records order by source, source_customer_id"
    )
    standardise(connection, policy)
    connection.execute(
        f"""
        create or replace table keyed as select record, {keys_of_row()} as keys from standard;
        create or replace table keys as select record, unnest(keys) as key from keyed;
        create or replace table key_counts as
            select key, count(*) as records from keys group by key;
        create or replace table usable as
            select keys.key, keys.record from keys inner join key_counts using (key)
            where key_counts.records between 2 and
                {limit_of("key_counts.key", policy.identity.max_value_records)};
        create or replace table touched as select record from standard;
        create or replace table gone_or_touched as
            select source, source_customer_id from standard;
        create or replace table too_many as
            select key, records from key_counts
            where {_IS_CONTACT} and records > {policy.identity.max_value_records};
        """
    )


def take_changed(connection: duckdb.DuckDBPyConnection, store: Store, policy: Policy) -> int:
    """Takes what changed and what shares a key with it; returns how many are paired again."""
    store.read_changed_records(connection)
    store.read_gone_records(connection)
    standardise(connection, policy)
    store.read(
        connection,
        "held",
        "select source, source_customer_id, keys, is_nameless from pii.standard_records",
    )
    most = policy.identity.max_value_records
    connection.execute(
        f"""
        alter table standard rename to fresh;
        alter table fresh drop column record;
        create or replace table fresh_keys as
            select source, source_customer_id, unnest({keys_of_row()}) as key from fresh;
        create or replace table replaced as
            select source, source_customer_id from fresh
            union select source, source_customer_id from gone;
        create or replace table staying as
            select place, unnest(keys) as key
            from (select rowid as place, * from held) as placed
            anti join replaced using (source, source_customer_id);
        create or replace table left_keys as
            select unnest(keys) as key
            from held semi join replaced using (source, source_customer_id);
        create or replace table moved as
            select key from left_keys union select key from fresh_keys;
        create or replace table key_counts as
            with counted as (
                select key, count(*) as stayed, 0 as went, 0 as came
                from staying semi join moved using (key) group by key
                union all
                select key, 0, count(*), 0 from left_keys group by key
                union all
                select key, 0, 0, count(*) from fresh_keys group by key
            )
            select
                key,
                (sum(stayed) + sum(came))::bigint as records,
                (sum(stayed) + sum(went))::bigint as records_before
            from counted group by key;
        create or replace table passed as
            select key from key_counts
            where (records > {limit_of("key", most)}) != (records_before > {limit_of("key", most)});
        create or replace table again as
            select source, source_customer_id, rowid as place
            from held
            where rowid in (select place from staying where key in (from passed))
                or is_nameless and rowid in (
                    select place from staying where {_IS_PERSONAL} and (
                        key in (from moved)
                        or key in (
                            -- Whom it may be of are told apart by what has become evidence or none.
                            select beside.key from staying as beside
                            where place in (select place from staying where key in (from passed))
                        )
                    )
                );
        create or replace table gone_or_touched as
            select source, source_customer_id from replaced
            union all select source, source_customer_id from again;
        create or replace table touched_keys as
            select key from fresh_keys
            union select key from staying semi join again using (place);
        create or replace table usable_keys as
            select key from (
                select key from staying semi join touched_keys using (key)
                union all
                select key from fresh_keys semi join touched_keys using (key)
            ) as holders
            group by key having count(*) between 2 and {limit_of("key", most)};
        create or replace table neighbours as
            select distinct source, source_customer_id
            from staying inner join held on staying.place = held.rowid
            where key in (from usable_keys)
            union select source, source_customer_id from again;
        create or replace table too_many as
            select key, count(*) as records from (
                select key from staying where {_IS_CONTACT}
                union all
                select key from fresh_keys where {_IS_CONTACT}
            ) as contacts
            group by key having count(*) > {most};
        """
    )
    _keep_fresh(connection, store)
    store.stage(connection, "from neighbours", "neighbours")
    store.read_staged_records(connection, "neighbours")
    standardise(connection, policy)
    connection.execute(
        "alter table standard drop column record; insert into standard by name from fresh"
    )
    _number(connection, "standard")
    connection.execute(
        f"""
        create or replace table usable as
            select key, record
            from (select record, unnest({keys_of_row()}) as key from standard) as found
            semi join usable_keys using (key);
        create or replace table touched as
            select record from standard
            semi join gone_or_touched using (source, source_customer_id)
        """
    )
    return count_rows(connection, "touched")


def forget_too_many(connection: duckdb.DuckDBPyConnection) -> None:
    """Takes the values held by too many records out of `standard`: they are no evidence."""
    for kind in CONTACTS:
        column, place = VALUES[kind], list(KINDS).index(kind)
        rows = connection.execute(
            f"""
            select distinct value from (select unnest({column}) as value from standard) as spread
            where {key_of(kind, "value")} in (select key from too_many where key % 16 = {place})
            """
        ).fetchall()
        if not rows:
            continue
        values = {"values": [value for (value,) in rows]}
        connection.execute(
            f"""
            update standard set {column} = nullif(
                list_filter({column}, lambda value: not list_contains($values::varchar[], value)),
                []
            )
            where list_has_any({column}, $values::varchar[])
            """,
            values,
        )
        if kind in _NEWEST:
            connection.execute(
                f"update standard set {_NEWEST[kind]} = null"
                f" where list_contains($values::varchar[], {_NEWEST[kind]})",
                values,
            )


def _keep_fresh(connection: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Puts the new standard forms in the place of the old ones."""
    store.stage(connection, "from replaced", "replaced")
    store.execute(
        """
        delete from pii.standard_records as kept using replaced
        where kept.source = replaced.source
            and kept.source_customer_id = replaced.source_customer_id
        """
    )
    store.append(
        connection,
        f"""
        select {_KEPT} from (
            select fresh.*, name_sound is null as is_nameless, {keys_of_row()} as keys
            from fresh
        ) as kept
        """,
        "pii",
        "standard_records",
    )


def _number(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Numbers the records by source and number there, whatever order they came in."""
    connection.execute(
        f"""
        create or replace table numbered as
        select row_number() over (order by source, source_customer_id) as record, *
        from {table};
        drop table {table};
        alter table numbered rename to {table}
        """
    )
