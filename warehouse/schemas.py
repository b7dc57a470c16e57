"""Makes the schemas, the Python-written tables and the two reader roles."""

import logging
from pathlib import Path

import psycopg
from psycopg import sql

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
