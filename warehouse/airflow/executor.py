"""LocalExecutor whose workers have the rooms' libraries in memory before the first task.

Great Expectations, dbt and XGBoost take 2 to 6 s each to import, and a night imports them in a
dozen tasks. A task is a fork of a worker and a worker a fork of the scheduler, so what the
scheduler has imported once costs the tasks nothing. Our own modules are not among them: a change
of the code takes effect with the next task.
"""

import contextlib
import importlib

from airflow.executors.local_executor import LocalExecutor

from warehouse.lazy import UNUSED_BY_GUARDS, import_on_use

LIBRARIES = (
    "psycopg",
    "pydantic_settings",
    "pandas",
    "adbc_driver_postgresql.dbapi",
    "dlt",
    "dlt.destinations.impl.postgres.postgres",
    "dlt.sources.sql_database",
    "dbt.cli.main",
    "dbt.adapters.postgres",
    "great_expectations",
    "xgboost",
)


class WarmLocalExecutor(LocalExecutor):  # type: ignore[misc]
    """LocalExecutor, warmed up."""

    def start(self) -> None:
        """Imports the libraries, then starts the workers."""
        import_on_use(*UNUSED_BY_GUARDS)
        for name in LIBRARIES:
            # A library that cannot be imported fails its task with a reason, not the scheduler.
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        super().start()
