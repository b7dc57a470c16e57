"""What every task of every DAG is given: owner, retries and the alert."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from dags.alerts import alert
from warehouse.errors import BuildError, GuardBlocked, ModelError, PolicyError, SettingsError

# Faults that trying again cannot mend fail at the first try.
DEFAULT_ARGS: Mapping[str, Any] = {
    "owner": "data-engineering",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            RetryRule(
                exception=[BuildError, GuardBlocked, ModelError, PolicyError, SettingsError],
                action=RetryAction.FAIL,
                reason="trying again cannot mend it",
            )
        ]
    ),
    "execution_timeout": timedelta(hours=2),
    "on_failure_callback": alert,
}
