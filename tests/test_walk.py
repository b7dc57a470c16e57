"""The walk from end to end on a slice of the published data: real sources, dbt, GX and lists."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.complete_journey.lay_down import lay_down
from tests.servers import running_server
from warehouse.connections import connect, ensure_database, warehouse_url
from warehouse.local import run_walks
from warehouse.policy import Policy
from warehouse.settings import Settings
from warehouse.walk import nightly

HOUSEHOLDS = 300
FIRST, SECOND, THIRD = date(2017, 11, 28), date(2017, 11, 29), date(2017, 11, 30)

# What a day leaves behind, in an order that does not depend on when it was written.
OF_A_DAY = {
    "features": "select * from features.ftr_customers where as_of_date = %s order by person_id",
    "scores": """
        select * from ml.customer_scores where as_of_date = %s order by score_name, person_id
    """,
    "lists": """
        select * from activation.target_list_entries
        where as_of_date = %s order by list_name, rank, person_id
    """,
    "source status": """
        select as_of_date, source, table_name, newest_row_at, age_hours, status
        from ops.source_status where as_of_date = %s order by source, table_name
    """,
    "field vitality": """
        select * from ops.field_vitality where as_of_date = %s order by source, table_name, field
    """,
}


@pytest.fixture(scope="module")
def in_order(new_home: Callable[[str], Path], policy: Policy) -> Iterator[Settings]:
    """An installation that has run three nights one after the other."""
    settings = Settings(_env_file=None, living_crm_home=new_home("in order"), warehouse_port=0)  # type: ignore[call-arg]

    def wind(day: date) -> None:
        lay_down(settings, policy, day, limit_households=HOUSEHOLDS)

    with running_server(settings):
        run_walks(settings, "customer_nightly", [FIRST, SECOND, THIRD], prepare=wind)
        yield settings


def _rows(settings: Settings, query: str, parameters: Sequence[object] = ()) -> list[Any]:
    with connect(warehouse_url(settings)) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def _day(settings: Settings, day: date) -> dict[str, list[Any]]:
    return {name: _rows(settings, query, (day,)) for name, query in OF_A_DAY.items()}


def _files(settings: Settings, day: date) -> dict[str, str]:
    folder = settings.lists_dir / day.isoformat()
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def test_every_room_has_rows_and_no_check_is_skipped(in_order: Settings) -> None:
    steps = _rows(
        in_order,
        """
        select step, run_steps.status, row_count from ops.run_steps
        join ops.runs using (run_id) where as_of_date = %s and runs.status = 'success'
        """,
        (FIRST,),
    )
    assert {name for name, _, _ in steps} == {step.name for step in nightly(in_order)}
    assert [step for step in steps if step[1] != "success" or not step[2]] == []
    doors = dict(_rows(in_order, "select door, count(*) from ops.check_results group by door"))
    assert set(doors) == {"raw", "customers", "lists"}
    assert all(doors.values())


def test_both_lists_are_published_and_lie_there(in_order: Settings) -> None:
    published = _rows(
        in_order,
        """
        select list_name, row_count from activation.publications
        where as_of_date = %s and state = 'published' order by list_name
        """,
        (THIRD,),
    )
    assert [name for name, _ in published] == ["churn_prevention", "win_back"]
    assert all(count > 0 for _, count in published)
    assert {f"{name}.{kind}" for name, _ in published for kind in ("csv", "manifest.json")} <= set(
        _files(in_order, THIRD)
    )


def test_the_next_night_loads_only_the_new_rows(in_order: Settings) -> None:
    loaded = _rows(
        in_order,
        """
        select as_of_date, sum(rows_loaded) from ops.loads
        where source = 'shop' and table_name = 'basket_lines' group by 1 order by 1
        """,
    )
    by_day = {day: int(rows) for day, rows in loaded}
    raw = _rows(
        in_order,
        "select count(*), count(distinct (basket_id, product_id)) from raw_shop.basket_lines",
    )
    assert raw == [(sum(by_day.values()), sum(by_day.values()))]
    assert 0 < by_day[SECOND] < by_day[FIRST] / 100


def test_a_backfill_in_any_order_and_a_night_run_twice_leave_the_same_rows_and_bytes(
    in_order: Settings, new_home: Callable[[str], Path]
) -> None:
    url = ensure_database(warehouse_url(in_order), "out_of_order")
    shuffled = Settings(  # type: ignore[call-arg]
        _env_file=None,
        living_crm_home=new_home("out of order"),
        warehouse_url=url,  # type: ignore[arg-type]
    )
    # The same sources, which by now hold all three days.
    shuffled.sources_dir.symlink_to(in_order.sources_dir, target_is_directory=True)
    run_walks(shuffled, "customer_nightly", (THIRD, FIRST, SECOND, THIRD))
    for day in (FIRST, SECOND, THIRD):
        assert _day(shuffled, day) == _day(in_order, day)
        assert _files(shuffled, day) == _files(in_order, day)
    facts = "select count(*), sum(order_amount) from marts.fct_orders"
    assert _rows(shuffled, facts) == _rows(in_order, facts)


def test_no_list_holds_anyone_without_consent_or_of_the_control_group(in_order: Settings) -> None:
    wrong = _rows(
        in_order,
        """
        select count(*) filter (where consent_basis is null), count(*) from
        activation.target_list_entries where as_of_date = %s
        """,
        (THIRD,),
    )
    assert wrong[0][0] == 0
    assert wrong[0][1] > 0
    held_out = {
        person
        for (person,) in _rows(
            in_order,
            """
            select person_id from activation.target_list_entries
            where as_of_date = %s and treatment_group = 'holdout'
            """,
            (THIRD,),
        )
    }
    assert held_out
    for path in (in_order.lists_dir / THIRD.isoformat()).glob("*.csv"):
        text = path.read_text(encoding="utf-8-sig")
        assert not [person for person in held_out if person in text]


def test_no_secret_stands_in_what_a_night_writes(in_order: Settings) -> None:
    secret = (in_order.postgres_dir / "password").read_bytes().strip()
    for folder in (in_order.dbt_dir, in_order.docs_dir, in_order.lists_dir):
        assert folder.is_dir()
        for path in folder.rglob("*"):
            assert not (path.is_file() and secret in path.read_bytes()), path
    with psycopg.connect(warehouse_url(in_order)) as connection:
        for (text,) in connection.execute("select run_steps::text from ops.run_steps"):
            assert secret.decode() not in text
