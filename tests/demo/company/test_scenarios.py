"""What the walk makes of a source that breaks: the flag that was promised, and no other."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.company import installation
from demo.company.faults import SCENARIOS, break_source, mend
from demo.company.lay_down import TIME_ZONE, lay_down
from demo.company.tables import SHOP
from sources.readers import http
from tests.servers import running_server
from warehouse import ledger
from warehouse.connections import connect, sibling_url
from warehouse.context import RunContext
from warehouse.errors import SourceError
from warehouse.policy import load_policy
from warehouse.schemas import ensure_schemas
from warehouse.settings import REPOSITORY, Settings
from warehouse.walk import nightly, run_step

FIRST_DAY = date(2024, 2, 12)
CUSTOMERS = 2_000  # with fewer, chance alone would halve the log of a day
FIRST_SUM = 1_000_000_000  # above every number of an order
NIGHTS = {
    "before": (),
    "many": ("late", "stale", "wrong_encoding", "api_down"),
    "blocked": ("renamed_column", "half_the_rows"),
    "summed": (),
    "after": (),
}
WHOLE = "blocked"  # the night that is lived to its end
MAILER = {"mailer.sends", "mailer.reactions", "mailer.consent_changes"}


@dataclass
class Night:
    """What a night found.

    Attributes:
        messages: of the loads that failed.
        loaded: the sources that were loaded.
        stale: the tables that are not fresh.
        warnings: the checks that failed.
        marks: what the rows of the lists say about the data they rest on.
        published: the lists.
    """

    messages: list[str]
    loaded: set[str]
    stale: set[str]
    warnings: set[str]
    marks: set[str]
    published: set[str]


@pytest.fixture(scope="module")
def nights(new_home: Callable[[str], Path]) -> Iterator[dict[str, Night]]:
    """One night after another, each with what is in force mended after it."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, data="company", living_crm_home=new_home("scenarios"), warehouse_port=0
    )
    with running_server(settings) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "FIRST_WAIT_SECONDS", 0.01)  # a service that is down stays down
        url = server.url()
        with connect(url) as connection:
            ensure_schemas(connection)
        policy = load_policy(REPOSITORY / "policy.yml")
        shop = sibling_url(url, installation.SHOP_DATABASE)
        found = {}
        for number, (name, scenarios) in enumerate(NIGHTS.items()):
            day = FIRST_DAY + timedelta(days=number)
            lay_down(settings, policy, day, CUSTOMERS)
            if scenarios:
                break_source(settings, *scenarios)
            if name == "summed":
                _sum_orders(shop, day)
            found[name] = _night(RunContext(settings, policy, day, name, url))
            mend(settings)
            with connect(shop) as connection:
                connection.execute("delete from orders where order_id >= %s", (FIRST_SUM,))
        yield found
        installation.stop(settings)


def _sum_orders(shop: str, day: date) -> None:
    """Lets the shop write, instead of the day's orders, one row per member and month."""
    noon = datetime.combine(day, time(12), ZoneInfo(TIME_ZONE))
    with connect(shop) as connection:
        connection.execute(
            "delete from orders where updated_at >= %s", (noon - timedelta(hours=12),)
        )
        connection.execute(
            """
            insert into orders
                (order_id, member_id, channel, ordered_at, status, delivery_fee, updated_at)
            select
                %(first)s + row_number() over (order by member_id, month), member_id, 'web',
                month at time zone %(zone)s, 'paid', 0, %(noon)s
            from (
                select distinct
                    member_id, date_trunc('month', ordered_at at time zone %(zone)s) as month
                from orders
            ) as months
            """,
            {"first": FIRST_SUM, "zone": TIME_ZONE, "noon": noon},
        )


def _night(context: RunContext) -> Night:
    """Loads every source and runs the guard, as a walk does; one night is lived whole."""
    messages = []
    with context.connection() as connection:
        ledger.begin_run(connection, context.run_id, context.as_of, "customer_nightly")
    for step in nightly(context.settings):
        if step.room == "load":
            try:
                run_step(context, step)
            except SourceError as error:
                messages.append(str(error))
        elif step.room == "check_raw" or context.run_id == WHOLE:
            run_step(context, step)

    def ids(query: str) -> set[str]:
        with context.connection() as connection:
            rows = connection.execute(query.encode(), (context.as_of,))
            return {str(row[0]) for row in rows}

    return Night(
        messages,
        ids("select source from ops.loads where as_of_date = %s"),
        ids(
            "select source || '.' || table_name from ops.source_status"
            " where as_of_date = %s and status != 'fresh'"
        ),
        ids("select check_id from ops.check_results where as_of_date = %s and not success"),
        ids("select trust from activation.target_list_entries where as_of_date = %s")
        if context.run_id == WHOLE
        else set(),
        ids(
            "select list_name from activation.publications"
            " where as_of_date = %s and state = 'published'"
        ),
    )


def test_every_scenario_has_its_night() -> None:
    assert {scenario for scenarios in NIGHTS.values() for scenario in scenarios} == set(SCENARIOS)


@pytest.mark.parametrize(
    ("name", "stale", "warnings", "message"),
    [
        (
            "many",
            {"web.events", *MAILER, "shop.points_entries", "crm.name_list"}
            | {"callcentre.cases", "callcentre.staffing"},
            {f"raw.{table}.freshness" for table in (*MAILER, "shop.points_entries")}
            | {"raw.crm.name_list.rejected"},
            "callcentre .* does not answer",
        ),
        (
            "blocked",
            {f"shop.{table}" for table in SHOP},
            {"raw.web.events.volume"},
            "phone .* mobile_number",
        ),
    ],
)
def test_broken_sources_are_flagged_alone_and_whole_again_once_they_are_mended(
    nights: dict[str, Night], name: str, stale: set[str], warnings: set[str], message: str
) -> None:
    night = nights[name]
    # Tables of which a small company has news too seldom are stale also on good nights.
    seldom = nights["before"].stale | nights["after"].stale
    assert stale <= night.stale <= stale | seldom
    assert warnings <= night.warnings
    assert not warnings & nights["after"].warnings
    (said,) = night.messages
    assert re.search(message, said)


def test_a_feed_that_arrives_summed_is_refused_and_the_night_goes_on_without_it(
    nights: dict[str, Night],
) -> None:
    night, after = nights["summed"], nights["after"]
    (said,) = night.messages
    assert re.search(r"shop\.orders arrives summed: \d+ rows, one per member_id and month", said)
    assert after.loaded - night.loaded == {"shop"}
    assert {f"shop.{table}" for table in SHOP} <= night.stale
    assert night.stale - nights["after"].stale <= {f"shop.{table}" for table in SHOP}
    # Once the detail comes again, everything is loaded.
    assert after.messages == []
    assert "shop.orders" not in after.stale


def test_a_mended_company_loads_everything_again(nights: dict[str, Night]) -> None:
    assert nights["before"].messages == nights["after"].messages == []


def test_a_source_that_is_blocked_marks_the_lists_and_does_not_hold_them_up(
    nights: dict[str, Night],
) -> None:
    assert nights[WHOLE].marks == {"stale: shop"}
    assert nights[WHOLE].published == {"churn_prevention", "win_back"}
