"""Addresses and connections: the warehouse, databases beside it, and the source systems."""

import os
from functools import lru_cache
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import psycopg
from dotenv import dotenv_values
from psycopg import sql

from warehouse import embedded
from warehouse.errors import SettingsError, SourceError, WarehouseError
from warehouse.settings import REPOSITORY, Settings


def warehouse_url(settings: Settings) -> str:
    """Returns the warehouse's URL, starting the embedded server when no other is named."""
    if settings.warehouse_url is None:
        return embedded.ensure_started(settings).url()
    url = settings.warehouse_url.get_secret_value()
    parts = urlsplit(url)
    if (
        parts.scheme not in ("postgresql", "postgres")
        or not parts.path.strip("/")
        or not _has_valid_port(parts)
    ):
        raise SettingsError(
            "WAREHOUSE_URL is not a PostgreSQL URL with a database.",
            "Write it as postgresql://user:password@host:port/database.",
        )
    return urlunsplit(parts._replace(scheme="postgresql"))


def connect(url: str) -> psycopg.Connection:
    """Opens a connection; raises `WarehouseError` with host, port and database, no secret."""
    try:
        return psycopg.connect(url, connect_timeout=10, application_name="living-crm")
    except psycopg.OperationalError as error:
        raise _unusable(url, error) from None


def connect_arrow(url: str) -> Any:
    """Opens an ADBC connection, which takes and hands over Arrow tables; commit what is to stay.

    Raises:
        WarehouseError: as `connect` does.
    """
    from adbc_driver_manager import AdbcConnection, Error
    from adbc_driver_postgresql.dbapi import Connection

    try:
        with _one_by_one:
            known = _Known(url)
        return Connection(known, AdbcConnection(known.database))
    except Error as error:
        raise _unusable(url, error) from None


_one_by_one = Lock()


@lru_cache(maxsize=4)
class _Known:
    """What ADBC's driver knows of a database, for all connections of the process.

    It reads all types and all tables' columns, a tenth of a second; a connection takes 5 ms then.
    """

    def __init__(self, url: str) -> None:
        import adbc_driver_postgresql

        self.database = adbc_driver_postgresql.connect(url)

    def close(self) -> None:
        """Does nothing: a connection that ends would close it for all others."""


def sibling_url(url: str, database: str) -> str:
    """Returns the URL of `database` on the server of `url`."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def database_name(url: str) -> str:
    """Returns the name of the database that `url` leads to."""
    return urlsplit(url).path.strip("/")


def ensure_database(url: str, database: str) -> str:
    """Makes `database` on the server of `url` unless it is there, and returns its URL."""
    with connect(url) as connection:
        connection.autocommit = True
        found = connection.execute("select 1 from pg_database where datname = %s", (database,))
        if found.fetchone() is None:
            try:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
            except psycopg.errors.InsufficientPrivilege:
                raise WarehouseError(
                    f"Database {database} is missing and may not be made.",
                    f"Have an administrator run: create database {database}.",
                ) from None
    return sibling_url(url, database)


def source_url(settings: Settings, source: str) -> str:
    """Returns the address of a source system: a database URL or a folder or service URL.

    Looked up as `SOURCE_<NAME>_URL` in the environment, in `.env`, then in `sources.env` of the
    installation's folder, where the demo writes the addresses of the systems it lays down.

    Raises:
        SourceError: no address is known.
    """
    name = f"SOURCE_{source.upper()}_URL"
    url = _of_source(settings, name)
    if url is None:
        raise SourceError(
            f"The address of source {source} is not known.",
            f"Set {name}, or run living-crm demo to lay down the demo's source systems.",
        )
    return url


def source_token(settings: Settings, source: str) -> str | None:
    """Returns the token a service asks for: `SOURCE_<NAME>_TOKEN`, looked up as the address is."""
    return _of_source(settings, f"SOURCE_{source.upper()}_TOKEN")


def _of_source(settings: Settings, name: str) -> str | None:
    """Returns a variable of the environment, of `.env`, or of what the demo wrote."""
    for values in (
        os.environ,
        dotenv_values(REPOSITORY / ".env", interpolate=False),
        dotenv_values(settings.sources_dir / "sources.env", interpolate=False),
    ):
        if values.get(name):
            return values[name]
    return None


def without_secret(url: str) -> str:
    """Returns host, port and path of a URL, fit for a message."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


def dbt_environment(url: str) -> dict[str, str]:
    """Returns the variables that `dbt_project/profiles.yml` reads; the password is a secret one."""
    parts = urlsplit(url)
    return {
        "LIVING_CRM_DBT_HOST": parts.hostname or "127.0.0.1",
        "LIVING_CRM_DBT_PORT": str(parts.port or 5432),
        "LIVING_CRM_DBT_USER": unquote(parts.username or ""),
        "LIVING_CRM_DBT_DATABASE": database_name(url),
        "DBT_ENV_SECRET_LIVING_CRM_PASSWORD": unquote(parts.password or ""),
    }


def _has_valid_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _unusable(url: str, error: Exception) -> WarehouseError:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return WarehouseError(
        f"PostgreSQL at {without_secret(url)} cannot be used: {said[-1].strip()}",
        "Check that it runs and that user, password and database in its URL are right.",
    )
