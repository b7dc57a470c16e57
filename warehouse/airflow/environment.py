"""Airflow's configuration, as environment variables: there is no airflow.cfg to drift from.

Secrets are made once per installation and kept in files that only their owner reads. Addresses
with passwords travel in the environment, never on a command line.
"""

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from warehouse.connections import ensure_database, warehouse_url
from warehouse.errors import SettingsError
from warehouse.files import write_private
from warehouse.settings import REPOSITORY, Settings

EXECUTOR = "warehouse.airflow.executor.WarmLocalExecutor"
DAGS_FOLDER = REPOSITORY / "dags"
USER = "admin"
DATABASE = "airflow"
PARALLELISM = 4


@dataclass(frozen=True)
class Secrets:
    """What only this installation's Airflow knows. Never log it."""

    password: str
    fernet_key: str
    api_secret_key: str
    jwt_secret: str


def base_url(settings: Settings) -> str:
    """Returns the address of the UI and the API."""
    return f"http://{settings.airflow_host}:{settings.airflow_port}"


def ensure_secrets(settings: Settings) -> Secrets:
    """Returns the installation's secrets, making them at the first call.

    Raises:
        SettingsError: the file that keeps them is damaged.
    """
    path = settings.airflow_dir / "secrets.json"
    if not path.exists():
        made = {
            "password": secrets.token_urlsafe(12),
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "api_secret_key": secrets.token_urlsafe(48),
            "jwt_secret": secrets.token_urlsafe(64),
        }
        write_private(path, json.dumps(made))
    try:
        kept = Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise SettingsError(
            f"{path} is damaged.", "Remove it; the next start makes new secrets and a new login."
        ) from None
    login = json.dumps({USER: kept.password})
    file = _password_file(settings)
    if not file.exists() or file.read_text(encoding="utf-8").strip() != login:
        write_private(file, login)
    return kept


def metadata_url(settings: Settings) -> str:
    """Returns the URL of Airflow's metadata database, making the database if it is missing."""
    if settings.airflow_database_url is not None:
        return settings.airflow_database_url.get_secret_value()
    return ensure_database(warehouse_url(settings), DATABASE)


def environment(settings: Settings, metadata: str) -> dict[str, str]:
    """Returns the environment of every Airflow process of this installation.

    Args:
        metadata: URL of the metadata database.
    """
    kept = ensure_secrets(settings)
    parts = urlsplit(metadata)
    airflow = {
        ("core", "dags_folder"): DAGS_FOLDER,
        ("core", "load_examples"): False,
        ("core", "executor"): EXECUTOR,
        ("core", "parallelism"): PARALLELISM,
        ("core", "max_active_tasks_per_dag"): PARALLELISM,
        # A fork of the waiting worker starts in a tenth of a second; a new interpreter would import
        # Airflow again, which takes seconds.
        ("core", "mp_start_method"): "fork",
        ("core", "execute_tasks_new_python_interpreter"): False,
        ("core", "dags_are_paused_at_creation"): False,
        ("core", "rerun_with_latest_version"): True,
        ("core", "default_timezone"): "utc",
        # A worker is free again this soon after its task has ended; Airflow waits five seconds.
        ("workers", "min_heartbeat_interval"): 2,
        ("core", "fernet_key"): kept.fernet_key,
        ("core", "simple_auth_manager_users"): f"{USER}:admin",
        ("core", "simple_auth_manager_passwords_file"): _password_file(settings),
        ("core", "execution_api_server_url"): f"{base_url(settings)}/execution/",
        ("database", "sql_alchemy_conn"): parts._replace(scheme="postgresql+psycopg2").geturl(),
        ("database", "sql_alchemy_conn_async"): parts._replace(
            scheme="postgresql+asyncpg"
        ).geturl(),
        ("database", "sql_alchemy_pool_size"): 3,
        ("scheduler", "use_job_schedule"): settings.airflow_schedule,
        # Between two tasks of a walk the scheduler sleeps this long at most.
        ("scheduler", "scheduler_idle_sleep_time"): 0.25,
        ("dag_processor", "min_file_process_interval"): 30,
        ("dag_processor", "parsing_processes"): 1,
        ("api", "host"): settings.airflow_host,
        ("api", "port"): settings.airflow_port,
        ("api", "workers"): 1,
        ("api", "base_url"): base_url(settings),
        ("api", "secret_key"): kept.api_secret_key,
        ("api", "instance_name"): _instance_name(settings),
        ("api_auth", "jwt_secret"): kept.jwt_secret,
        ("logging", "logging_level"): "INFO",
        ("logging", "namespace_levels"): "great_expectations=WARNING",
        ("logging", "uvicorn_logging_level"): "WARNING",
        ("logging", "colored_console_log"): False,
    }
    return {
        **os.environ,
        **_as_variables(settings),
        "AIRFLOW_HOME": str(settings.airflow_dir),
        **{f"AIRFLOW__{s}__{key}".upper(): str(value) for (s, key), value in airflow.items()},
        "DO_NOT_TRACK": "1",
        # Tasks reach the API directly, whatever proxy the machine uses for the world.
        "NO_PROXY": _no_proxy(settings),
        "no_proxy": _no_proxy(settings),
        "PYTHONUNBUFFERED": "1",
    }


def command(*arguments: str) -> list[str]:
    """Returns the command line of Airflow: it never holds a secret."""
    # Without -P a module of the current folder could be taken for Airflow.
    return [sys.executable, "-P", "-m", "airflow", *arguments]


def _as_variables(settings: Settings) -> dict[str, str]:
    """Returns the settings as the variables they are read from, so that tasks see the same ones."""
    return {
        name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings
        if value is not None
    }


def _password_file(settings: Settings) -> Path:
    return settings.airflow_dir / "passwords.json"


def _instance_name(settings: Settings) -> str:
    return "living-crm" if settings.airflow_schedule else "living-crm (schedule off)"


def _no_proxy(settings: Settings) -> str:
    return ",".join(filter(None, [os.environ.get("NO_PROXY"), settings.airflow_host, "localhost"]))
