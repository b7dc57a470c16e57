"""The models of the demo company's seven sources, built on a small company."""

import io
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from demo.company import installation
from demo.company.lay_down import lay_down
from demo.company.tables import SYSTEMS
from ml.identity.link import link
from sources.catalog import load_catalog
from sources.check import check_source
from sources.load import load_source
from tests.dbt_project.conftest import World
from tests.servers import running_server
from warehouse import dbt, status
from warehouse.connections import connect
from warehouse.policy import load_policy
from warehouse.schemas import ensure_schemas
from warehouse.settings import REPOSITORY, Settings

DAY = date(2024, 2, 12)  # a Monday: every source brings something
CUSTOMERS = 800


@pytest.fixture(scope="module")
def company(new_home: Callable[[str], Path]) -> Iterator[World]:
    """The company's first six weeks, loaded, linked and built in one night."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, data="company", living_crm_home=new_home("company"), warehouse_port=0
    )
    with running_server(settings) as server:
        url = server.url()
        with connect(url) as connection:
            ensure_schemas(connection)
        policy = load_policy(REPOSITORY / "policy.yml")  # the company's own
        world = World(settings, policy, url)
        lay_down(settings, policy, DAY, CUSTOMERS)
        for source in SYSTEMS:
            load_source(world.context(DAY), source)
        world.build(DAY, "standardise")
        link(world.context(DAY))
        world.build(DAY, "model")
        yield world
        installation.stop(settings)


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
    assert int(report.facts["tests"]) == 8


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


def test_an_order_is_held_against_the_first_known_prices_of_its_products(company: World) -> None:
    orders = company.rows(
        """
        select
            min(orders.order_kind),
            min(orders.reference_amount) = sum(lines.unit_count * products.list_price),
            min(orders.reference_amount)
            = min(orders.order_amount + orders.retail_discount_amount)
        from intermediate.int_orders__versioned as orders
        inner join marts.fct_order_lines as lines using (order_id)
        inner join staging.stg_shop__products as products using (product_id)
        where orders.known_to_date is null
            and products.updated_at = (
                select min(first.updated_at) from staging.stg_shop__products as first
                where first.product_id = products.product_id
            )
        group by orders.order_id, orders.known_from_date
        """
    )
    assert len(orders) > 100
    assert all(is_at_first_prices for _, is_at_first_prices, _ in orders)
    # Few prices have changed in six weeks.
    bought = [is_unchanged for kind, _, is_unchanged in orders if kind == "purchase"]
    assert 0.8 * len(bought) < sum(bought) <= len(bought)


def test_who_was_held_back_from_a_campaign_was_not_contacted(company: World) -> None:
    ((sent, held_back),) = company.rows(
        """
        select
            count(*) filter (where treatment_group = 'contact'),
            count(*) filter (where treatment_group = 'control')
        from staging.stg_mailer__sends
        """
    )
    assert held_back > 0
    assert company.rows("select count(*) from marts.fct_contacts") == [(sent,)]


def test_every_group_of_a_person_is_whole_from_one_of_its_records(company: World) -> None:
    groups = (
        "person_name, name_source",
        "phone, phone_source",
        "email, email_source",
        "birth_date, birth_date_source",
        "postcode, address, address_source",
    )
    for group in groups:
        columns = ", ".join(group.split(", ")[:-1])
        told, invented = company.rows(
            f"""
            with survived as (
                select person_id, {group} as source from pii.customer_identities
                where {group.split(", ")[-1]} is not null
            ),

            said as (
                select links.person_id, {columns}, records.source
                from intermediate.int_persons__unioned as records
                inner join identity.person_links as links using (source, source_customer_id)
            )

            select count(*) from survived
            union all
            select count(*) from (select * from survived except select * from said) as invented
            """
        )
        assert told > (0,)
        assert invented == (0,)


def test_the_marts_say_where_a_person_s_details_come_from_and_not_what_they_are(
    company: World,
) -> None:
    ((persons, with_phone, shown),) = company.rows(
        r"""
        select
            count(*),
            count(*) filter (where has_phone and phone_source is not null),
            count(*) filter (
                -- Ids and probabilities may hold as many digits as a phone number.
                where (
                    to_jsonb(customers)
                    - '{person_id,household_id,weakest_link_probability}'::text[]
                )::text ~ '@|10[-. ]?[0-9]{4}[-. ]?[0-9]{4}|[가-힣]'
            )
        from marts.dim_customers as customers
        """
    )
    assert 0 < with_phone < persons
    assert shown == 0


def test_a_record_that_is_given_to_another_person_takes_its_details_along(company: World) -> None:
    ((record, former, other),) = company.rows(
        """
        select links.source_customer_id, links.person_id, other.person_id
        from identity.person_links as links
        inner join identity.person_links as other
            on other.source = 'crm' and other.person_id > links.person_id
        where
            links.source = 'shop'
            and not exists (
                select from identity.person_links as shop
                where shop.source = 'shop' and shop.person_id = other.person_id
            )
        order by links.person_id, links.source_customer_id, other.person_id
        limit 1
        """
    )
    move = """
        update identity.person_links set person_id = %(person)s
        where source = 'shop' and source_customer_id = %(record)s
    """
    survivors = "select * from intermediate.int_customers__survivors order by 1, 2"
    choose = ["run", "--select", "int_customers__survivors", "customer_identities"]
    before = company.rows(survivors)
    company.run(move, person=other, record=record)
    dbt.run(company.context(DAY), choose, label="moved")
    names = company.rows(
        """
        select name_source, person_name = (
            select person_name from intermediate.int_persons__unioned
            where source = 'shop' and source_customer_id = %s
        ) from pii.customer_identities where person_id = %s
        """,
        record, other,
    )  # fmt: skip
    assert names == [("shop", True)]
    company.run(move, person=former, record=record)
    dbt.run(company.context(DAY), choose, label="moved back")
    assert company.rows(survivors) == before


def test_a_card_shows_the_person_its_records_and_its_household(company: World) -> None:
    (person, record), (relative, _) = company.rows(
        """
        select identities.person_id, min(links.source_customer_id)
        from pii.customer_identities as identities
        inner join identity.person_links as links using (person_id)
        where identities.address is not null and links.source = 'shop'
        group by identities.person_id order by identities.person_id limit 2
        """
    )
    company.run(
        """
        delete from identity.households;
        insert into identity.households values
            (%(person)s, %(person)s, 'address'), (%(relative)s, %(person)s, 'address');
        """,
        person=person, relative=relative,
    )  # fmt: skip
    company.build(DAY, "choose")
    company.run(
        """
        insert into marts.customer_leaving_reasons values
            (%(person)s, %(day)s, %(day)s, 1, 'complaint_open', %(day)s, 12)
        """,
        person=person, day=DAY,
    )  # fmt: skip
    card = io.StringIO()
    with connect(company.url) as connection:
        status.show_card(connection, person, "en", out=Console(file=card, width=300))
    ((name, address),) = company.rows(
        "select person_name, address from pii.customer_identities where person_id = %s", person
    )
    cells = {cell.strip() for cell in card.getvalue().replace("\n", "│").split("│")}
    assert {name, record, relative} < cells
    assert any("a complaint waits for an answer since 12 days" in cell for cell in cells)
    assert any(cell.endswith(address) for cell in cells)


# Of one person, what six weeks cannot hold: purchases and visits long ago, an open complaint, two
# answers, a contract that ended, and a household.
_A_LONG_STORY = """
    insert into intermediate.int_orders__versioned (
        order_id, known_from_date, source, source_customer_id, store_id, order_kind, order_date,
        line_count, unit_count, order_amount, retail_discount_amount, coupon_discount_amount,
        coupon_match_amount, private_brand_amount, discounted_line_count, cost_amount,
        reference_amount, departments
    )
    select
        'told:' || days, %(day)s::date - days, %(source)s, %(record)s, 's', 'purchase',
        %(day)s::date - days, 2, 2, 1000, 100, 0, 0, 0, 1, 600, 1000, 'a|b'
    from unnest(array[5, 20, 60, 100, 130, 180]) as days;
    insert into marts.fct_returns (
        return_id, order_id, returned_date, known_from_date, refund_amount
    ) values ('told', 'told:20', %(day)s, %(day)s, 500);
    insert into marts.fct_interactions (
        interaction_id, person_id, source, source_customer_id, interaction_type, interaction_date,
        known_from_date
    )
    select
        'told:' || days, %(person)s, 'web', %(record)s, kind, %(day)s::date - days,
        %(day)s::date - days
    from (
        values ('login', 3), ('cart_add', 4), ('app_open', 40), ('login', 100)
    ) as told (kind, days);
    insert into marts.fct_contacts (
        contact_id, person_id, source, source_customer_id, contact_date, known_from_date
    ) values ('told', %(person)s, 'mailer', %(record)s, %(day)s, %(day)s);
    insert into intermediate.int_cases__versioned (
        case_id, source, source_customer_id, case_type, outcome, promised_date, opened_date,
        closed_date, known_from_date
    ) values
        (
            'told:1', %(source)s, %(record)s, 'complaint', null, %(day)s, %(day)s, null, %(day)s
        ),
        (
            'told:2', %(source)s, %(record)s, 'complaint', 'refused', %(day)s, %(day)s, %(day)s,
            %(day)s
        );
    insert into marts.fct_surveys (
        survey_id, person_id, source, source_customer_id, satisfaction, recommendation,
        switching_discount_percent, answered_date, known_from_date
    ) values
        ('told:1', %(person)s, 'survey', %(record)s, 2, 3, 10, %(day)s, %(day)s),
        ('told:2', %(person)s, 'survey', %(record)s, 4, 7, 20, %(day)s::date - 9, %(day)s);
    insert into intermediate.int_contracts__versioned (
        contract_id, source, source_customer_id, start_date, end_date, monthly_fee, contract_state,
        reported_date, known_from_date
    ) values (
        'told', %(source)s, %(record)s, %(day)s::date - 375, %(day)s::date - 10, 9900, 'expired',
        %(day)s, %(day)s
    );
    insert into intermediate.int_accounts__versioned (
        account_id, source, source_customer_id, opened_date, changed_date, closed_date,
        known_from_date
    ) values
        (
            'told:1', %(source)s, %(record)s, %(day)s::date - 40, %(day)s, %(day)s,
            %(day)s::date - 40
        ),
        ('told:2', %(source)s, %(record)s, %(day)s::date - 40, %(day)s, null, %(day)s::date - 40);
    insert into intermediate.int_demographics__versioned (
        source, source_customer_id, reported_date, household_size, income_level, age_level,
        has_children
    ) values (%(source)s, %(record)s, %(day)s, 2, 3, 4, true);
"""
_FORGET = """
    delete from intermediate.int_orders__versioned where order_id like 'told%%';
    delete from marts.fct_returns where return_id like 'told%%';
    delete from marts.fct_interactions where interaction_id like 'told%%';
    delete from marts.fct_contacts where contact_id like 'told%%';
    delete from intermediate.int_cases__versioned where case_id like 'told%%';
    delete from marts.fct_surveys where survey_id like 'told%%';
    delete from intermediate.int_contracts__versioned where contract_id like 'told%%';
    delete from intermediate.int_accounts__versioned where account_id like 'told%%';
    delete from intermediate.int_demographics__versioned where load_id is null;
"""


# Everybody's alike: one person's purchases can change them for all.
_SHARED = [f"price_{name}_{days}d" for name in ("change", "exposure") for days in (84, 168)]


def _features(company: World, without: list[str] | None = None) -> list[tuple[Any, ...]]:
    return company.rows(
        """
        select person_id, to_jsonb(features) - %s::text[] from features.ftr_customers as features
        where as_of_date = %s order by person_id
        """,
        without or [], DAY,
    )  # fmt: skip


def test_every_feature_is_known_of_somebody_and_what_follows_a_day_changes_none(
    company: World,
) -> None:
    """The same story told for the day after the day must not show on the day."""
    make = ["run", "--select", "ftr_customers"]
    before, own_before = _features(company), _features(company, _SHARED)
    ((person, source, record),) = company.rows(
        """
        select person_id, source, source_customer_id from identity.person_links
        where source = 'shop' order by person_id limit 1
        """
    )
    told = {"person": person, "source": source, "record": record}
    company.run(_A_LONG_STORY, day=DAY, **told)
    dbt.run(company.context(DAY), make, label="told")
    names = [name for (name,) in company.rows(
        """
        select column_name from information_schema.columns
        where table_schema = 'features' and table_name = 'ftr_customers'
        """
    )]  # fmt: skip
    counts = company.rows(
        f"select {', '.join(f'count({name})' for name in names)} from features.ftr_customers"
    )
    changed = [row for row in _features(company, _SHARED) if row not in own_before]
    company.run(_FORGET)
    unknown = [name for name, count in zip(names, counts[0], strict=True) if count == 0]
    assert len(names) > 60
    assert unknown == []
    assert [name for name, _ in changed] == [person]

    company.run(
        _A_LONG_STORY.replace("::date - days", "::date + days"), day=DAY + timedelta(1), **told
    )
    dbt.run(company.context(DAY), make, label="told of tomorrow")
    after = _features(company)
    company.run(_FORGET)
    assert after == before


def test_records_and_survivors_night_by_night_are_those_made_at_once(company: World) -> None:
    week_later = DAY + timedelta(days=7)
    lay_down(company.settings, company.policy, week_later, CUSTOMERS)
    for source in SYSTEMS:
        load_source(company.context(week_later), source)

    def made() -> list[list[tuple[Any, ...]]]:
        tables = ("int_persons__unioned", "int_customers__survivors")
        return [
            company.rows(f"select * from intermediate.{table} order by 1, 2") for table in tables
        ]

    make = ["run", "--select", "int_persons__unioned", "int_customers__survivors"]
    before = made()
    dbt.run(company.context(week_later), make, label="by night")
    by_night = made()
    dbt.run(company.context(week_later), [*make, "--full-refresh"], label="at once")
    assert made() == by_night != before


def test_a_day_built_again_after_a_week_gives_the_same_features(company: World) -> None:
    """Orders, cases, answers and visits of the week are in; who is who stays."""
    week_later = DAY + timedelta(days=7)
    before = _features(company)
    company.build(week_later, "standardise")
    dbt.run(
        company.context(week_later),
        # No tests: the week's new records are nobody's yet.
        ["run", "--selector", "model"],
        label="again",
        feature_dates=[DAY, week_later],
    )
    assert _features(company) == before
    for query in (
        "select 1 from features.ftr_customers where as_of_date = %s and order_count_28d > 0",
        "select 1 from intermediate.int_cases__versioned where known_from_date > %s",
        "select 1 from marts.fct_surveys where known_from_date > %s",
        "select 1 from marts.fct_interactions where known_from_date > %s",
    ):
        assert company.rows(query + " limit 1", week_later if "features" in query else DAY)
