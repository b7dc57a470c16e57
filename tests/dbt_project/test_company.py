"""The models of the demo company's seven sources, built on a small company."""

from collections.abc import Iterator
from datetime import date

import pytest

from demo.company import installation
from demo.company.lay_down import TIME_ZONE, lay_down
from demo.company.tables import SYSTEMS
from ml.identity.link import link
from sources.catalog import load_catalog
from sources.check import check_source
from sources.load import load_source
from tests.dbt_project.conftest import World
from warehouse import dbt, embedded
from warehouse.connections import connect
from warehouse.policy import Policy
from warehouse.schemas import ensure_schemas
from warehouse.settings import Settings

DAY = date(2024, 2, 12)  # a Monday: every source brings something
CUSTOMERS = 800


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> Iterator[World]:
    """The company's first six weeks, loaded, linked and built in one night."""
    home = tmp_path_factory.mktemp("company") / "home"
    settings = Settings(_env_file=None, data="company", living_crm_home=home, warehouse_port=0)  # type: ignore[call-arg]
    url = embedded.ensure_started(settings).url()
    with connect(url) as connection:
        ensure_schemas(connection)
    policy = policy.model_copy(update={"time_zone": TIME_ZONE})
    world = World(settings, policy, url)
    lay_down(settings, policy, DAY, CUSTOMERS)
    for source in SYSTEMS:
        load_source(world.context(DAY), source)
    world.build(DAY, "standardise")
    link(world.context(DAY))
    world.build(DAY, "model")
    yield world
    installation.stop(settings)
    embedded.stop(settings)


@pytest.mark.parametrize("source", SYSTEMS)
def test_the_catalog_lists_every_column_and_the_source_keeps_it(
    company: World, source: str
) -> None:
    catalog = load_catalog(company.settings, source)
    assert {table.name: list(table.columns) for table in catalog.tables} == {
        name: schema.names for name, schema in SYSTEMS[source].items()
    }
    assert check_source(company.settings, source) == []


def test_every_rule_of_the_company_passes_its_unit_tests(company: World) -> None:
    report = dbt.run(
        company.context(DAY),
        ["test", "--select", "path:datasets/company/unit_tests.yml"],
        label="unit tests",
    )
    assert int(report.facts["tests"]) == 6


def test_no_number_of_a_customer_shows_a_mail_address_or_a_phone(company: World) -> None:
    shown = company.rows(
        r"""
        select source, source_customer_id, exact_keys from intermediate.int_persons__unioned
        where concat(source_customer_id, ' ', exact_keys) ~ '@|\m0?10[0-9]{8}\M'
        """
    )
    assert shown == []


def test_a_receipt_of_nobody_is_an_order_without_a_person(company: World) -> None:
    ((receipts, anonymous),) = company.rows(
        """
        select count(*), count(*) filter (where membership_number is null and phone is null)
        from staging.stg_pos__receipts
        """
    )
    ((orders, without_person),) = company.rows(
        """
        select count(*), count(*) - count(person_id) from marts.fct_orders where source = 'pos'
        """
    )
    assert 0 < anonymous <= without_person < orders == receipts
    nobody = "select 1 from identity.person_links where source_customer_id is null"
    assert company.rows(nobody) == []


def test_only_purchases_count_as_purchases(company: World) -> None:
    kinds = dict(company.rows("select order_kind, count(*) from marts.fct_orders group by 1"))
    assert set(kinds) == {"purchase", "cancelled", "refund"}
    ((counted,),) = company.rows(
        "select sum(order_count_84d) from features.ftr_customers where as_of_date = %s", DAY
    )
    ((bought,),) = company.rows(
        """
        select count(*) from marts.fct_orders
        where order_kind = 'purchase' and person_id is not null
        """
    )
    assert counted == bought


def test_who_was_held_back_from_a_campaign_was_not_contacted(company: World) -> None:
    ((sent, held_back),) = company.rows(
        """
        select
            count(*) filter (where assigned_group = 'contact'),
            count(*) filter (where assigned_group = 'control')
        from staging.stg_mailer__sends
        """
    )
    assert held_back > 0
    assert company.rows("select count(*) from marts.fct_contacts") == [(sent,)]
