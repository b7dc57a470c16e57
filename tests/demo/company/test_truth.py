"""The truth about the demo company is for judges only."""

import pytest

from demo.company.systems import truth
from demo.demos import find_demo
from warehouse.settings import REPOSITORY, Settings

ROOMS = (
    "sources", "dbt_project", "expectations", "ml", "publishing", "warehouse", "dags",
)  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_of_the_walk_names_the_truth(room: str) -> None:
    files = [
        path
        for path in (REPOSITORY / room).rglob("*")
        if path.suffix in (".py", ".sql", ".yml", ".md") and "target" not in path.parts
    ]
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert truth.SCHEMA not in text, path
        assert truth.DATABASE not in text, path


def test_the_truth_has_a_database_of_its_own_that_no_source_leads_to(
    settings: Settings, server_url: str
) -> None:
    assert server_url
    assert truth.truth_url(settings).endswith(f"/{truth.DATABASE}")
    catalogued = (REPOSITORY / "sources" / "catalog" / "company").glob("*.yml")
    assert all("truth" not in path.read_text(encoding="utf-8") for path in catalogued)


def test_a_data_set_without_a_demo_has_none(settings: Settings) -> None:
    assert find_demo(settings.model_copy(update={"data": "mine"})) is None
    assert find_demo(settings.model_copy(update={"data": "company"})) is not None
