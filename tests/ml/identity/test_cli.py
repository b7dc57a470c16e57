from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from ml.identity.cli import identity_app
from ml.identity.ids import made_for
from tests.ml.identity.conftest import DAY, Records, sets
from warehouse.errors import SettingsError
from warehouse.settings import load_settings

A, B, C = ("shop", "1"), ("crm", "K2"), ("pos", "phone:3")


@pytest.fixture
def installed(records: Records, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """The world of the tests as the installation that the commands find."""
    monkeypatch.setenv("WAREHOUSE_URL", records.context.url)
    monkeypatch.setenv("LIVING_CRM_HOME", str(records.context.settings.living_crm_home))
    load_settings.cache_clear()
    yield records
    load_settings.cache_clear()


def living_crm(*arguments: str) -> str:
    done = CliRunner().invoke(identity_app, [*arguments], env={"COLUMNS": "200"})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_a_doubtful_pair_is_shown_decided_and_gone_from_the_queue(installed: Records) -> None:
    installed.add(A, B, name="Kim Minsu", phone="010-1234-5678")
    installed.pair(A, B, 0.6)
    installed.night()
    shown = living_crm("review")
    assert "010-1234-5678" in shown
    assert "living-crm identity decide crm:K2 shop:1" in shown
    told = living_crm(
        "decide", "crm:K2", "shop:1", "--same", "--by", "Kim", "--because", "so",
        "--as-of", str(DAY),
    )  # fmt: skip
    assert "at the next run" in told
    installed.night()
    assert installed.partition() == sets([A, B])
    assert "No pair waits" in living_crm("review")


def test_a_person_is_taken_apart_at_once(installed: Records) -> None:
    installed.add(A, B, C)
    installed.pair(A, B, exact=True)
    installed.pair(B, C, 0.98)
    installed.night()
    told = living_crm(
        "unmerge", made_for(B), "--by", "Kim", "--because", "so", "--apart", "pos:phone:3",
        "--as-of", str(DAY),
    )  # fmt: skip
    assert made_for(C) in told
    assert installed.partition() == sets([A, B], [C])


def test_training_is_a_run_that_tells_what_came_of_it(installed: Records) -> None:
    installed.add(A, B, C)
    assert f"identity_train for {DAY}: success" in living_crm("train", "--as-of", str(DAY))
    told = installed.rows("select outcome, reason from ml.training_runs")
    assert told == [("refused", "3 records, at least 1000 needed")]


def test_a_decision_that_says_nothing_is_refused(installed: Records) -> None:
    installed.night()
    with pytest.raises(SettingsError, match="Give --same or --different"):
        living_crm("decide", "crm:K2", "shop:1", "--by", "Kim", "--because", "so")
