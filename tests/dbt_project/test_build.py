"""The walk's dbt builds on a small slice of the real sources, night by night."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.conftest import EARLY, LATE, World
from warehouse import dbt, parsed
from warehouse.context import StepReport
from warehouse.errors import BuildError


def test_a_day_built_again_after_a_later_one_gives_the_same_bytes(world: World) -> None:
    assert len(world.slices["early, on its night"]) > 80
    assert world.slices["early, built again later"] == world.slices["early, on its night"]


def test_building_an_earlier_day_leaves_a_later_one_alone(world: World) -> None:
    after = world.slices["late, after an earlier day was built again"]
    assert after == world.slices["late, on its night"]


def test_what_changes_after_a_day_does_change_the_days_after_it(world: World) -> None:
    """Otherwise the two tests above would hold because nothing ever happens."""
    corrected = world.rows(
        "select count(*) from intermediate.int_orders__versioned where known_to_date = '2017-11-15'"
    )
    older = world.rows(
        """
        select count(*)
        from features.ftr_customers as early
        inner join features.ftr_customers as late using (person_id)
        where early.as_of_date = %s and late.as_of_date = %s
            and early.age_level < 6 and late.age_level = 6 and late.spend_168d > early.spend_168d
        """,
        EARLY, LATE,
    )  # fmt: skip
    assert corrected[0][0] > 0
    assert older[0][0] > 0


def test_the_customer_view_shows_the_latest_day_also_after_an_earlier_one_was_built(
    world: World,
) -> None:
    assert world.rows("select distinct as_of_date from marts.customer_360") == [(LATE,)]


def test_rows_that_cannot_be_cast_stand_in_quarantine_with_their_reason(world: World) -> None:
    rejected = world.rows(
        """
        select as_of_date, reason, raw_row ->> 'age' from quarantine.rejected_rows
        where source = 'crm' and table_name = 'demographics' order by reason
        """
    )
    assert rejected == [
        (LATE, "household_id is empty", "25-34"),
        (LATE, "household_id is not a bigint", "25-34"),
    ]


def test_good_and_rejected_rows_are_all_rows_read(world: World) -> None:
    counts = world.rows(
        """
        select
            (select sum(rows_read) from ops.loads
                where source = 'crm' and table_name = 'demographics'),
            (select count(*) from staging.stg_crm__demographics),
            (select count(*) from quarantine.rejected_rows where source = 'crm')
        """
    )
    read, good, rejected = counts[0]
    assert rejected == 2
    assert good + rejected == read


def test_an_order_is_the_sum_of_its_lines_after_a_correction(world: World) -> None:
    wrong = world.rows(
        """
        select order_id from marts.fct_orders as orders
        where order_amount != (
            select sum(sales_amount) from marts.fct_order_lines as lines
            where lines.order_id = orders.order_id
        )
        """
    )
    assert wrong == []


def test_a_denial_takes_a_person_off_the_list_and_so_does_silence(world: World) -> None:
    first = """
        select person_id from activation.target_list_entries where as_of_date = %s
        order by list_name, rank
    """
    denied, silent, *others = [person for (person,) in world.rows(first, LATE)]
    world.run(
        "update pii.customer_contacts set consent_status = 'denied' where person_id = %(person)s",
        person=denied,
    )
    world.run("delete from pii.customer_contacts where person_id = %(person)s", person=silent)
    world.build(LATE, "choose")
    left = [person for (person,) in world.rows(first, LATE)]
    assert denied not in left
    assert silent not in left
    assert set(others) <= set(left)


def test_only_who_was_known_by_the_day_must_have_a_person(world: World) -> None:
    """A later night that failed after loading leaves rows of customers the day has not seen."""

    def test(day: date) -> StepReport:
        wanted = ["test", "--select", "identified_fct_contacts_person_id"]
        return dbt.run(world.context(day), wanted, label="identified")

    one = """
        from marts.fct_contacts where (source, source_customer_id) = (
            select source, source_customer_id from intermediate.int_persons__unioned
            where source = 'campaigns' order by source_customer_id limit 1
        )
    """
    ((person, first_seen_at),) = world.rows(
        f"""
        select distinct contacts.person_id, records.first_seen_at
        from (select * {one}) as contacts
        join intermediate.int_persons__unioned as records using (source, source_customer_id)
        """
    )
    change = """
        update intermediate.int_persons__unioned set first_seen_at = %(seen_at)s
        where (source, source_customer_id) in (select source, source_customer_id {one});
        update marts.fct_contacts set person_id = %(person)s
        where contact_id in (select contact_id {one})
    """.replace("{one}", one)
    try:
        world.run(change, seen_at=f"{LATE} 12:00+00", person=None)
        assert test(EARLY).facts["tests"] == 1
        with pytest.raises(BuildError, match="identified_fct_contacts_person_id"):
            test(LATE)
    finally:
        world.run(change, seen_at=first_seen_at, person=person)
    assert test(LATE).facts["tests"] == 1


def test_the_business_intelligence_role_reads_marts_and_never_contact_details(
    world: World,
) -> None:
    may_read = world.rows(
        """
        select
            has_schema_privilege('living_crm_bi', 'pii', 'usage'),
            has_table_privilege('living_crm_bi', 'pii.customer_contacts', 'select'),
            has_table_privilege('living_crm_publisher', 'pii.customer_contacts', 'select'),
            has_table_privilege('living_crm_bi', 'marts.customer_360', 'select'),
            has_table_privilege('living_crm_bi', 'activation.target_list_entries', 'select')
        """
    )
    assert may_read == [(False, False, True, True, True)]


def test_the_project_is_parsed_once_for_all_nights_and_databases(world: World) -> None:
    logs = "".join(path.read_text() for path in (world.settings.dbt_dir / "logs").iterdir())
    assert logs.count("Unable to do partial parsing") <= 1  # none where another test has parsed it

    found = _manifest(world, "elsewhere", lambda: pytest.fail("parsed again"))
    person_links = found.sources["source.living_crm.identity.person_links"]
    assert person_links.relation_name == '"elsewhere"."identity"."person_links"'
    assert {node.database for node in found.nodes.values()} == {"elsewhere"}


def test_a_damaged_kept_project_is_parsed_anew_and_kept(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = _manifest(world, "here", lambda: pytest.fail("parsed again"))
    (tmp_path / "key.msgpack").write_bytes(b"not whole")
    again = parsed.manifest_for(tmp_path, "key", "here", lambda: whole)
    assert again.nodes.keys() == whole.nodes.keys()
    assert "cannot be read" in caplog.text
    kept = parsed.manifest_for(tmp_path, "key", "here", lambda: pytest.fail("parsed again"))
    assert kept.nodes.keys() == whole.nodes.keys()


def test_a_parsed_project_follows_from_its_variables() -> None:
    assert parsed.fingerprint("company", "{}") == parsed.fingerprint("company", "{}")
    assert parsed.fingerprint("company", "{}") != parsed.fingerprint("company", '{"policy": 1}')


def _manifest(world: World, database: str, parse: Callable[[], Any]) -> Any:
    key = dbt.project_key(world.settings, world.policy)
    return parsed.manifest_for(world.settings.dbt_dir / "parsed", key, database, parse)


@pytest.mark.parametrize(
    ("room", "table", "view", "unfed"),
    [
        # Versions of cases, contracts and accounts.
        ("standardise", "intermediate.int_cases__versioned", "staging.stg_shop__stores", 3),
        # Facts of cases, contracts, returns, surveys, withdrawals, assignments and reactions.
        ("model", "marts.fct_surveys", "marts.customer_link_quality", 7),
    ],
)
def test_what_lasts_is_built_anew_only_where_some_of_it_is_gone(
    world: World, room: str, table: str, view: str, unfed: int
) -> None:
    schemas = ["staging"] if room == "standardise" else ["marts", "pii"]
    (views,) = world.rows("select count(*) from pg_views where schemaname = any(%s)", schemas)
    assert dbt.stands(world.context(LATE), room)
    schema, name = view.split(".")
    world.run(f"alter view {view} rename to elsewhere")
    assert not dbt.stands(world.context(LATE), room)
    world.run(f"alter view {schema}.elsewhere rename to {name}")
    assert dbt.stands(world.context(LATE), room)
    world.run(f"drop table {table}")
    everything = _built(world.build(LATE, room))
    assert world.rows(f"select count(*) from {table}") == [(0,)]
    without = _built(world.build(LATE, room))
    assert everything[0] - without[0] == views[0] + unfed
    # Staging's views are tested each night; what stands empty is not.
    assert everything[1] > without[1] or room == "standardise"


def _built(report: StepReport) -> tuple[int, int]:
    return int(report.facts["models"]), int(report.facts["tests"])


def test_what_happens_before_a_build_is_wanted_counts_also_where_it_was_begun(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = "select person_id from activation.target_list_entries where as_of_date = %s order by 1"
    plain = world.build(LATE, "choose")
    denied, *others = world.rows(listed, LATE)
    world.run("delete from activation.target_list_entries where as_of_date = %(day)s", day=LATE)
    context = world.context(LATE)
    dbt.warm_up(context, "choose")
    monkeypatch.setattr(dbt, "invoke", lambda *_, **__: pytest.fail("dbt was called again"))
    time.sleep(2)  # longer than the build takes
    assert world.rows(listed, LATE) == []
    world.run(
        "update pii.customer_contacts set consent_status = 'denied' where person_id = %(person)s",
        person=denied[0],
    )
    assert _built(dbt.build(context, "choose")) == _built(plain)
    left = world.rows(listed, LATE)
    assert denied not in left
    assert set(others) <= set(left)


def test_features_are_the_same_where_their_build_was_begun(world: World) -> None:
    features = """
        select md5(string_agg(features::text, '|' order by person_id))
        from features.ftr_customers as features where as_of_date = %s
    """
    world.build(LATE, "model")
    plain = world.rows(features, LATE)
    world.run("delete from features.ftr_customers where as_of_date = %(day)s", day=LATE)
    context = world.context(LATE)
    dbt.warm_up(context, "model")
    dbt.build(context, "model")
    assert plain[0][0]
    assert world.rows(features, LATE) == plain


def test_a_build_that_could_not_begin_is_built_when_it_is_wanted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hinder(*_: Any, **__: Any) -> None:
        raise BuildError("dbt build could not run: no connection.", "Try again.")

    context = world.context(LATE)
    plain = world.build(LATE, "choose")
    with monkeypatch.context() as hindered:
        hindered.setattr(dbt, "_call_dbt", hinder)
        dbt.warm_up(context, "choose")
    assert _built(dbt.build(context, "choose")) == _built(plain)


def test_a_begun_build_that_breaks_off_fails_and_is_not_built_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: Any, gate: Any, **__: Any) -> None:
        gate.pass_through()
        raise BuildError("dbt build broke off.", "Try again.")

    context = world.context(LATE)
    with monkeypatch.context() as breaking:
        breaking.setattr(dbt, "_call_dbt", break_off)
        dbt.warm_up(context, "choose")
    with pytest.raises(BuildError, match="broke off"):
        dbt.build(context, "choose")


def test_most_of_what_a_room_compiles_is_compiled_before_its_first_node(world: World) -> None:
    from dbt_common.clients.jinja import template_cache

    template_cache.clear()
    context = world.context(LATE)
    dbt.warm_up(context, "model")
    before = len(template_cache.file_cache)
    dbt.build(context, "model")
    # What dbt's Python calls by name, to drop a relation for example, stands in no macro.
    assert len(template_cache.file_cache) - before < before / 8


def test_the_database_refuses_a_row_without_what_must_be_there(world: World) -> None:
    manifest = _manifest(world, "here", lambda: pytest.fail("parsed again"))
    declared = {
        (node.schema, node.name, column.name)
        for node in manifest.nodes.values()
        for column in getattr(node, "columns", {}).values()
        if any(constraint.type == "not_null" for constraint in column.constraints)
    }
    built = world.rows(
        """
        select table_schema, table_name, column_name from information_schema.columns
        where is_nullable = 'NO'
        """
    )
    assert ("marts", "fct_orders", "order_id") in declared
    assert {column for column in declared if column[1] != "customer_labels"} <= set(built)


def test_a_load_is_judged_once_and_again_when_the_rules_change(world: World) -> None:
    reasons = "select reason from quarantine.rejected_rows where source = 'crm' order by reason"
    judged = world.rows(reasons)
    world.run("update quarantine.rejected_rows set reason = 'seen before' where source = 'crm'")
    world.build(LATE, "standardise")
    assert set(world.rows(reasons)) == {("seen before",)}
    world.run(
        """
        update ops.judged_loads set rules_hash = 'older rules' where source = 'crm';
        insert into quarantine.rejected_rows
        select as_of_date, source, table_name, load_id, row_number + 1, 'too strict', raw_row
        from quarantine.rejected_rows where source = 'crm'
        """
    )
    world.build(LATE, "standardise")
    assert world.rows(reasons) == judged


def test_every_rule_passes_its_unit_tests(world: World) -> None:
    report = dbt.run(
        world.context(LATE), ["test", "--select", "test_type:unit"], label="unit tests"
    )
    assert int(report.facts["tests"]) >= 12
