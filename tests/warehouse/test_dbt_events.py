"""Which of dbt's events are put together."""

from typing import Any

import pytest
from dbt.tracking import track_behavior_change_warn
from dbt_common.events.base_types import EventLevel, msg_from_base_event
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager
from dbt_common.events.functions import fire_event
from dbt_common.events.logger import LoggerConfig
from dbt_common.events.types import Note

from warehouse.dbt_events import listen


@pytest.mark.parametrize(
    ("taken", "fired", "is_made"),
    [
        (EventLevel.INFO, EventLevel.DEBUG, False),
        (EventLevel.INFO, EventLevel.INFO, True),
        (EventLevel.WARN, EventLevel.ERROR, True),
        (EventLevel.DEBUG, EventLevel.DEBUG, True),
    ],
)
def test_an_event_is_put_together_where_a_log_takes_its_level(
    monkeypatch: pytest.MonkeyPatch, taken: EventLevel, fired: EventLevel, is_made: bool
) -> None:
    made: list[Any] = []

    def counted(event: Any, level: Any = None) -> Any:
        made.append(event)
        return msg_from_base_event(event, level=level)

    monkeypatch.setattr("dbt_common.events.event_manager.msg_from_base_event", counted)
    before = get_event_manager()
    ctx_set_event_manager(EventManager())  # what dbt wrote to in an earlier test of this process
    try:
        listen(None)
        get_event_manager().add_logger(LoggerConfig(name="test", level=taken))
        get_event_manager().add_callback(track_behavior_change_warn)  # each command has it
        fire_event(Note(msg="anything"), level=fired)
    finally:
        ctx_set_event_manager(before)
    assert bool(made) == is_made
