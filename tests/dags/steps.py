"""Steps too small to be wrong: a test sees what Airflow makes of them, not what rooms do."""

import time

from warehouse.context import RunContext, StepReport
from warehouse.errors import GuardBlocked, SourceError


def succeed(context: RunContext) -> StepReport:
    return StepReport(rows=context.as_of.day)


def count(context: RunContext, rows: str) -> StepReport:  # noqa: ARG001
    return StepReport(rows=int(rows))


def block(context: RunContext) -> StepReport:
    raise GuardBlocked(f"1 of 1 checks failed on {context.as_of}.", "Look at the checks.")


def miss_source(context: RunContext) -> StepReport:
    raise SourceError(f"Nothing came for {context.as_of}.", "Ask the source's owner.")


def stall(context: RunContext) -> StepReport:
    """Takes until somebody says go."""
    while not (context.settings.living_crm_home / "go").exists():
        time.sleep(0.1)
    return StepReport(rows=0)
