"""What all tests stand on: one PostgreSQL for the session, a fresh database for each test."""

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

# Telemetry is off and no test finds the installation of the person who runs it.
for _name in list(os.environ):
    if _name.startswith(("SOURCE_", "LIVING_CRM_", "AIRFLOW")) or _name in (
        "WAREHOUSE_URL", "WAREHOUSE_PORT", "POLICY_FILE", "CATALOG_DIR", "DATA",
    ):  # fmt: skip
        del os.environ[_name]
os.environ["DATA"] = "complete_journey"  # where a test does not say otherwise

from tests.servers import running_server  # noqa: E402
from warehouse.connections import ensure_database, sibling_url  # noqa: E402
from warehouse.context import RunContext  # noqa: E402
from warehouse.policy import Policy, load_policy  # noqa: E402
from warehouse.schemas import ensure_schemas  # noqa: E402
from warehouse.settings import Settings  # noqa: E402

_numbers = itertools.count(1)
# Begun first, so that two workers end at about the same time; the first two are of different data
# sets, whose dbt projects are parsed side by side.
_LONGEST = (
    "test_walk", "test_scenarios", "test_build", "test_services", "test_load", "test_company",
    "test_train", "test_score", "test_simulation", "test_evaluate",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that take longest first."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes homes of installations. What dbt has parsed they share, also with other workers."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "parsed"
    shared.mkdir(exist_ok=True)

    def make(name: str) -> Path:
        home = tmp_path_factory.mktemp(name) / "home"
        (home / "dbt").mkdir(parents=True)
        (home / "dbt" / "parsed").symlink_to(shared, target_is_directory=True)
        return home

    return make


@pytest.fixture(scope="session")
def settings(new_home: Callable[[str], Path]) -> Settings:
    """An installation of its own, in a folder with a space in its name."""
    home = new_home("living crm")
    return Settings(_env_file=None, living_crm_home=home, warehouse_port=0)  # type: ignore[call-arg]


@pytest.fixture(scope="session")
def server_url(settings: Settings) -> Iterator[str]:
    """The session's PostgreSQL; the URL leads to its maintenance database."""
    with running_server(settings) as server:
        yield server.url("postgres")


@pytest.fixture(scope="session")
def policy(settings: Settings) -> Policy:
    return load_policy(settings.policy_file)


@pytest.fixture(scope="session")
def copy_of(server_url: str) -> Callable[[str], str]:
    """Makes copies of a database that nobody is connected to: each call returns the URL of one."""

    def make(url: str) -> str:
        name = f"test_warehouse_{next(_numbers)}"
        with psycopg.connect(server_url, autocommit=True) as connection:
            # As files: an eighth of the time that a copy through the log takes.
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(name), sql.Identifier(url.rpartition("/")[2])
                )
            )
        return sibling_url(url, name)

    return make


@pytest.fixture(scope="session")
def new_warehouse(server_url: str, copy_of: Callable[[str], str]) -> Callable[[], str]:
    """Makes empty warehouses: each call returns the URL of a database with the schemas applied."""
    empty = ensure_database(server_url, "empty_warehouse")
    with psycopg.connect(empty) as connection:
        ensure_schemas(connection)
    return partial(copy_of, empty)


@pytest.fixture
def warehouse(new_warehouse: Callable[[], str], server_url: str) -> Iterator[str]:
    """The URL of an empty warehouse that is dropped after the test."""
    url = new_warehouse()
    yield url
    with psycopg.connect(server_url, autocommit=True) as connection:
        name = sql.Identifier(url.rpartition("/")[2])
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def context_for(settings: Settings, policy: Policy, warehouse: str) -> Callable[[date], RunContext]:
    """Makes the context of a run on this test's warehouse."""

    def make(as_of: date, run_id: str = "test") -> RunContext:
        return RunContext(
            settings=settings, policy=policy, as_of=as_of, run_id=run_id, url=warehouse
        )

    return make


@pytest.fixture
def isolated_settings(tmp_path: Path) -> Settings:
    """An installation that shares nothing with the session's."""
    return Settings(_env_file=None, living_crm_home=tmp_path / "home", warehouse_port=0)  # type: ignore[call-arg]
