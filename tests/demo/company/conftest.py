"""A small company of its own for these tests, on the session's PostgreSQL."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from hashlib import sha256

import psycopg
import pyarrow as pa
import pytest

from demo.company import installation
from demo.company.lay_down import TIME_ZONE, lay_down
from demo.company.systems import mariadb, truth
from demo.company.systems.pos import MariaDBPos
from demo.company.tables import POS, SHOP, TRUTH
from warehouse.connections import sibling_url
from warehouse.context import StepReport
from warehouse.policy import Policy
from warehouse.settings import Settings

CUSTOMERS = 300
SEED = 7

LayDown = Callable[[date], StepReport]


@pytest.fixture(scope="session")
def company_policy(policy: Policy) -> Policy:
    return policy.model_copy(update={"time_zone": TIME_ZONE})


@pytest.fixture(scope="module")
def company_settings(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """An installation of the company alone; its servers end with the module."""
    home = tmp_path_factory.mktemp("the company") / "home"
    settings = Settings(_env_file=None, living_crm_home=home, warehouse_url=server_url)  # type: ignore[call-arg,arg-type]
    yield settings
    installation.stop(settings)
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def lay(company_settings: Settings, company_policy: Policy) -> LayDown:
    def to(as_of: date) -> StepReport:
        return lay_down(company_settings, company_policy, as_of, CUSTOMERS, SEED)

    return to


@pytest.fixture
def needs_mariadb() -> None:
    if not mariadb.is_installed():
        pytest.skip("mariadbd is not installed")


def state(settings: Settings) -> dict[str, str]:
    """Returns a checksum of every table and every drop of the seven systems, and of the truth."""
    folder = installation.company_folder(settings)
    assert settings.warehouse_url
    url = settings.warehouse_url.get_secret_value()
    found = _of_postgres(sibling_url(url, installation.SHOP_DATABASE), "public", SHOP)
    found |= _of_postgres(sibling_url(url, truth.DATABASE), truth.SCHEMA, TRUTH)
    if mariadb.is_installed():
        with MariaDBPos(folder / "pos").server.connect() as connection:
            cursor = connection.cursor()
            for table in POS:
                cursor.execute(f"select * from {table} order by 1, 2")
                found[table] = _digest(repr(cursor.fetchall()).encode())
    else:
        found |= _of_postgres(sibling_url(url, mariadb.DATABASE), "public", POS)
    with closing(sqlite3.connect(folder / "callcentre" / "cases.sqlite")) as connection:
        for table in ("cases", "staffing"):
            rows = connection.execute(f"select * from {table} order by 1, 2").fetchall()
            found[table] = _digest(repr(rows).encode())
    for system in ("crm", "web", "survey", "mailer"):
        for path in (folder / system).rglob("*"):
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = _digest(path.read_bytes())
    return found


def _of_postgres(url: str, schema: str, tables: Mapping[str, pa.Schema]) -> dict[str, str]:
    found = {}
    with psycopg.connect(url) as connection:
        for table in tables:
            row = connection.execute(
                "select count(*) || coalesce(md5(string_agg(t::text, '|' order by t::text)), '')"
                f" from {schema}.{table} t"
            ).fetchone()
            assert row is not None
            found[table] = row[0]
    return found


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
