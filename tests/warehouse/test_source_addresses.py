from pathlib import Path

import pytest

from warehouse.connections import source_token, source_url
from warehouse.dbt import feeds
from warehouse.errors import SourceError
from warehouse.settings import Settings


@pytest.fixture
def installation(
    isolated_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """An installation with a `.env` of its own and what a demo wrote."""
    monkeypatch.setattr("warehouse.connections.REPOSITORY", tmp_path)
    isolated_settings.sources_dir.mkdir(parents=True)
    (isolated_settings.sources_dir / "sources.env").write_text("SOURCE_SHOP_URL=by-demo\n")
    return isolated_settings


def test_the_environment_wins_over_dotenv_and_that_over_the_demo(
    installation: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source_url(installation, "shop") == "by-demo"
    (tmp_path / ".env").write_text("SOURCE_SHOP_URL=pg://u:a$b${c}@h/x\nSOURCE_SHOP_TOKEN=t\n")
    assert source_url(installation, "shop") == "pg://u:a$b${c}@h/x"
    assert source_token(installation, "shop") == "t"
    monkeypatch.setenv("SOURCE_SHOP_URL", "by-environment")
    assert source_url(installation, "shop") == "by-environment"


def test_an_address_nobody_wrote_down_is_an_error(installation: Settings) -> None:
    with pytest.raises(SourceError, match="SOURCE_TILL_URL"):
        source_url(installation, "till")
    assert source_token(installation, "till") is None


def test_a_feed_may_come_from_several_tables_of_a_source(
    isolated_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a.yml").write_text("feeds: {persons: [stg_a__x, stg_a__y], cases: stg_a__y}")
    (tmp_path / "b.yml").write_text("feeds: {persons: stg_b__z}")
    settings = isolated_settings.model_copy(update={"catalog_dir": tmp_path})
    assert feeds(settings) == {
        "persons": ["stg_a__x", "stg_a__y", "stg_b__z"],
        "cases": ["stg_a__y"],
    }
