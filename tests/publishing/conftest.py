from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.expectations import night
from warehouse.context import RunContext

PASSED = """
insert into ops.check_results values
('2017-11-30', 'lists', 'lists.win_back.size', 'lists.win_back', 'activation.target_list_entries',
    'row_count', 'warn', true, '50', 'at least 1 rows')
"""


@pytest.fixture
def checked_night(context_for: Callable[[date], RunContext], tmp_path: Path) -> RunContext:
    """A good night whose lists have passed their guard, in a folder with a space in its name."""
    context = context_for(night.AS_OF)
    with psycopg.connect(context.url) as connection:
        night.lay_down(connection)
        connection.execute(PASSED)
    home = tmp_path / "a home"
    return replace(context, settings=context.settings.model_copy(update={"living_crm_home": home}))
