from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.expectations import night
from warehouse.context import RunContext


@pytest.fixture(scope="session")
def catalog_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalog")
    night.write_catalog(folder)
    return folder


@pytest.fixture
def good_night(context_for: Callable[[date], RunContext], catalog_dir: Path) -> RunContext:
    """A night on which everything came and nothing is wrong."""
    context = context_for(night.AS_OF)
    with psycopg.connect(context.url) as connection:
        night.lay_down(connection)
    settings = context.settings.model_copy(update={"catalog_dir": catalog_dir})
    return replace(context, settings=settings)
