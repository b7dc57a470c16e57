"""`python -m warehouse.airflow.health SERVICE` exits with 0 if Airflow calls it healthy."""

import sys

from warehouse.airflow.api import Api
from warehouse.settings import load_settings


def is_healthy(service: str) -> bool:
    """Tells whether Airflow's API answers and says that `service` lives."""
    health = Api(load_settings()).health() or {}
    return bool(health.get(service, {}).get("status") == "healthy")


if __name__ == "__main__":
    sys.exit(0 if is_healthy(sys.argv[1]) else 1)
