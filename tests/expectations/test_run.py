"""Bad data stops or marks the walk at each door. Real Great Expectations on real PostgreSQL."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from expectations.run import DOORS, run_door
from tests.expectations import night
from warehouse import runbooks
from warehouse.context import RunContext
from warehouse.errors import GuardBlocked, SettingsError, WarehouseError
from warehouse.settings import REPOSITORY


def spoil(context: RunContext, script: str) -> None:
    with psycopg.connect(context.url) as connection:
        connection.execute(script)


def failed_checks(context: RunContext) -> dict[str, str]:
    """Returns the failed checks of the day with their severity."""
    with psycopg.connect(context.url) as connection:
        return dict(
            connection.execute(
                "select check_id, severity from ops.check_results"
                " where as_of_date = %s and not success",
                (context.as_of,),
            ).fetchall()
        )


def source_states(context: RunContext) -> dict[str, tuple[Any, ...]]:
    with psycopg.connect(context.url) as connection:
        rows = connection.execute(
            """
            select table_name, status, age_hours, newest_row_at, rows_of_day, usual_rows_of_day
            from ops.source_status where as_of_date = %s
            """,
            (context.as_of,),
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_a_good_night_passes_every_door_and_leaves_pages_without_secrets(
    good_night: RunContext,
) -> None:
    for door in DOORS:
        report = run_door(good_night, door)
        assert report.rows > 0
        assert report.facts["warnings"] == 0
    assert failed_checks(good_night) == {}
    pages = list((good_night.settings.docs_dir / "data_docs").rglob("*.html"))
    assert {page.parent.name for page in pages if page.name == "index.html"} == {
        *DOORS, "vitality",
    }  # fmt: skip
    # The first pages need no other host, and lead to what Great Expectations made of each suite.
    for page in (page for page in pages if page.name == "index.html"):
        links = re.findall(r'(?:href|src)="([^"]+)"', page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []
        assert links or page.parent.name == "vitality"
    password = good_night.url.partition("@")[0].rpartition(":")[2]
    assert not any(password in page.read_text(encoding="utf-8") for page in pages)


def test_the_templates_of_the_pages_are_compiled_once(
    good_night: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jinja2 import Environment

    run_door(good_night, "lists")
    compiled: list[str] = []
    monkeypatch.setattr(
        Environment, "_generate", lambda _self, _tree, name, _file, **_more: compiled.append(name)
    )
    run_door(good_night, "lists")
    assert [name for name in compiled if name != "door.html.j2"] == []


def test_every_check_of_a_night_has_a_runbook_page(good_night: RunContext) -> None:
    from expectations import sources
    from expectations.suites import customers, lists, raw

    suites = [
        *raw.suites(good_night, sources.measure(good_night)),
        *customers.suites(good_night),
        *lists.suites(good_night),
    ]
    pages = {runbooks.page(check.check_id) for suite in suites for check in suite.checks}
    assert [page for page in sorted(pages) if not (REPOSITORY / page).exists()] == []


def test_the_raw_door_finds_each_fault_of_a_bad_night_and_nothing_else(
    good_night: RunContext,
) -> None:
    spoil(
        good_night,
        """
        drop table raw_shop.customers;
        delete from raw_shop.baskets where _dlt_load_id = '2' and basket_id % 3 > 0;
        update raw_shop.baskets set basket_id = null
        where _dlt_load_id = '2' and basket_id % 2 = 0;
        update raw_shop.baskets set till = '' where _dlt_load_id = '2';
        update ops.loads set rows_rejected = 10 where table_name = 'baskets' and load_id = '2';
        delete from raw_crm.demographics where _file_date > '2017-11-20';
        delete from ops.loaded_files where file_date = '2017-11-30';
        """,
    )
    with pytest.raises(GuardBlocked) as blocked:
        run_door(good_night, "raw")
    assert failed_checks(good_night) == {
        "raw.shop.customers.freshness": "block",
        "raw.shop.baskets.basket_id.completeness": "block",
        "raw.shop.baskets.rejected": "block",
        "raw.shop.baskets.till.completeness": "warn",
        "raw.shop.baskets.volume": "warn",
        "raw.crm.demographics.freshness": "warn",
        "raw.crm.redemptions.freshness": "warn",
    }
    assert "raw.shop.customers.freshness: none, expected at most 8760 h" in str(blocked.value)
    assert "docs/runbooks/raw_freshness.md" in str(blocked.value)
    states = source_states(good_night)
    assert {table: state[0] for table, state in states.items()} == {
        "customers": "missing", "baskets": "stale", "demographics": "stale", "redemptions": "stale",
    }  # fmt: skip


def test_a_required_table_that_is_stale_blocks_the_walk(good_night: RunContext) -> None:
    spoil(good_night, "delete from raw_shop.baskets where updated_at > '2017-11-29 12:00-05'")
    with pytest.raises(GuardBlocked, match=r"raw\.shop\.baskets\.freshness: 36"):
        run_door(good_night, "raw")


def test_stale_optional_sources_only_mark_the_night(good_night: RunContext) -> None:
    spoil(good_night, "drop schema raw_crm cascade; delete from ops.loaded_files")
    report = run_door(good_night, "raw")
    assert report.facts == {
        "sources_fresh": 2, "sources_stale": 0, "sources_missing": 2, "warnings": 2,
    }  # fmt: skip


def test_a_source_that_could_not_be_loaded_is_stale_though_its_rows_are_young(
    good_night: RunContext,
) -> None:
    spoil(
        good_night,
        """
        insert into ops.runs (run_id, as_of_date, dag_id, started_at, status)
        values ('test', '2017-11-30', 'customer_nightly', '2017-12-01', 'running');
        insert into ops.run_steps (run_id, step, room, started_at, status)
        values ('test', 'load_shop', 'load', '2017-12-01', 'failed'),
            ('test', 'load_crm', 'load', '2017-12-01', 'success')
        """,
    )
    report = run_door(good_night, "raw")
    assert report.facts == {
        "sources_fresh": 2, "sources_stale": 2, "sources_missing": 0, "warnings": 0,
    }  # fmt: skip
    assert {name: state[0] for name, state in source_states(good_night).items()} == {
        "customers": "stale", "baskets": "stale", "demographics": "fresh", "redemptions": "fresh",
    }  # fmt: skip


def test_a_day_is_judged_alike_whatever_was_loaded_after_it(good_night: RunContext) -> None:
    yesterday = replace(good_night, as_of=night.YESTERDAY)
    run_door(yesterday, "raw")
    with_later_rows = source_states(yesterday)
    spoil(
        good_night,
        """
        delete from raw_shop.baskets where _dlt_load_id = '2';
        delete from ops.loads where load_id = '2';
        delete from ops.loaded_files where file_date = '2017-11-30';
        """,
    )
    run_door(yesterday, "raw")
    assert source_states(yesterday) == with_later_rows
    assert with_later_rows["baskets"][3:] == (60, 60)


def test_a_daily_drop_is_on_time_also_on_the_day_the_clocks_go_back(
    good_night: RunContext,
) -> None:
    from expectations import sources

    spoil(
        good_night,
        """
        insert into ops.loaded_files values
        ('crm', 'redemptions', 'early', 'early', '2017-11-05', '1', 0, 0)
        """,
    )
    autumn = replace(good_night, as_of=date(2017, 11, 5))
    state = {s.table.name: s for s in sources.measure(autumn)}["redemptions"]
    assert (state.age_hours, state.status) == (24, "fresh")


def test_the_customers_door_finds_each_fault_of_a_bad_night_and_nothing_else(
    good_night: RunContext,
) -> None:
    spoil(
        good_night,
        """
        delete from marts.dim_customers;
        delete from marts.fct_orders where purchased_at > '2017-11-28 12:00-05';
        update marts.fct_orders set order_amount = -5 where order_id = '1';
        delete from features.ftr_customers where as_of_date = '2017-11-30' and person_id > 'P0190';
        update features.ftr_customers set recency_days = -1 where person_id = 'P0007';
        update features.ftr_customers set discount_share_84d = 1.2 where person_id = 'P0008';
        update features.ftr_customers set population = 'sleeping' where person_id = 'P0009';
        update features.ftr_customers set value_amount = null where person_id = 'P0010';
        update features.ftr_customers set demographics_age_days = null;
        insert into quarantine.rejected_rows
        select '2017-11-30', 'shop', 'baskets', '2', row_number, 'not a number', '{}'
        from generate_series(1, 3) as row_number;
        """,
    )
    with pytest.raises(GuardBlocked):
        run_door(good_night, "customers")
    assert failed_checks(good_night) == {
        "customers.dim_customers.row_count": "block",
        "customers.dim_customers.shrinkage": "block",
        "customers.fct_orders.freshness": "block",
        "customers.fct_orders.range": "warn",
        "customers.ftr_customers.recency_days.range": "block",
        "customers.ftr_customers.discount_share_84d.range": "block",
        "customers.ftr_customers.population.range": "block",
        "customers.ftr_customers.value_amount.completeness": "block",
        "customers.ftr_customers.demographics_age_days.completeness": "warn",
        "customers.shop.baskets.rejected": "block",
    }


def test_a_day_without_features_is_not_scored(good_night: RunContext) -> None:
    spoil(good_night, "delete from features.ftr_customers where as_of_date = '2017-11-30'")
    with pytest.raises(GuardBlocked, match=r"customers\.ftr_customers\.row_count: 0"):
        run_door(good_night, "customers")


def test_the_lists_door_finds_each_fault_of_a_bad_night_and_nothing_else(
    good_night: RunContext,
) -> None:
    spoil(
        good_night,
        """
        update activation.target_list_entries set person_id = 'P0001' where person_id = 'P0002';
        update activation.target_list_entries set rank = 500
        where list_name = 'win_back' and rank = 3;
        update activation.target_list_entries set consent_basis = ' ' where person_id = 'P0003';
        update activation.target_list_entries set reason_1 = null where person_id = 'P0004';
        delete from ml.customer_scores where person_id = 'P0005';
        insert into ops.source_status
            (as_of_date, source, table_name, promised_within_hours, rows_loaded, rows_rejected,
            status)
        values ('2017-11-30', 'crm', 'demographics', 168, 0, 0, 'missing');
        """,
    )
    lists = dict(good_night.policy.lists)
    lists["win_back"] = lists["win_back"].model_copy(update={"max_rows": 44})
    strict = replace(good_night, policy=good_night.policy.model_copy(update={"lists": lists}))
    with pytest.raises(GuardBlocked, match="last published lists stay in force") as blocked:
        run_door(strict, "lists")
    assert failed_checks(good_night) == {
        "lists.entries.person_id.duplicates": "block",
        "lists.entries.consent": "block",
        "lists.entries.reason_1.completeness": "block",
        "lists.entries.trust": "block",
        "lists.win_back.ranks": "block",
        "lists.win_back.cap": "block",
        "lists.churn_prevention.scores": "block",
    }
    # Of the 150 persons listed, the CRM holds 37.
    assert "lists.entries.trust: 37 of 150 rows are not" in str(blocked.value)


def test_an_empty_list_and_an_odd_control_group_mark_the_night(good_night: RunContext) -> None:
    spoil(
        good_night,
        """
        delete from activation.target_list_entries where list_name = 'win_back';
        update activation.target_list_entries set treatment_group = 'holdout' where rank % 3 = 0;
        """,
    )
    assert run_door(good_night, "lists").facts["warnings"] == 2
    assert failed_checks(good_night) == {
        "lists.win_back.size": "warn",
        "lists.entries.holdout": "warn",
    }


def test_a_repeated_run_replaces_the_results_of_its_day_and_door(good_night: RunContext) -> None:
    spoil(good_night, "delete from activation.target_list_entries where rank = 1")
    with pytest.raises(GuardBlocked):
        run_door(good_night, "lists")
    spoil(
        good_night,
        "update activation.target_list_entries set rank = 1 where rank = 2;"
        "update activation.target_list_entries set rank = 2 where rank = 3;"
        "delete from activation.target_list_entries where rank > 2;",
    )
    run_door(good_night, "lists")
    assert failed_checks(good_night) == {}


def test_a_table_that_is_not_there_is_named_and_no_older_result_stands(
    good_night: RunContext,
) -> None:
    spoil(
        good_night,
        """
        drop table activation.target_list_entries;
        insert into ops.check_results values
        ('2017-11-30', 'lists', 'lists.win_back.size', 'lists.list.win_back',
            'activation.target_list_entries', 'row_count', 'warn', false, '0', 'at least 1 rows')
        """,
    )
    with pytest.raises(GuardBlocked, match=r"activation\.target_list_entries is not there"):
        run_door(good_night, "lists")
    assert failed_checks(good_night) == {}


def test_a_column_that_is_not_there_fails_the_step_with_a_remedy(good_night: RunContext) -> None:
    spoil(good_night, "alter table features.ftr_customers drop column coupon_share_84d")
    with pytest.raises(WarehouseError, match="cannot be read: UndefinedColumn"):
        run_door(good_night, "customers")


def test_an_unknown_door_is_refused(good_night: RunContext) -> None:
    with pytest.raises(SettingsError, match="raw, customers, lists"):
        run_door(good_night, "back")
