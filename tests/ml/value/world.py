"""A small base of customers who buy until they leave, as features and labels that dbt would build.

Half of the customers leave after every fifth purchase, the others hardly ever. Who is of which
half is told by `discount_share_84d` alone, which no rival reads.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from ml.arrays import FloatArray
from ml.value.days import YEAR_DAYS, plan_year
from ml.value.model import COLUMNS

AS_OF = date(2017, 11, 29)
TONIGHT = date(2017, 11, 30)
HISTORY_DAYS = 1000
_LEAVES = (0.01, 0.2)


@dataclass(frozen=True)
class World:
    """How many customers there are, and whether a feature tells who leaves."""

    customers: int = 500
    is_told: bool = True
    history_days: int = HISTORY_DAYS
    seed: int = 11

    @property
    def first_day(self) -> date:
        """The day the purchases begin."""
        return AS_OF - timedelta(days=self.history_days)


@dataclass(frozen=True)
class Purchases:
    """One row per purchase; days count from the world's first."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    amount: FloatArray
    leaves: NDArray[np.bool_]


def live(world: World) -> Purchases:
    """Returns all purchases, those after AS_OF too."""
    rng = np.random.default_rng(world.seed)
    size = world.customers
    leaves = rng.random(size) < 0.5
    begins = rng.integers(0, 700, size).astype(np.float64)
    begins[0] = 0.0
    gap = rng.gamma(4.0, 5.0, size) + 10.0
    scale = rng.gamma(6.0, 5.0, size)
    who, when = [np.arange(size)], [begins]
    alive, time = np.arange(size), begins
    end = world.history_days + YEAR_DAYS
    while len(alive):
        time = time + rng.exponential(gap[alive])
        alive, time = alive[time < end], time[time < end]
        who.append(alive)
        when.append(time)
        stays = rng.random(len(alive)) >= np.array(_LEAVES)[leaves[alive].astype(int)]
        alive, time = alive[stays], time[stays]
    customer = np.concatenate(who)
    amount = np.round(rng.gamma(3.0, scale[customer] / 3.0), 2)
    return Purchases(customer, np.concatenate(when).astype(np.int64), amount, leaves)


def build(url: str, world: World) -> None:
    """Makes marts, features and labels of every day that training as of AS_OF and TONIGHT need."""
    purchases = live(world)
    # The days of a longer history where the world's own is too short to have any.
    days = plan_year(AS_OF, AS_OF - timedelta(days=HISTORY_DAYS)).all
    with psycopg.connect(url) as connection:
        connection.execute("create table marts.fct_orders (order_date date)")
        connection.execute("insert into marts.fct_orders values (%s)", (world.first_day,))
        connection.execute(
            sql.SQL(
                "create table features.ftr_customers"
                " (person_id text, as_of_date date, population text, {})"
            ).format(
                sql.SQL(", ").join(
                    sql.SQL("{} double precision").format(sql.Identifier(name)) for name in COLUMNS
                )
            )
        )
        connection.execute(
            "create table features.customer_labels (person_id text, as_of_date date,"
            " spend_within_year double precision, spend_known_a_year_ago double precision,"
            " known_date date)"
        )
        for day in (*days, TONIGHT):
            if day > world.first_day:
                _fill(connection, world, purchases, day)


def spend_between(purchases: Purchases, size: int, first: int, last: int) -> FloatArray:
    """Returns what each customer spends after day `first` up to `last`."""
    rows = (purchases.day > first) & (purchases.day <= last)
    return np.bincount(purchases.customer[rows], purchases.amount[rows], minlength=size).astype(
        np.float64
    )


def _fill(connection: psycopg.Connection, world: World, purchases: Purchases, day: date) -> None:
    size, today = world.customers, (day - world.first_day).days
    rng = np.random.default_rng([world.seed, today])
    past = purchases.day <= today
    pairs = np.unique(np.column_stack([purchases.customer[past], purchases.day[past]]), axis=0)
    count = np.bincount(pairs[:, 0], minlength=size).astype(np.float64)
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(first, pairs[:, 0], pairs[:, 1])
    np.maximum.at(last, pairs[:, 0], pairs[:, 1])
    told = purchases.leaves if world.is_told else rng.random(size) < 0.5
    columns = {name: rng.normal(size=size).round(3) for name in COLUMNS}
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = (last - first) / (count - 1)
        columns |= {
            "recency_days": today - last,
            "tenure_days": today - first,
            "purchase_day_count": count,
            "spend_per_purchase_day": spend_between(purchases, size, -1, today) / count,
            "average_gap_days": np.where(count > 1, gap, np.nan),
            "recency_over_gap": np.where(count > 1, (today - last) / gap, np.nan),
            "spend_365d": spend_between(purchases, size, today - YEAR_DAYS, today),
            "discount_share_84d": np.where(told, 0.8, 0.2) + rng.uniform(-0.15, 0.15, size),
        }
    trained = world.history_days
    year = spend_between(purchases, size, today, min(today + YEAR_DAYS, trained))
    ago = spend_between(purchases, size, today, min(today + YEAR_DAYS, trained - YEAR_DAYS))
    with connection.cursor() as cursor:
        with cursor.copy("copy features.ftr_customers from stdin") as copy:
            for place in np.flatnonzero(count > 0).tolist():
                recency = columns["recency_days"][place]
                population = "new" if count[place] < 2 else "live" if recency <= 28 else "lapsed"
                values = (float(columns[name][place]) for name in COLUMNS)
                copy.write_row((f"P{place:06d}", day, population, *values))
        if day < AS_OF:
            with cursor.copy("copy features.customer_labels from stdin") as copy:
                for place in np.flatnonzero(count > 0).tolist():
                    before = float(ago[place]) if today < trained - YEAR_DAYS else None
                    copy.write_row((f"P{place:06d}", day, float(year[place]), before, AS_OF))
