"""An Airflow of the tests' own: metadata in the session's PostgreSQL, DAGs of tiny steps."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from warehouse.airflow import environment as airflow_environment
from warehouse.connections import ensure_database
from warehouse.settings import Settings, load_settings

WALKS = Path(__file__).parent / "walks"


@pytest.fixture(scope="package")
def airflow_settings(
    settings: Settings, server_url: str, new_warehouse: Callable[[], str]
) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    metadata = ensure_database(server_url, "test_airflow")
    return settings.model_copy(
        update={
            "warehouse_url": SecretStr(new_warehouse()),
            "airflow_database_url": SecretStr(metadata),
            "airflow_port": port,
        }
    )


@pytest.fixture(scope="package")
def airflow_variables(airflow_settings: Settings) -> Iterator[dict[str, str]]:
    """The environment of an Airflow process that knows the tiny walks, in force in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(airflow_environment, "DAGS_FOLDER", WALKS)
        # Tiny steps need no libraries: half a minute is saved at each start of the scheduler.
        patch.setattr(airflow_environment, "EXECUTOR", "LocalExecutor")
        metadata = airflow_environment.metadata_url(airflow_settings)
        variables = airflow_environment.environment(airflow_settings, metadata)
        for name, value in variables.items():
            patch.setenv(name, value)
        load_settings.cache_clear()
        yield variables
    load_settings.cache_clear()


@pytest.fixture(scope="package")
def migrated(airflow_variables: dict[str, str]) -> None:
    command = airflow_environment.command("db", "migrate")
    subprocess.run(command, check=True, env=airflow_variables, capture_output=True)
