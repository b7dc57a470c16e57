"""dbt's events: which of them are put together, and where a command halts.

dbt tells of every query and every node a dozen times at level debug, and makes a message of each
before it asks whether anybody wants it: a tenth of dbt's processor time in a night.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from dbt.events.types import NodeStart
from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

logger = logging.getLogger(__name__)

_DEBUG = (EventLevel.DEBUG, EventLevel.TEST)


class Gate:
    """Where a command of dbt halts: all is read and asked that comes before its first node."""

    def __init__(self, make_ready: Callable[[], None]) -> None:
        """Takes what may be done while the command halts; whatever it raises is of no account."""
        self._make_ready = make_ready
        self._lock = threading.Lock()
        self._reached = threading.Event()
        self._opened = threading.Event()

    @property
    def was_reached(self) -> bool:
        """Whether the command halts here, or has passed."""
        return self._reached.is_set()

    def open(self) -> None:
        """Lets the command go on, or not halt at all."""
        self._opened.set()

    def pass_through(self) -> None:
        """Halts a thread of the command until the gate is open."""
        with self._lock:
            if not self.was_reached:
                try:
                    self._make_ready()
                except Exception as error:  # noqa: BLE001 - lost in dbt's thread, and the node with it
                    logger.info("Not all is ready ahead: %s", type(error).__name__)
                self._reached.set()
        self._opened.wait()


def listen(gate: Gate | None) -> None:
    """Lets the next command of this process halt at a gate, if one is given.

    Its debug events are left out where no log takes them.
    """
    manager = get_event_manager()
    if not isinstance(manager, _WantedEvents):
        manager = _WantedEvents()
        ctx_set_event_manager(manager)
    manager.gate = gate


class _WantedEvents(EventManager):
    gate: Gate | None = None

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        if self.gate and isinstance(e, NodeStart):
            self.gate.pass_through()
        # dbt's own callback, of its tracking, asks for warnings.
        if (level or e.level_tag()) in _DEBUG and not any(
            logger.level in _DEBUG for logger in self.loggers
        ):
            return
        super().fire_event(e, level, node, force_warn_or_error_handling)
