"""One small warehouse for all tests of the dbt project, walked night by night.

Each night is real as far as the lists: the demo's sources wound to the day, loaded, linked and
built by dbt. Only scores are laid down by hand: the rules of a list do not ask who scored.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.complete_journey.lay_down import lay_down
from ml.identity.link import link
from sources.load import load_source
from tests.servers import running_server
from warehouse import dbt
from warehouse.connections import source_url
from warehouse.context import RunContext, StepReport
from warehouse.policy import Policy
from warehouse.schemas import ensure_schemas
from warehouse.settings import Settings

EARLY = date(2017, 10, 30)
LATE = date(2017, 11, 20)  # a Monday: the CRM drops its file
HOUSEHOLDS = 80

_SCORES = """
    delete from ml.customer_scores where as_of_date = %(day)s;
    insert into ml.customer_scores
    select
        as_of_date, person_id, case population when 'live' then 'churn' else 'winback' end,
        'rule-1', 'rule', 28, recency_days / (recency_days + 28), false, 0.5, 'bought long ago'
    from features.ftr_customers
    where as_of_date = %(day)s and population in ('live', 'lapsed');
"""


@dataclass
class World:
    """The warehouse and what it held after each step of the story below."""

    settings: Settings
    policy: Policy
    url: str
    slices: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def context(self, day: date) -> RunContext:
        return RunContext(self.settings, self.policy, day, f"test-{day}", self.url)

    def build(self, day: date, selector: str) -> StepReport:
        return dbt.build(self.context(day), selector)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()

    def run(self, statements: str, **values: object) -> None:
        # A client cursor takes several statements with parameters at once.
        with psycopg.connect(self.url, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(statements, values)

    def remember(self, day: date, name: str) -> None:
        """Keeps the day's features and lists as text, so that every byte counts."""
        self.slices[name] = self.rows(
            """
            select 'features', features::text from features.ftr_customers as features
            where as_of_date = %s
            union all
            select 'lists', entries::text from activation.target_list_entries as entries
            where as_of_date = %s
            order by 1, 2
            """,
            day, day,
        )  # fmt: skip


@pytest.fixture(scope="package")
def world(new_home: Callable[[str], Path], policy: Policy) -> Iterator[World]:
    """Two nights in order, the first again after the second, and what went wrong in between."""
    settings = Settings(_env_file=None, living_crm_home=new_home("dbt"), warehouse_port=0)  # type: ignore[call-arg]
    with running_server(settings) as server:
        url = server.url()
        with psycopg.connect(url) as connection:
            ensure_schemas(connection)
        world = World(settings, policy, url)
        _night(world, EARLY, _nothing)
        world.remember(EARLY, "early, on its night")
        _night(world, LATE, _corrections_and_bad_rows)
        world.remember(LATE, "late, on its night")
        for selector in ("model", "choose"):
            world.build(EARLY, selector)
        world.remember(EARLY, "early, built again later")
        world.remember(LATE, "late, after an earlier day was built again")
        yield world


def _night(world: World, day: date, meddle: Callable[[World], None]) -> None:
    context = world.context(day)
    lay_down(world.settings, world.policy, day, limit_households=HOUSEHOLDS)
    meddle(world)
    for source in ("campaigns", "crm", "shop"):
        load_source(context, source)
    world.build(day, "standardise")
    link(context)
    world.build(day, "model")
    world.run(_SCORES, day=day)
    world.build(day, "choose")


def _nothing(_: World) -> None:
    """Leaves the sources as they are."""


def _corrections_and_bad_rows(world: World) -> None:
    """Changes the past at the sources after EARLY: what EARLY was built on must not follow."""
    with psycopg.connect(source_url(world.settings, "shop")) as shop:
        shop.execute(
            """
            update basket_lines
            set sales_value = sales_value + 1000, updated_at = '2017-11-15 12:00+00'
            where basket_id in (select basket_id from baskets where purchased_at < '2017-10-25')
                and (basket_id + product_id) % 10 = 0
            """
        )
    drop = Path(source_url(world.settings, "crm").removeprefix("file://"))
    file = drop / f"demographics_{LATE}.csv"
    header, *rows = file.read_text().splitlines()
    older = [row.replace(row.split(",")[1], "65+", 1) for row in rows]
    bad = ["no number,25-34,35-49K,Renter,Married,2,2 Adults No Kids,0", ",25-34,35-49K,,,,,"]
    file.write_text("\n".join([header, *older, *bad]) + "\n")
