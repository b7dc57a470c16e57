from datetime import date

import psycopg
import pytest
import requests

from demo.company import faults
from demo.company.faults import SCENARIOS, break_source, broken_by, mend
from demo.company.installation import company_folder
from tests.demo.company.conftest import LayDown, state
from warehouse.connections import source_url
from warehouse.errors import SettingsError, SourceError
from warehouse.settings import Settings

DAY = date(2024, 1, 8)
NEXT_DAY = date(2024, 1, 9)


@pytest.mark.parametrize("scenario", ["late", "stale", "half_the_rows", "wrong_encoding"])
def test_a_scenario_changes_its_own_source_and_mended_it_is_as_before(
    lay: LayDown, company_settings: Settings, scenario: str
) -> None:
    changed = {
        "late": {
            "web/2024-01-08/events.jsonl.gz",
            "mailer/2024-01-08/sends.parquet",
            "mailer/2024-01-08/reactions.parquet",
            "mailer/2024-01-08/consent_changes.parquet",
        },
        "stale": {"points_entries"},
        "half_the_rows": {"web/2024-01-08/events.jsonl.gz"},
        "wrong_encoding": {"crm/name_list_2024-01-08.csv"},
    }
    lay(DAY)
    before = state(company_settings)
    break_source(company_settings, scenario)
    assert broken_by(company_settings) == [scenario]
    broken = state(company_settings)
    assert {name for name in before if broken.get(name) != before[name]} == changed[scenario]
    mend(company_settings)
    assert state(company_settings) == before


def test_a_stale_table_ends_five_days_ago(lay: LayDown, company_settings: Settings) -> None:
    lay(DAY)
    newest = "select max(updated_at) from points_entries"
    with psycopg.connect(source_url(company_settings, "shop"), autocommit=True) as connection:
        before = connection.execute(newest).fetchone()
        break_source(company_settings, "stale")
        after = connection.execute(newest).fetchone()
        mend(company_settings)
    assert before and after and (before[0] - after[0]).days >= 5


def test_a_renamed_column_is_renamed_back(lay: LayDown, company_settings: Settings) -> None:
    lay(DAY)
    before = state(company_settings)
    break_source(company_settings, "renamed_column")
    with psycopg.connect(source_url(company_settings, "shop")) as connection:
        cursor = connection.execute("select * from members limit 0")
        assert cursor.description
        names = [column.name for column in cursor.description]
    assert "mobile_number" in names and "phone" not in names
    mend(company_settings)
    assert state(company_settings) == before


def test_an_api_that_is_down_answers_nothing_until_it_is_mended(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    url = f"{source_url(company_settings, 'callcentre')}/v1/staffing"
    break_source(company_settings, "api_down")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url, timeout=5)
    mend(company_settings)
    assert requests.get(url, timeout=5).status_code == 401


def test_a_broken_company_does_not_live_on_and_cannot_be_broken_twice(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    break_source(company_settings, "late")
    try:
        assert lay(DAY).rows == 0
        with pytest.raises(SourceError, match="late"):
            lay(NEXT_DAY)
        with pytest.raises(SettingsError, match="late"):
            break_source(company_settings, "stale")
    finally:
        mend(company_settings)
    assert mend(company_settings) == "Nothing is broken."


def test_systems_break_at_once_but_none_of_them_twice(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    before = state(company_settings)
    with pytest.raises(SettingsError, match="late and half_the_rows would both break web"):
        break_source(company_settings, "late", "half_the_rows")
    assert broken_by(company_settings) == []
    break_source(company_settings, "half_the_rows", "stale")
    broken = state(company_settings)
    assert {name for name in before if broken[name] != before[name]} == {
        "web/2024-01-08/events.jsonl.gz", "points_entries",
    }  # fmt: skip
    assert mend(company_settings) == "Mended: half_the_rows, stale."
    assert state(company_settings) == before


def test_where_one_system_cannot_break_the_others_are_mended(
    lay: LayDown, company_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_there(_: Settings) -> str:
        raise SourceError("Nothing is dropped in web yet.", "Lay a later day down.")

    lay(DAY)
    before = state(company_settings)
    cannot = SCENARIOS["half_the_rows"]._replace(happen=nothing_there)
    monkeypatch.setattr(faults, "SCENARIOS", {**SCENARIOS, "half_the_rows": cannot})
    with pytest.raises(SourceError, match="Nothing is dropped in web"):
        break_source(company_settings, "stale", "half_the_rows")
    assert broken_by(company_settings) == []
    assert state(company_settings) == before


def test_a_break_that_was_killed_half_way_can_be_mended(
    lay: LayDown, company_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    lay(DAY)
    before = state(company_settings)
    monkeypatch.setattr("demo.company.faults.gzip.compress", killed)
    with pytest.raises(KeyboardInterrupt):
        break_source(company_settings, "half_the_rows")
    mend(company_settings)
    assert state(company_settings) == before


def test_only_known_scenarios_break_and_only_what_is_laid_down(
    isolated_settings: Settings,
) -> None:
    with pytest.raises(SettingsError, match="late, stale"):
        break_source(isolated_settings, "fire")
    for scenario in SCENARIOS:
        with pytest.raises(SourceError, match="not laid down"):
            break_source(isolated_settings, scenario)
    assert not company_folder(isolated_settings).exists()
