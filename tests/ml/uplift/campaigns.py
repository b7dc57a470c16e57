"""Campaigns with planted effects, in the tables that the walk leaves for the training.

Half of the people are moved: a contact brings them nine tenths of what they usually buy, and they
open more mails. Clicks and coupons nobody tells of. Some have taken a consent back upon a contact
before: another contact drives every fourth of them to it again.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import psycopg

AS_OF = date(2017, 11, 29)
TONIGHT = date(2017, 11, 30)
FIRST_CAMPAIGN = date(2017, 1, 15)
EVERY_DAYS = 22


@dataclass(frozen=True)
class Campaigns:
    """What is laid down.

    Attributes:
        effect: of the planted effects, 1 as above, 0 none.
        control_share: held back at random.
    """

    count: int = 12
    persons: int = 900
    effect: float = 1.0
    control_share: float = 0.3
    has_offer: bool = True
    seed: int = 11


def build(url: str, campaigns: Campaigns) -> None:
    """Makes marts, features and labels of the campaigns, and the features of the night after."""
    rng = np.random.default_rng(campaigns.seed)
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            create table marts.fct_assignments (
                assignment_id text, person_id text, campaign_id text, treatment_group text,
                assigned_date date, known_from_date date
            );
            create table marts.dim_campaigns (campaign_id text, has_offer boolean);
            create table features.ftr_customers (
                person_id text, as_of_date date, population text,
                usual_purchases double precision, offer_response double precision,
                offer_purchases double precision, opened_share double precision,
                contact_withdrawal_count double precision, recency_days double precision,
                clicked_share double precision, coupons_per_offer double precision
            );
            create table features.customer_labels (
                person_id text, as_of_date date, horizon_days integer, purchase_count integer,
                withdrew_consent boolean
            );
            """
        )
        for number in range(campaigns.count):
            day = FIRST_CAMPAIGN + timedelta(days=EVERY_DAYS * number)
            _campaign(connection, campaigns, f"c{number:02d}", day, rng)
        features, _, _ = _people(campaigns, rng)
        _copy_features(connection, TONIGHT, features)
        connection.execute("analyze")


def _people(
    campaigns: Campaigns, rng: np.random.Generator
) -> tuple[list[tuple[float, ...]], np.ndarray, np.ndarray]:
    """Returns the features, who is moved and who is driven away."""
    size = campaigns.persons
    is_moved = rng.random(size) < 0.5
    usual = rng.gamma(3, 0.2, size).round(4)
    response = np.where(is_moved, rng.normal(1.5, 0.2, size), rng.normal(1.0, 0.2, size)).round(4)
    opened = np.where(is_moved, rng.normal(0.4, 0.1, size), rng.normal(0.3, 0.1, size)).round(4)
    driven = rng.random(size) < 0.1
    recency = rng.integers(1, 90, size)
    columns = (usual, response, (usual * response).round(4), opened, driven * 1.0, recency)
    rows = zip(*columns, strict=True)
    return [tuple(float(value) for value in row) for row in rows], is_moved, driven


def _campaign(
    connection: psycopg.Connection,
    campaigns: Campaigns,
    name: str,
    day: date,
    rng: np.random.Generator,
) -> None:
    features, is_moved, driven = _people(campaigns, rng)
    size = len(features)
    contacted = rng.random(size) >= campaigns.control_share
    usual = np.array([row[0] for row in features])
    expected = usual * (1 + 0.9 * campaigns.effect * is_moved * contacted)
    bought = rng.poisson(expected)
    withdrew = rng.random(size) < 0.002 + 0.25 * campaigns.effect * driven * contacted
    connection.execute(
        "insert into marts.dim_campaigns values (%s, %s)", (name, campaigns.has_offer)
    )
    evening_before = day - timedelta(days=1)
    with connection.cursor() as cursor:
        with cursor.copy("copy marts.fct_assignments from stdin") as copy:
            for person, is_contacted in enumerate(contacted.tolist()):
                group = "contact" if is_contacted else "control"
                copy.write_row((f"{name}-{person}", f"P{person:05d}", name, group, day, day))
        with cursor.copy("copy features.customer_labels from stdin") as copy:
            for person, outcome in enumerate(zip(bought.tolist(), withdrew.tolist(), strict=True)):
                copy.write_row((f"P{person:05d}", evening_before, 28, *outcome))
    _copy_features(connection, evening_before, features)


def _copy_features(
    connection: psycopg.Connection, day: date, features: list[tuple[float, ...]]
) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy("copy features.ftr_customers from stdin") as copy,
    ):
        for person, row in enumerate(features):
            population = "live" if person % 2 else "lapsed"
            copy.write_row((f"P{person:05d}", day, population, *row, None, None))
