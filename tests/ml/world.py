"""A small world with planted causes: features and labels as dbt would build them.

Who churns follows from a broken rhythm and, unseen by the rule, from living on discounts and from
cases; nothing else has happened to anybody that could be a cause. Who comes back follows from few
days per purchase and, unseen by the rule, from buying in many departments. Who renews a contract
follows from buying lately and, unseen by the rule, from no refused complaint; every tenth holder of
a contract has never bought.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zlib import crc32

import numpy as np
import psycopg
from psycopg import sql

from ml.models import model_specs
from ml.outcomes import PURCHASE
from ml.rivals.contract import INPUTS
from ml.snapshots import snapshot_days
from warehouse.policy import Policy

AS_OF = date(2017, 11, 29)
FIRST_DAY = date(2017, 1, 1)
FEATURES = tuple(
    dict.fromkeys(feature for spec in model_specs().values() for feature in spec.columns)
)


@dataclass(frozen=True)
class World:
    """How many customers a day has, and which seed made them."""

    live: int = 500
    lapsed: int = 500
    contract: int = 0
    seed: int = 7


def build(url: str, policy: Policy, world: World, days: Sequence[date] | None = None) -> None:
    """Makes marts, features and labels of the snapshots before AS_OF and of the day after it."""
    days = days or [*snapshot_days(PURCHASE, policy, AS_OF, FIRST_DAY), date(2017, 11, 30)]
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table marts.fct_orders (order_date date, person_id text, order_kind text)"
        )
        connection.execute("insert into marts.fct_orders values ('2017-01-01')")
        connection.execute(
            sql.SQL(
                "create table features.ftr_customers (person_id text, as_of_date date,"
                " population text, value_amount double precision, {})"
            ).format(
                sql.SQL(", ").join(
                    sql.SQL("{} double precision").format(sql.Identifier(name)) for name in FEATURES
                )
            )
        )
        connection.execute(
            "create table features.customer_labels (person_id text, as_of_date date,"
            " horizon_days integer, bought_within_horizon boolean, renewed_contract boolean)"
        )
        for number, day in enumerate(days):
            _fill(connection, world, day, number, policy.horizon_days)


def _fill(
    connection: psycopg.Connection, world: World, day: date, number: int, horizon_days: int
) -> None:
    rng = np.random.default_rng([world.seed, number])
    count = world.live + world.lapsed + world.contract
    live = np.arange(count) < world.live
    contract = np.arange(count) >= world.live + world.lapsed
    # Each by its own name: a new feature leaves what is drawn of the others as it was.
    columns = {
        name: np.random.default_rng([world.seed, number, crc32(name.encode())])
        .normal(size=count)
        .round(3)
        for name in FEATURES
    }
    gap = rng.uniform(3, 12, count).round()
    recency = np.where(live, rng.integers(0, 28, count), rng.integers(28, 150, count))
    orders = np.where(live, rng.integers(6, 40, count), rng.integers(0, 30, count))
    purchases = rng.integers(2, 30, count).astype(float)
    columns |= {
        "recency_days": recency.astype(float),
        "tenure_days": recency + (purchases - 1) * gap,
        "purchase_day_count": purchases,
        "spend_per_purchase_day": rng.gamma(4, 10, count).round(2),
        "average_gap_days": gap,
        "recency_over_gap": (recency / gap).round(4),
        "order_count_168d": orders.astype(float),
        "active_weeks_84d": rng.integers(0, 13, count).astype(float),
        "discount_share_84d": rng.uniform(0, 1, count).round(3),
        "department_count_84d": rng.integers(1, 15, count).astype(float),
        "calendar_month": np.full(count, float(day.month)),
    }
    columns |= {
        "case_count_168d": (columns["case_count_168d"] > 1.3).astype(float),
        "open_complaint_count": (columns["open_complaint_count"] > 9).astype(float),
        "days_since_contract_end": -1 - abs(columns["days_since_contract_end"]),
        "contract_days_left": 200 + columns["contract_days_left"],
        "days_since_account_change": 200 + columns["days_since_account_change"],
        "days_since_competitor_opening": 200 + columns["days_since_competitor_opening"],
        "price_change_168d": columns["price_change_168d"] / 1000,
    }
    stays_away = (
        -3.5
        + 0.5 * columns["recency_over_gap"]
        + 3.5 * (columns["discount_share_84d"] > 0.7)
        + 2.0 * columns["case_count_168d"]
    )
    comes_back = -2.0 - 0.1 * recency / (1 + orders) + 2.5 * (columns["department_count_84d"] > 9)
    odds = np.where(live, -stays_away, comes_back)
    bought = rng.uniform(size=count) < 1 / (1 + np.exp(-odds))
    # Drawn last and for holders alone, so that a world without contracts stays what it is.
    of_holders = {
        "contract_days_left": rng.integers(0, 15, count).astype(float),
        "contract_tenure_days": rng.integers(300, 1000, count).astype(float),
        "contract_renewal_count": rng.integers(0, 3, count).astype(float),
        "contract_monthly_fee": rng.choice([9.0, 19.0], count),
        "refused_complaint_count_168d": (rng.integers(0, 4, count) == 3).astype(float),
    }
    # A complaint is a case.
    of_holders["case_count_168d"] = of_holders["refused_complaint_count_168d"]
    of_holders |= {
        name: np.where(np.arange(count) % 10 == 0, np.nan, columns[name]) for name in INPUTS
    }
    columns |= {
        name: np.where(contract, values, columns[name]) for name, values in of_holders.items()
    }
    renews = 2.0 - 3.0 * (columns["refused_complaint_count_168d"] == 1) - (recency > 60)
    renewed = rng.uniform(size=count) < 1 / (1 + np.exp(-renews))
    population = np.select([live, contract], ["live", "contract"], "lapsed")
    persons = [f"P{number:02d}{index:06d}" for index in range(count)]
    with connection.cursor() as cursor:
        with cursor.copy("copy features.ftr_customers from stdin") as copy:
            for index, person in enumerate(persons):
                copy.write_row((
                    person, day, str(population[index]), 20.0,
                    *(_known(columns[name][index]) for name in FEATURES),
                ))  # fmt: skip
        with cursor.copy("copy features.customer_labels from stdin") as copy:
            for index, person in enumerate(persons):
                copy.write_row((
                    person, day, horizon_days, bool(bought[index]),
                    bool(renewed[index]) if contract[index] else None,
                ))  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
