"""Fills whole tables at once: their keys and indexes are made when the rows are there.

That takes a fraction of the time that keeping them row by row takes, and all of it is part of the
caller's transaction, so that a kill leaves the old state.
"""

# ruff: noqa: S608 -- the tables are this package's own

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

Rows = list[tuple[Any, ...]]


@contextmanager
def without_indexes(
    execute: Callable[[str], object], rows: Callable[[str], Rows], table: str
) -> Iterator[None]:
    """Takes the keys and indexes off a table, and makes them again at the end.

    Args:
        execute: runs a statement in the caller's transaction; `rows` a query.
        table: with its schema.
    """
    name = f"'{table}'::regclass"
    keys = rows(
        f"""
        select quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint
        where conrelid = {name} and contype in ('p', 'u')
        """
    )
    indexes = rows(
        f"""
        select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
        where indrelid = {name}
            and indexrelid not in (select conindid from pg_constraint where conrelid = {name})
        """
    )
    for key, _ in keys:
        execute(f"alter table {table} drop constraint {key}")
    for index, _ in indexes:
        execute(f"drop index {index}")
    yield
    for key, definition in keys:
        execute(f"alter table {table} add constraint {key} {definition}")
    for _, definition in indexes:
        execute(definition)


@contextmanager
def first_filled(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """Does the same where the table is empty, as before the first night; else nothing."""

    def rows(query: str) -> Rows:
        return connection.execute(query.encode()).fetchall()

    if rows(f"select 1 from {table} limit 1"):
        yield
        return
    with without_indexes(lambda statement: connection.execute(statement.encode()), rows, table):
        yield
