"""The alert of a task that has failed for good: one line, and the runbook page that mends it."""

import logging
from collections.abc import Mapping
from typing import Any

from dags.business_day import as_of_date
from warehouse.errors import (
    BuildError,
    GuardBlocked,
    LivingCrmError,
    ModelError,
    PolicyError,
    PublishError,
    SettingsError,
    SourceError,
    WarehouseError,
)

logger = logging.getLogger(__name__)


class RunIncomplete(LivingCrmError):
    """Steps of a run did not succeed."""


RUNBOOKS: Mapping[type[LivingCrmError], str] = {
    BuildError: "docs/runbooks/dbt_build.md",
    GuardBlocked: "docs/runbooks/guard_blocked.md",
    ModelError: "docs/runbooks/model.md",
    PolicyError: "docs/runbooks/policy.md",
    PublishError: "docs/runbooks/publish.md",
    RunIncomplete: "docs/runbooks/README.md",
    SettingsError: "docs/runbooks/settings.md",
    SourceError: "docs/runbooks/source.md",
    WarehouseError: "docs/runbooks/warehouse.md",
}
OTHER_RUNBOOK = "docs/runbooks/unexpected.md"


def alert(context: Mapping[str, Any]) -> None:
    """Logs one line for a task that has failed for good. Holds no secret and no personal field."""
    error = context.get("exception")
    known = isinstance(error, LivingCrmError)
    try:
        day = str(as_of_date(context))
    except LivingCrmError:
        day = "unknown"
    logger.error(
        "ALERT dag=%s task=%s as_of=%s runbook=%s: %s",
        context["ti"].dag_id,
        context["ti"].task_id,
        day,
        next((page for kind, page in RUNBOOKS.items() if isinstance(error, kind)), OTHER_RUNBOOK),
        error if known else type(error).__name__,
    )
