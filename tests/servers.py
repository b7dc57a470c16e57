"""A PostgreSQL of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from warehouse import embedded
from warehouse.settings import Settings


@contextmanager
def running_server(settings: Settings) -> Iterator[embedded.Server]:
    """Runs an installation's server; what it holds outlives no test, so no disk is waited for."""
    server = embedded.ensure_started(settings)
    try:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        yield server
    finally:
        embedded.stop(settings)
