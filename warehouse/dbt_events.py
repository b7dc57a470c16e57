"""dbt's events, of which only those that a log takes are put together.

dbt tells of every query and every node a dozen times at level debug, and makes a message of each
before it asks whether anybody wants it: a twentieth of dbt's processor time in a night.
"""

from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

_DEBUG = (EventLevel.DEBUG, EventLevel.TEST)


def drop_unwanted() -> None:
    """Lets dbt's commands in this process leave out debug events where no log takes them."""
    if not isinstance(get_event_manager(), _WantedEvents):
        ctx_set_event_manager(_WantedEvents())


class _WantedEvents(EventManager):
    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        if (level or e.level_tag()) in _DEBUG and not (
            self.callbacks or any(logger.level in _DEBUG for logger in self.loggers)
        ):
            return
        super().fire_event(e, level, node, force_warn_or_error_handling)
