"""The experiment that the history holds: who was drawn to be contacted, who to be left alone.

A row is a person and a campaign that carried an offer, as our lists do, and that held back a random
control group. Everything known of the person is as of the evening before: the campaign itself is in
no feature. Whoever was drawn twice for a campaign, under two records, is left out: the two may have
come into both groups.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from ml.arrays import BoolArray, Columns, FloatArray
from ml.features import numbers
from ml.uplift.settings import EffectSpec
from warehouse.connections import connect_arrow
from warehouse.errors import ModelError, TooLittleData
from warehouse.policy import Policy, Training

TEST_SHARE = 0.25  # of the campaigns, the latest: never learned from

_DRAWN = """
select
    assignments.person_id,
    assignments.campaign_id,
    min(assignments.assigned_date) - 1 as as_of_date,
    bool_or(assignments.treatment_group = 'contact') as is_contact
from marts.fct_assignments as assignments
inner join marts.dim_campaigns as campaigns using (campaign_id)
where
    campaigns.has_offer
    and assignments.person_id is not null
    and assignments.known_from_date <= {as_of}
    and assignments.assigned_date - 1 between {first_day} and {last_day}
group by assignments.person_id, assignments.campaign_id
having count(*) = 1
"""


@dataclass(frozen=True)
class Experiment:
    """Rows of a person and a campaign, ordered by day, campaign and person.

    Attributes:
        days: the evening before, whose features the row has.
        campaigns: the campaign, numbered.
        persons: the person, numbered.
        treated: who was contacted.
        outcome: what came of it.
        campaign_ids: what the campaigns' numbers stand for.
        person_ids: what the persons' numbers stand for.
    """

    days: NDArray[np.datetime64]
    campaigns: NDArray[np.int64]
    persons: NDArray[np.int64]
    treated: BoolArray
    outcome: FloatArray
    columns: Columns
    campaign_ids: tuple[str, ...]
    person_ids: tuple[str, ...]

    @property
    def share(self) -> FloatArray:
        """The share contacted of each row's campaign."""
        counts = np.bincount(self.campaigns)
        contacted = np.bincount(self.campaigns, weights=self.treated)
        shares: FloatArray = (contacted / np.maximum(counts, 1))[self.campaigns]
        return shares

    def where(self, rows: BoolArray) -> "Experiment":
        """Returns some of the rows."""
        return Experiment(
            self.days[rows],
            self.campaigns[rows],
            self.persons[rows],
            self.treated[rows],
            self.outcome[rows],
            {name: values[rows] for name, values in self.columns.items()},
            self.campaign_ids,
            self.person_ids,
        )

    def counts(self) -> dict[str, int]:
        """Returns how many campaigns, persons and rows of either group there are."""
        return {
            "campaigns": len(np.unique(self.campaigns)),
            "persons": len(np.unique(self.persons)),
            "contacted_rows": int(self.treated.sum()),
            "control_rows": int((~self.treated).sum()),
        }


def experiment_days(connection: psycopg.Connection, policy: Policy, as_of: date) -> list[date]:
    """Returns the days whose features the experiment needs, ascending; none without a campaign."""
    found = connection.execute("select to_regclass('marts.fct_assignments') is not null").fetchone()
    if not found or not found[0]:
        return []
    rows = connection.execute(
        sql.SQL("select distinct as_of_date from ({}) as drawn order by as_of_date").format(
            _drawn(policy, as_of)
        )
    ).fetchall()
    return [day for (day,) in rows]


def read_experiment(url: str, policy: Policy, as_of: date, spec: EffectSpec) -> Experiment:
    """Returns the experiment as of a day; campaigns without both groups are not in it.

    Raises:
        ModelError: a row has no label.
    """
    query = sql.SQL(
        """
        select
            drawn.as_of_date, drawn.campaign_id, drawn.person_id, drawn.is_contact,
            cast(cast(labels.{outcome} as integer) as double precision) as outcome, {features}
        from ({drawn}) as drawn
        inner join features.ftr_customers as customers
            on drawn.person_id = customers.person_id and drawn.as_of_date = customers.as_of_date
        left join features.customer_labels as labels
            on customers.person_id = labels.person_id
            and customers.as_of_date = labels.as_of_date
            and labels.horizon_days = {horizon}
        order by drawn.as_of_date, drawn.campaign_id, drawn.person_id
        """
    ).format(
        outcome=sql.Identifier(spec.outcome),
        features=sql.SQL(", ").join(sql.Identifier("customers", name) for name in spec.features),
        drawn=_drawn(policy, as_of),
        horizon=sql.Literal(policy.horizon_days),
    )
    with closing(connect_arrow(url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(query.as_string())
        table = cursor.fetch_arrow_table()
    unlabelled = table["outcome"].null_count
    if unlabelled:
        raise ModelError(
            f"{unlabelled} rows of the experiment have no label at {policy.horizon_days} days.",
            "Run the step build_snapshots.",
        )
    campaigns, campaign_ids = _numbered(table["campaign_id"])
    persons, person_ids = _numbered(table["person_id"])
    found = Experiment(
        days=table["as_of_date"].to_numpy().astype("datetime64[D]"),
        campaigns=campaigns,
        persons=persons,
        treated=np.array(table["is_contact"].to_numpy(), dtype=np.bool_),
        outcome=numbers(table["outcome"]),
        columns={name: numbers(table[name]) for name in spec.features},
        campaign_ids=campaign_ids,
        person_ids=person_ids,
    )
    return found.where((found.share > 0) & (found.share < 1))


@dataclass(frozen=True)
class ExperimentSplit:
    """The campaigns to learn from, and the later ones to be judged by."""

    training: Experiment
    test: Experiment

    def counts(self) -> dict[str, Mapping[str, int]]:
        """Returns the counts of both."""
        return {"training": self.training.counts(), "test": self.test.counts()}


def split_experiment(found: Experiment, policy: Policy) -> ExperimentSplit:
    """Returns the latest campaigns as the test, and those whose effect was over before it.

    Raises:
        TooLittleData: there is no experiment, or a group of it is too small.
    """
    days = np.unique(found.days)
    tests = max(1, round(TEST_SHARE * len(days)))
    if len(days) <= tests:
        raise TooLittleData(
            "The history holds no experiment: "
            f"{len(days)} campaigns with an offer and a random control group.",
            "Hold back a random part of each campaign, and hand over who was held back.",
        )
    first_test = days[-tests]
    split = ExperimentSplit(
        training=found.where(
            found.days <= first_test - np.timedelta64(policy.contact.effect_days, "D")
        ),
        test=found.where(found.days >= first_test),
    )
    _require_enough(split, policy.training)
    return split


def _require_enough(split: ExperimentSplit, minima: Training) -> None:
    training, test = split.training, split.test
    asked = (
        ("to learn from", len(training.outcome), minima.min_train_rows),
        ("contacted to learn from", int(training.treated.sum()), minima.min_class_rows),
        ("held back to learn from", int((~training.treated).sum()), minima.min_class_rows),
        ("of the rarer outcome to learn from", _rarer(training), minima.min_class_rows),
        ("contacted to test on", int(test.treated.sum()), minima.min_test_class_rows),
        ("held back to test on", int((~test.treated).sum()), minima.min_test_class_rows),
    )
    missing = [(what, found, needed) for what, found, needed in asked if found < needed]
    if missing:
        raise TooLittleData(
            "The experiment holds too few rows "
            + "; ".join(f"{what}: {found}, {needed} would do" for what, found, needed in missing)
            + ".",
            "Wait for more campaigns, or hold back a larger part of each.",
        )


def _rarer(rows: Experiment) -> int:
    happened = int((rows.outcome > 0).sum())
    return min(happened, len(rows.outcome) - happened)


def _drawn(policy: Policy, as_of: date) -> sql.Composed:
    last_day = as_of - timedelta(days=policy.horizon_days)
    first_day = last_day - timedelta(days=policy.training.experiment_days)
    return sql.SQL(_DRAWN).format(
        as_of=sql.Literal(as_of), first_day=sql.Literal(first_day), last_day=sql.Literal(last_day)
    )


def _numbered(column: Any) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Returns the numbers of a column's texts from 0 on, and the texts by number."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), tuple(encoded.dictionary.to_pylist())
