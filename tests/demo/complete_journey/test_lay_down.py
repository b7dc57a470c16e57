import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from hashlib import sha256

import psycopg
import pytest

from demo.complete_journey.lay_down import lay_down
from demo.complete_journey.published import EDITION, open_published
from warehouse.connections import source_url
from warehouse.days import day_end
from warehouse.errors import SettingsError
from warehouse.policy import Policy
from warehouse.settings import REPOSITORY, Settings

HOUSEHOLDS = 60
DAY = date(2017, 11, 26)  # a Sunday: the next day brings a CRM drop and a new campaign
NEXT_DAY = date(2017, 11, 27)
TABLES = ("customers", "stores", "products", "baskets", "basket_lines")

Wind = Callable[[date], None]


pytestmark = pytest.mark.usefixtures("server_url")


@pytest.fixture
def wind(settings: Settings, policy: Policy) -> Wind:
    def to(as_of: date) -> None:
        lay_down(settings, policy, as_of, limit_households=HOUSEHOLDS)

    return to


def state(settings: Settings) -> dict[str, str]:
    """Returns a checksum of every table and every file of the three sources."""
    found = {}
    with psycopg.connect(source_url(settings, "shop")) as connection:
        for table in TABLES:
            row = connection.execute(
                f"select count(*) || md5(string_agg(t::text, '|' order by t::text)) from {table} t"
            ).fetchone()
            assert row is not None
            found[table] = row[0]
    folder = settings.sources_dir / "complete_journey"
    for path in folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            found[name] = sha256(path.read_bytes()).hexdigest()
        else:
            assert path.parent == folder or any(path.iterdir()), f"{path} is an empty folder"
    return found


def test_winding_on_by_a_day_ends_as_winding_there_at_once(
    wind: Wind, settings: Settings, policy: Policy
) -> None:
    wind(DAY)
    before = state(settings)
    report = lay_down(settings, policy, NEXT_DAY, limit_households=HOUSEHOLDS)
    step_by_step = state(settings)
    assert step_by_step["basket_lines"] != before["basket_lines"]
    assert step_by_step.keys() - before.keys() == {
        "crm/demographics_2017-11-27.csv",
        "campaigns/2017-11-27/campaign_descriptions.parquet",
        "campaigns/2017-11-27/contacts.parquet",
        "campaigns/2017-11-27/coupons.parquet",
        "campaigns/2017-11-27/coupon_redemptions.parquet",
    }
    assert report.facts["files_written"] == 5
    assert {name: step_by_step[name] for name in before if "." in name} == {
        name: content for name, content in before.items() if "." in name
    }

    # Another edition is in between, so that everything is made anew.
    lay_down(settings, policy, NEXT_DAY, limit_households=1)
    assert state(settings) != step_by_step
    wind(NEXT_DAY)
    assert state(settings) == step_by_step


def test_winding_back_ends_as_if_it_had_never_been_later(wind: Wind, settings: Settings) -> None:
    wind(DAY)
    before = state(settings)
    wind(NEXT_DAY)
    wind(DAY)
    assert state(settings) == before


def test_laying_down_the_same_day_again_changes_nothing(
    wind: Wind, settings: Settings, policy: Policy
) -> None:
    wind(DAY)
    before = state(settings)
    report = lay_down(settings, policy, DAY, limit_households=HOUSEHOLDS)
    assert report.rows == 0
    assert set(report.facts.values()) == {0}
    assert state(settings) == before


def test_nothing_is_there_that_happens_after_the_day(
    wind: Wind, settings: Settings, policy: Policy
) -> None:
    wind(DAY)
    end = day_end(DAY, policy.tz)
    with psycopg.connect(source_url(settings, "shop")) as connection:
        for table in TABLES:
            row = connection.execute(
                f"select count(*), max(updated_at) < %s from {table}", (end,)
            ).fetchone()
            assert row is not None and row[0] > 0 and row[1]
        last = connection.execute(
            "select (max(purchased_at) at time zone %s)::date from baskets", (policy.time_zone,)
        ).fetchone()
        assert last == (DAY,)
    folder = settings.sources_dir / "complete_journey"
    assert max(path.name for path in (folder / "campaigns").iterdir()) == "2017-11-26"
    assert max(path.name for path in (folder / "crm").iterdir()) == "demographics_2017-11-20.csv"


def test_a_customer_is_registered_at_the_first_purchase(wind: Wind, settings: Settings) -> None:
    wind(DAY)
    with psycopg.connect(source_url(settings, "shop")) as connection:
        differing = connection.execute("""
            select count(*) from customers
            join (select customer_id, min(purchased_at) as first from baskets group by customer_id)
                as firsts using (customer_id)
            where registered_at <> first or updated_at <> first
        """).fetchone()
    assert differing == (0,)


def test_killed_half_way_it_comes_to_the_same_end(wind: Wind, settings: Settings) -> None:
    wind(NEXT_DAY)
    wanted = state(settings)
    wind(DAY)
    # The shop is wound, of the drops one file is written: there the process is killed.
    child = subprocess.run(
        [sys.executable, "-c", f"""
import os, signal
from datetime import date
from pathlib import Path
from demo.complete_journey.lay_down import lay_down
from warehouse.policy import load_policy
from warehouse.settings import load_settings
rename = Path.rename
def kill_after(path, target):
    rename(path, target)
    os.kill(os.getpid(), signal.SIGKILL)
Path.rename = kill_after
settings = load_settings()
policy = load_policy(settings.policy_file)
lay_down(settings, policy, date({NEXT_DAY:%Y, %-m, %-d}), {HOUSEHOLDS})
"""],
        env={**os.environ, "LIVING_CRM_HOME": str(settings.living_crm_home), "WAREHOUSE_PORT": "0"},
        cwd=REPOSITORY,
        check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL
    assert state(settings) != wanted
    wind(NEXT_DAY)
    assert state(settings) == wanted


@pytest.mark.parametrize("day", [date(2016, 12, 31), date(2018, 1, 1)])
def test_a_day_without_data_is_an_error_that_names_the_range(
    day: date, settings: Settings, policy: Policy
) -> None:
    with pytest.raises(SettingsError, match=rf"{day}.*2017-01-01 to 2017-12-31"):
        lay_down(settings, policy, day)


def test_addresses_are_for_their_owner_alone(wind: Wind, settings: Settings) -> None:
    wind(DAY)
    file = settings.sources_dir / "sources.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert source_url(settings, "crm").startswith("file://")


def test_the_valid_days_hold_every_published_purchase() -> None:
    with open_published() as published:
        row = published.execute("""
            select count(*), count(distinct basket_id), count(distinct household_id),
                min(transaction_timestamp) >= timestamp '2017-01-01 05:00',
                max(transaction_timestamp) < timestamp '2018-01-01 05:00'
            from lines
        """).fetchone()
    assert row == (1_469_307, 155_848, 2_469, True, True), EDITION


def test_the_first_day_has_something_in_every_source(wind: Wind, settings: Settings) -> None:
    wind(date(2017, 1, 1))
    found = state(settings)
    assert "crm/demographics_2016-12-26.csv" in found
    assert "campaigns/2017-01-01/coupon_redemptions.parquet" in found
    assert "campaigns/2016-11-14/contacts.parquet" in found
