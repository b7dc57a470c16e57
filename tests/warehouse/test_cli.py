"""The command line as a person meets it: one-line errors, exit codes, ways into the warehouse."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from warehouse.schemas import BI_ROLE
from warehouse.settings import REPOSITORY, Settings


@pytest.fixture
def living_crm(tmp_path: Path, warehouse: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command on this test's warehouse."""

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "warehouse.cli", *arguments],
            env={
                **os.environ,
                "LIVING_CRM_HOME": str(tmp_path / "home"),
                "WAREHOUSE_URL": warehouse,
                **environment,
            },
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


Command = Callable[..., subprocess.CompletedProcess[str]]


def _assert_one_line(done: subprocess.CompletedProcess[str], exit_code: int, *says: str) -> None:
    assert done.returncode == exit_code, done.stderr
    assert done.stderr.startswith("ERROR: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Remedy: " in done.stderr
    for part in says:
        assert part in done.stderr


@pytest.mark.parametrize("day", ["2017-13-30", "yesterday", "30.11.2017", ""])
def test_a_wrong_date_is_one_line_without_a_traceback(living_crm: Command, day: str) -> None:
    _assert_one_line(living_crm("run", "--as-of", day), 2, repr(day), "YYYY-MM-DD")


def test_a_day_in_the_future_is_refused(living_crm: Command) -> None:
    _assert_one_line(living_crm("run", "--as-of", "2999-01-01"), 2, "lies in the future")


def test_a_day_outside_the_demo_is_refused_with_the_range(living_crm: Command) -> None:
    done = living_crm("demo", "--as-of", "2016-12-31")
    _assert_one_line(done, 2, "2016-12-31", "2017-01-01", "2017-12-31")


def test_published_customers_are_as_many_as_they_are(living_crm: Command) -> None:
    done = living_crm("demo", "--customers", "5", DATA="complete_journey")
    _assert_one_line(done, 2, "complete_journey is not the demo company", "DATA=company")


def test_an_unknown_policy_key_is_named(living_crm: Command, tmp_path: Path) -> None:
    text = (REPOSITORY / "policy.yml").read_text(encoding="utf-8")
    (tmp_path / "mine.yml").write_text(text + "\nhorizon: 3\n", encoding="utf-8")
    done = living_crm("run", "--as-of", "2017-11-30", POLICY_FILE=str(tmp_path / "mine.yml"))
    _assert_one_line(done, 2, "mine.yml", "horizon", "horizon_days")


def test_wrong_credentials_are_named_and_not_shown(living_crm: Command, warehouse: str) -> None:
    password = warehouse.split(":")[2].partition("@")[0]
    done = living_crm("status", WAREHOUSE_URL=warehouse.replace(password, "wrong-one"))
    _assert_one_line(done, 1, "127.0.0.1", "password authentication failed")
    assert "wrong-one" not in done.stderr


def test_a_night_without_sources_says_how_to_get_them(living_crm: Command) -> None:
    done = living_crm("run", "--as-of", "2017-11-30")
    assert done.returncode == 1
    assert "ERROR: The address of source" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_before_the_first_run_says_what_to_do(living_crm: Command) -> None:
    _assert_one_line(living_crm("status"), 1, "No run of customer_nightly", "living-crm demo")


def test_an_unknown_customer_is_an_error(living_crm: Command, warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        connection.execute("create table marts.customer_360 (person_id text)")
    _assert_one_line(living_crm("customer", "card", "P000"), 2, "'P000'")


def test_the_bi_address_reads_marts_and_no_contact_details(
    living_crm: Command, warehouse: str
) -> None:
    with psycopg.connect(warehouse) as connection:
        connection.execute("create table marts.dim_customers (person_id text)")
        connection.execute("create table pii.customer_contacts (person_id text)")
    address = living_crm("warehouse", "url").stdout.strip()
    assert BI_ROLE in address
    with psycopg.connect(address) as connection:
        assert connection.execute("select count(*) from marts.dim_customers").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select count(*) from pii.customer_contacts")


def test_psql_opens_on_the_warehouse(living_crm: Command, warehouse: str) -> None:
    done = living_crm("warehouse", "psql", "-Atc", "select current_database()")
    assert done.stdout.strip() == warehouse.rpartition("/")[2]


def test_psql_is_given_no_password_on_its_command_line(
    living_crm: Command, settings: Settings
) -> None:
    secret = (settings.postgres_dir / "password").read_text().strip()
    done = living_crm("warehouse", "psql", "-Atc", r"\! tr '\0' ' ' < /proc/$PPID/cmdline")
    assert "psql" in done.stdout
    assert secret not in done.stdout


def test_down_says_whose_installation_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA", "complete_journey")
    monkeypatch.setenv("LIVING_CRM_HOME", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "warehouse.cli", "down"],
        capture_output=True, text=True, check=True, cwd=REPOSITORY,
    )  # fmt: skip
    assert "DATA=complete_journey" in done.stderr
