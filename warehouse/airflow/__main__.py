"""`python -m warehouse.airflow ...`: any command of Airflow, in this installation's environment."""

import os
import sys

from warehouse.airflow.environment import command, environment, metadata_url
from warehouse.errors import LivingCrmError
from warehouse.settings import load_settings


def main() -> None:
    """Becomes Airflow: `python -m warehouse.airflow backfill create --help`."""
    settings = load_settings()
    arguments = command(*sys.argv[1:])
    os.execve(arguments[0], arguments, environment(settings, metadata_url(settings)))  # noqa: S606


if __name__ == "__main__":
    try:
        main()
    except LivingCrmError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        sys.exit(error.exit_code)
