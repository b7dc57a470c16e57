"""Tonight's expected spend of every customer, with its interval and the classes that follow."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

import numpy as np
import psycopg

from ml import artefacts, registry
from ml.abstain import abstain
from ml.features import read_base, read_population, require_features
from ml.rivals.buy_till_you_die import BuyTillYouDie
from ml.rivals.contract import INPUTS
from ml.rivals.value import BgNbdGammaGamma
from ml.value.days import YEAR_DAYS
from ml.value.learn import drawn_spread
from ml.value.model import MODEL_NAME, Forecast, RivalModel, forecast_of
from ml.value.rows import POPULATIONS
from warehouse.context import RunContext
from warehouse.errors import ModelError

logger = logging.getLogger(__name__)

PAST_SPEND = "spend_365d"
# Amounts are written to the hundredth of the currency.
DIGITS = 2

_STAGE = """
create temporary table valued (
    person_id text not null,
    expected_spend double precision not null,
    low_spend double precision not null,
    high_spend double precision not null,
    baseline_spend double precision not null,
    past_year_spend double precision not null
) on commit drop
"""

# Customers who spend alike are in the same class: rank() gives them the best of their places.
_PUBLISH = """
with ranked as (
    select
        valued.*,
        rank() over (order by expected_spend desc) as future_rank,
        rank() over (order by past_year_spend desc) as past_rank,
        count(*) over () as customers
    from valued
),

classed as (
    select
        ranked.*,
        (
            select 1 + count(*) from unnest(%(up_to)s::numeric[]) as share
            where ceil(share * customers) < future_rank
        ) as future_place,
        (
            select 1 + count(*) from unnest(%(up_to)s::numeric[]) as share
            where ceil(share * customers) < past_rank
        ) as past_place
    from ranked
)

insert into ml.customer_values (
    as_of_date, person_id, model_version, model_kind, horizon_days, expected_spend, low_spend,
    high_spend, baseline_spend, past_year_spend, future_class, past_class, is_rising
)
select
    %(as_of)s, person_id, %(version)s, %(kind)s, %(horizon_days)s, expected_spend, low_spend,
    high_spend, baseline_spend, past_year_spend,
    (%(names)s::text[])[future_place], (%(names)s::text[])[past_place],
    future_place < past_place
from classed
order by person_id
"""


@dataclass(frozen=True)
class InForce:
    """What foretells on a day, and how it is named in the values."""

    forecast: Forecast
    version: str
    kind: artefacts.Kind

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to be read."""
        return tuple(dict.fromkeys((*self.forecast.model.features, *INPUTS, PAST_SPEND)))


def score_values(
    context: RunContext,
    connection: psycopg.Connection,
    reader: Any,
    stale: Mapping[str, str],
) -> dict[str, int | float | str]:
    """Replaces the day's values of all customers; returns counts, and what foretold.

    Without a champion the baseline foretells, fitted on the customers of the day; where those are
    too few or too much alike for it, nobody gets a value, and the reason is returned.

    Args:
        context: the run.
        connection: where the values are written.
        reader: of `connect_arrow`.
        stale: who rests on a source that is too old, with its name.

    Raises:
        ModelError: the artefact is damaged or does not fit, or a feature that it needs is missing.
    """
    for table, where in (("customer_values", ""), ("abstentions", "and score_name = 'value'")):
        connection.execute(
            f"delete from ml.{table} where as_of_date = %s {where}".encode(),  # noqa: S608
            (context.as_of,),
        )
    try:
        found = in_force(context, connection, reader)
    except NoBaseline as none:
        logger.warning("value: nobody gets one. %s", none.what)
        return {"value_rows": 0, "value_refused": none.what}
    require_features(connection, found.columns)
    connection.execute(_STAGE)
    abstained = 0
    for population in POPULATIONS:
        abstained += _stage(context, connection, reader, found, population, stale)
    classes = context.policy.value_classes
    cursor = connection.execute(
        _PUBLISH,
        {
            "as_of": context.as_of,
            "version": found.version,
            "kind": found.kind,
            "horizon_days": YEAR_DAYS,
            "names": list(classes),
            "up_to": list(accumulate(Decimal(str(share)) for share in classes.values())),
        },
    )
    logger.info("value: %d foretold by %s", cursor.rowcount, found.version)
    return {
        "value_rows": cursor.rowcount,
        "value_abstained": abstained,
        "value_version": found.version,
        "value_kind": found.kind,
    }


class NoBaseline(ModelError):
    """Not even the baseline can be fitted on the customers of a day."""


def in_force(context: RunContext, connection: psycopg.Connection, reader: Any) -> InForce:
    """Returns the champion of the day, or the baseline fitted on the day's customers.

    Raises:
        ModelError: the champion's artefact is damaged or of another format or horizon.
        NoBaseline: there is no champion, and no baseline either.
    """
    champion = registry.champion_for(connection, MODEL_NAME, context.as_of)
    if champion is None:
        return InForce(_baseline(context, reader), registry.PLAIN_RULE, "rule")
    stored = artefacts.load(context.settings.models_dir, champion)
    if stored.manifest["horizon_days"] != YEAR_DAYS:
        raise ModelError(
            f"value {champion.version} looks {stored.manifest['horizon_days']} days ahead, "
            f"{YEAR_DAYS} are read.",
            "Train again, or retire the model.",
        )
    return InForce(forecast_of(stored.manifest, stored.model), champion.version, champion.kind)


def _baseline(context: RunContext, reader: Any) -> Forecast:
    base = read_base(reader, context.as_of)
    if not len(base["recency_days"]):
        raise NoBaseline("Nobody has bought yet.", "Values come with the first purchases.")
    try:
        process = BuyTillYouDie.fit(base)
    except ModelError as fault:
        raise NoBaseline(fault.what, fault.remedy) from fault
    spread = drawn_spread(process, base, context.policy.training.seed)
    return Forecast(RivalModel(BgNbdGammaGamma(process, YEAR_DAYS)), spread, process)


def _stage(
    context: RunContext,
    connection: psycopg.Connection,
    reader: Any,
    found: InForce,
    population: str,
    stale: Mapping[str, str],
) -> int:
    """Puts the values of a population into the stage; returns how many get none."""
    forecast = found.forecast
    withheld: list[tuple[object, ...]] = []
    with connection.cursor() as cursor:
        with cursor.copy("copy valued from stdin") as copy:
            for persons, columns in read_population(
                reader, population, context.as_of, found.columns
            ):
                expected = forecast.model.spend(columns)
                low, high = forecast.spread.interval(expected)
                baseline = forecast.baseline.expected_spend(columns)
                abstained = abstain(
                    persons, columns, expected, forecast.model, stale, context.policy.abstention
                )
                withheld += [
                    (context.as_of, MODEL_NAME, persons[place], *why)
                    for place, why in abstained.causes.items()
                ]
                amounts = np.column_stack([expected, low, high, baseline, columns[PAST_SPEND]])
                rows = zip(
                    persons,
                    np.round(amounts, DIGITS).tolist(),
                    abstained.rows.tolist(),
                    strict=True,
                )
                for person, values, is_withheld in rows:
                    if not is_withheld:
                        copy.write_row((person, *values))
        with cursor.copy("copy ml.abstentions from stdin") as copy:
            for row in withheld:
                copy.write_row(row)
    return len(withheld)
