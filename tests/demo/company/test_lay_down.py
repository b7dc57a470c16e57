import gzip
import json
import os
import signal
import stat
import subprocess
import sys
from datetime import date, timedelta

import openpyxl
import psycopg
import pyarrow.parquet as pq
import pytest

from demo.company.lay_down import lay_down
from demo.company.simulation import FIRST_DAY
from demo.company.systems import truth
from demo.company.systems.pos import MariaDBPos
from demo.company.tables import CRM, SHOP, SURVEY, WEB
from tests.demo.company.conftest import CUSTOMERS, SEED, LayDown, state
from warehouse.connections import source_url
from warehouse.errors import SettingsError
from warehouse.policy import Policy
from warehouse.settings import REPOSITORY, Settings

DAY = date(2024, 1, 7)  # a Sunday: the next day brings the weekly drops
NEXT_DAY = date(2024, 1, 8)
LATER_DAY = date(2024, 1, 10)


@pytest.fixture(scope="module")
def wanted(lay: LayDown, company_settings: Settings) -> dict[str, str]:
    """The state of the systems at the end of the later day, come to without a disturbance."""
    lay(LATER_DAY)
    return state(company_settings)


def test_a_company_lived_on_by_a_day_ends_as_one_that_lived_there_at_once(
    lay: LayDown, company_settings: Settings, company_policy: Policy
) -> None:
    lay(DAY)
    before = state(company_settings)
    report = lay(NEXT_DAY)
    step_by_step = state(company_settings)
    assert report.facts["days_lived"] == 1
    assert {
        name for name in step_by_step.keys() - before.keys() if not name.startswith("crm/notes")
    } >= {
        "crm/name_list_2024-01-08.csv",
        "crm/contracts_2024-01-08.csv",
        "web/2024-01-08/events.jsonl.gz",
        "survey/responses_2024-01-08.xlsx",
        "mailer/2024-01-08/sends.parquet",
        "mailer/2024-01-08/reactions.parquet",
        "mailer/2024-01-08/consent_changes.parquet",
    }
    assert {name: step_by_step[name] for name in before if "." in name} == {
        name: content for name, content in before.items() if "." in name
    }
    # Another company is in between, so that everything is made anew.
    lay_down(company_settings, company_policy, NEXT_DAY, CUSTOMERS, seed=SEED + 1)
    assert state(company_settings) != step_by_step
    lay(NEXT_DAY)
    assert state(company_settings) == step_by_step


def test_laying_down_the_same_day_again_changes_nothing(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    before = state(company_settings)
    report = lay(DAY)
    assert report.rows == 0
    assert set(report.facts.values()) == {0}
    assert state(company_settings) == before


def test_a_company_keeps_its_number_of_customers_and_its_log_until_others_are_asked_for(
    lay: LayDown, company_settings: Settings, company_policy: Policy
) -> None:
    lay(DAY)
    report = lay_down(company_settings, company_policy, NEXT_DAY, seed=SEED)
    assert report.facts["days_lived"] == 1
    anew = (NEXT_DAY - FIRST_DAY).days + 1
    report = lay_down(company_settings, company_policy, NEXT_DAY, CUSTOMERS + 1, SEED)
    assert report.facts["days_lived"] == anew
    report = lay_down(company_settings, company_policy, NEXT_DAY, seed=SEED, whole_log=True)
    assert report.facts["days_lived"] == anew
    report = lay_down(company_settings, company_policy, LATER_DAY, seed=SEED)
    assert report.facts["days_lived"] == (LATER_DAY - NEXT_DAY).days


def test_winding_back_ends_as_if_it_had_never_been_later(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    before = state(company_settings)
    lay(NEXT_DAY)
    lay(DAY)
    assert state(company_settings) == before


@pytest.mark.parametrize(
    ("victim", "day", "given_before"),
    [
        ("pos", NEXT_DAY, 1),  # the tills are behind some other system from the first batch on
        ("mailer", date(2024, 1, 9), 13),  # the mailer alone is behind, by the second batch
    ],
)
def test_killed_between_two_systems_it_comes_to_the_same_end(
    lay: LayDown,
    company_settings: Settings,
    wanted: dict[str, str],
    victim: str,
    day: date,
    given_before: int,
) -> None:
    lay(DAY)
    child = _child(
        company_settings,
        f"""
import time
given = []
def hand_over(system, days):
    if system.name == "{victim}" and f"{{min(days)}}" == "{day}":
        while len(given) < {given_before}:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    rows = give(system, days)
    given.append(system)
    return rows
give = laying._hand_over
laying._hand_over = hand_over
""",
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert state(company_settings) != wanted
    lay(LATER_DAY)
    assert state(company_settings) == wanted


def test_killed_within_a_system_it_comes_to_the_same_end(
    lay: LayDown, company_settings: Settings, wanted: dict[str, str]
) -> None:
    lay(DAY)
    child = _child(
        company_settings,
        """
from demo.company.systems import drops
def write_whole(path, content):
    if path.name == "responses_2024-01-08.xlsx":
        path.with_name(f".{path.name}.unfinished").write_bytes(content[:100])
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, content)
write = drops.write_whole
drops.write_whole = write_whole
""",
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    lay(LATER_DAY)
    assert state(company_settings) == wanted


def test_killed_before_it_was_founded_it_begins_again(
    lay: LayDown,
    company_settings: Settings,
    company_policy: Policy,
    wanted: dict[str, str],
) -> None:
    lay_down(company_settings, company_policy, FIRST_DAY, customers=5, seed=SEED)
    killing = """
from demo.company.systems.drops import Survey
def clear(self):
    os.kill(os.getpid(), signal.SIGKILL)
Survey.clear = clear
"""
    assert _child(company_settings, killing).returncode == -signal.SIGKILL
    lay(LATER_DAY)
    assert state(company_settings) == wanted


def test_the_databases_hold_rows_under_keys_and_a_changed_row_once(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    with psycopg.connect(source_url(company_settings, "shop")) as connection:
        for table, schema in SHOP.items():
            columns = connection.execute(
                "select column_name from information_schema.columns"
                " where table_schema = 'public' and table_name = %s order by ordinal_position",
                (table,),
            ).fetchall()
            assert [name for (name,) in columns] == schema.names
        changed = connection.execute(
            "select count(*) from orders where updated_at > ordered_at"
        ).fetchone()
        assert changed is not None and changed[0] > 0
        indexed = connection.execute(
            "select count(distinct tablename) from pg_indexes where indexdef like '%(updated_at)'"
        ).fetchone()
        assert indexed == (len(SHOP),)


@pytest.mark.usefixtures("needs_mariadb")
def test_the_tills_are_a_mariadb_whose_times_are_utc(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    assert source_url(company_settings, "pos").startswith("mysql://")
    folder = company_settings.sources_dir / "company" / "pos"
    with MariaDBPos(folder).server.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("select min(updated_at), max(updated_at), count(*) from receipts")
        row = cursor.fetchone()
        assert row
        first, last, count = row
        assert count > 0
        # The first day begins at midnight in Seoul, nine hours before it does in UTC.
        assert str(first) >= "2023-12-31 15:00:00"
        assert str(last) < "2024-01-07 15:00:00"
        cursor.execute("select count(*) from receipts where phone = '' or membership_number = ''")
        assert cursor.fetchone() == (0,)


def test_drops_are_as_their_tools_write_them(lay: LayDown, company_settings: Settings) -> None:
    lay(NEXT_DAY)
    folder = company_settings.sources_dir / "company"
    name_list = (folder / "crm" / "name_list_2024-01-08.csv").read_bytes()
    assert name_list.decode("cp949").splitlines()[0] == ",".join(
        f'"{name}"' for name in CRM["name_list"].names
    )
    assert name_list.count(b"\r\n") == name_list.count(b"\n") > 1
    lines = gzip.decompress((folder / "web/2024-01-07/events.jsonl.gz").read_bytes()).splitlines()
    assert list(json.loads(lines[0])) == WEB["events"].names
    sheet = openpyxl.load_workbook(folder / "survey" / "responses_2024-01-08.xlsx").active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert list(rows[0]) == SURVEY["responses"].names
    answered = [row[rows[0].index("answered_at")] for row in rows[1:]]
    assert all("2024-01-01 15:00" <= str(moment) < "2024-01-08 15:00" for moment in answered)
    assert pq.read_table(folder / "mailer/2024-01-08/sends.parquet").num_columns == 6


def test_every_day_has_its_drops_and_a_later_day_has_none(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    folder = company_settings.sources_dir / "company"
    days = [f"{FIRST_DAY + timedelta(days=n)}" for n in range((DAY - FIRST_DAY).days + 1)]
    for table in ("sends", "reactions", "consent_changes"):
        found = sorted(path.parent.name for path in folder.glob(f"mailer/*/{table}.parquet"))
        assert found == days
    assert sorted(path.name for path in (folder / "web").iterdir()) == days
    mondays = [day for day in days if date.fromisoformat(day).weekday() == 0]
    assert sorted(path.stem[-10:] for path in folder.glob("survey/*")) == mondays
    assert sorted(path.stem[-10:] for path in folder.glob("crm/name_list_*")) == mondays


def test_the_addresses_are_for_their_owner_alone(lay: LayDown, company_settings: Settings) -> None:
    lay(DAY)
    file = company_settings.sources_dir / "sources.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    names = {line.partition("=")[0] for line in file.read_text().splitlines()}
    sources = ("SHOP", "POS", "CRM", "WEB", "CALLCENTRE", "SURVEY", "MAILER")
    assert names == {f"SOURCE_{name}_URL" for name in sources} | {"SOURCE_CALLCENTRE_TOKEN"}


def test_the_truth_is_in_a_database_that_no_address_leads_to(
    lay: LayDown, company_settings: Settings
) -> None:
    lay(DAY)
    assert truth.last_day(truth.truth_url(company_settings)) == DAY
    addresses = (company_settings.sources_dir / "sources.env").read_text()
    assert truth.DATABASE not in addresses


def test_days_the_company_does_not_have_are_refused(
    company_settings: Settings, policy: Policy, company_policy: Policy
) -> None:
    with pytest.raises(SettingsError, match="2023-12-31"):
        lay_down(company_settings, company_policy, date(2023, 12, 31))
    elsewhere = policy.model_copy(update={"time_zone": "America/New_York"})
    with pytest.raises(SettingsError, match="New_York"):
        lay_down(company_settings, elsewhere, DAY)


def _child(settings: Settings, patch: str) -> "subprocess.CompletedProcess[str]":
    """Lays the company down in a process of its own, three batches of a day, patched to die."""
    assert settings.warehouse_url
    environment = {
        "LIVING_CRM_HOME": str(settings.living_crm_home),
        "WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
        "PYTHONPATH": str(REPOSITORY),
    }
    program = f"""
import os, signal
from datetime import date
from demo.company import lay_down as laying
from warehouse.policy import load_policy
from warehouse.settings import REPOSITORY, Settings
laying._BATCH_ROWS = 1
{patch}
policy = load_policy(REPOSITORY / "policy.yml").model_copy(update={{"time_zone": "Asia/Seoul"}})
laying.lay_down(
    Settings(_env_file=None), policy, date.fromisoformat("{LATER_DAY}"), {CUSTOMERS}, {SEED}
)
"""
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
