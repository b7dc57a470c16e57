"""Makes the schemas, the Python-written tables and the two reader roles."""

import logging
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from warehouse.connections import connect
from warehouse.errors import WarehouseError
from warehouse.files import write_private
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

BI_ROLE = "living_crm_bi"
PUBLISHER_ROLE = "living_crm_publisher"
# Personal contact details stand in `pii` and nowhere a BI tool may look.
READABLE = {
    BI_ROLE: ("marts", "features", "ml", "activation", "ops", "identity"),
    PUBLISHER_ROLE: ("activation", "pii", "ops"),
}


def ensure_schemas(connection: psycopg.Connection) -> None:
    """Makes what is missing; safe to repeat, also by two processes at once."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('living-crm schemas'))")
        connection.execute(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))
        _ensure_roles(connection)


def bi_url(settings: Settings, url: str) -> str:
    """Returns an address that may read the marts and no contact details.

    The role gets a generated password on first use, kept in the installation's folder.

    Raises:
        WarehouseError: the server does not let us give the role a login.
    """
    file = settings.living_crm_home / "bi_password"
    if not file.exists():
        settings.living_crm_home.mkdir(parents=True, exist_ok=True)
        write_private(file, secrets.token_hex(16))
    password = file.read_text(encoding="utf-8").strip()
    with connect(url) as connection:
        ensure_schemas(connection)
        try:
            connection.execute(
                sql.SQL("alter role {} login password {}").format(
                    sql.Identifier(BI_ROLE), sql.Literal(password)
                )
            )
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject):
            raise WarehouseError(
                f"Role {BI_ROLE} may not be given a login here.",
                "Have an administrator make a login that is a member of it.",
            ) from None
    parts = urlsplit(url)
    place = f"{BI_ROLE}:{quote(password)}@{parts.hostname}:{parts.port or 5432}"
    return urlunsplit(parts._replace(netloc=place))


def _ensure_roles(connection: psycopg.Connection) -> None:
    for role, schemas in READABLE.items():
        found = connection.execute("select 1 from pg_roles where rolname = %s", (role,))
        if found.fetchone() is None:
            try:
                with connection.transaction():
                    connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
            except psycopg.errors.InsufficientPrivilege:
                logger.warning(
                    "Role %s is missing and may not be made: have an administrator create it.", role
                )
                continue
        for schema in schemas:
            grant = (
                "grant usage on schema {schema} to {role}",
                "grant select on all tables in schema {schema} to {role}",
                "alter default privileges in schema {schema} grant select on tables to {role}",
            )
            for statement in grant:
                connection.execute(
                    sql.SQL(statement).format(
                        schema=sql.Identifier(schema), role=sql.Identifier(role)
                    )
                )
