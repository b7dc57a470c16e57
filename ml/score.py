"""Scores tonight's populations with the models in force and says why.

Customers are scored in batches of bounded size. Every step works row by row, so the batch that a
customer happens to be in does not change the score; percentiles are made by the warehouse over all.
"""

import importlib
import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from ml import artefacts, registry
from ml.abstain import abstain, stale_persons
from ml.features import read_population, require_features
from ml.models import ModelSpec, model_specs
from ml.reasons import explain
from ml.scorers import PlainScorer, Scorer, scorer_of
from ml.threads import one_thread
from ml.uplift.score import score_effects
from ml.value.score import score_values
from ml.watch.drift import Tally
from ml.watch.record import SCORE, record_drift, record_outcomes
from warehouse.connections import connect_arrow
from warehouse.context import RunContext, StepReport
from warehouse.errors import WarehouseError

logger = logging.getLogger(__name__)

# A probability is written with as many digits as mean something.
DIGITS = 6

_STAGE = """
create temporary table scored (
    person_id text not null,
    probability double precision not null,
    reason_1 text,
    reason_2 text,
    reason_3 text
) on commit drop
"""

# Equal probabilities get equal percentiles.
_PUBLISH = """
insert into ml.customer_scores (
    as_of_date, person_id, score_name, model_version, model_kind, horizon_days, probability,
    is_calibrated, percentile, reason_1, reason_2, reason_3
)
select
    %(as_of)s, person_id, %(score_name)s, %(version)s, %(kind)s, %(horizon_days)s, probability,
    %(is_calibrated)s, percent_rank() over (order by probability), reason_1, reason_2, reason_3
from scored
order by person_id
"""


@dataclass(frozen=True)
class InForce:
    """What scores a population on a day, how it is named in the scores, and what it is held to."""

    spec: ModelSpec
    scorer: Scorer
    version: str
    kind: artefacts.Kind
    is_calibrated: bool
    references: Mapping[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """The features to be read: the scorer's, and those its reasons speak of."""
        spoken = (name for group in self.scorer.groups for name in group.features)
        watched = (name for name in self.references if name != SCORE)
        return tuple(dict.fromkeys((*self.scorer.features, *spoken, *watched)))


@dataclass(frozen=True)
class Scored:
    """What came of scoring a population: persons with a score, persons without, alerts."""

    rows: int
    abstained: int
    alerts: int


def warm_up(context: RunContext) -> None:
    """Has ready what scoring will need: XGBoost only where a model of its kind is in force."""
    importlib.import_module("scipy.linalg")
    connect_arrow(context.url).close()
    with context.connection() as connection:
        is_any_trained = registry.is_any_trained(connection, context.as_of)
    if is_any_trained:
        importlib.import_module("xgboost")


@one_thread
def score(context: RunContext) -> StepReport:
    """Replaces the day's scores of every model.

    Raises:
        WarehouseError: the day's features are not built.
        ModelError: an artefact is damaged or does not fit, or a feature that it needs is no column.
    """
    facts: dict[str, int | float | str] = {}
    total = 0
    with context.connection() as connection, closing(connect_arrow(context.url)) as reader:
        models = [_in_force(context, connection, spec) for spec in model_specs().values()]
        for model in models:
            require_features(connection, model.columns)
        _require_day(connection, context.as_of)
        for table in ("customer_scores", "abstentions"):
            connection.execute(
                sql.SQL("delete from {} where as_of_date = %s and score_name = any(%s)").format(
                    sql.Identifier("ml", table)
                ),
                (context.as_of, list(model_specs())),
            )
        stale = stale_persons(
            connection, context.settings, context.as_of, context.policy.abstention
        )
        connection.execute(_STAGE)
        for model in models:
            scored = _score_one(context, connection, reader, model, stale)
            total += scored.rows
            facts[f"{model.spec.name}_rows"] = scored.rows
            facts[f"{model.spec.name}_abstained"] = scored.abstained
            facts[f"{model.spec.name}_alerts"] = scored.alerts
            facts[f"{model.spec.name}_version"] = model.version
            facts[f"{model.spec.name}_kind"] = model.kind
            facts[f"{model.spec.name}_calibrated"] = "yes" if model.is_calibrated else "no"
            logger.info("%s: %d scored by %s", model.spec.name, scored.rows, model.version)
        facts.update(score_effects(context, connection, reader))
        facts.update(score_values(context, connection, reader, stale))
    return StepReport(rows=total, facts=facts)


def _score_one(
    context: RunContext,
    connection: psycopg.Connection,
    reader: Any,
    model: InForce,
    stale: Mapping[str, str],
) -> Scored:
    batches = read_population(reader, model.spec.population, context.as_of, model.columns)
    connection.execute("truncate scored")
    tally = Tally(model.references)
    withheld: list[tuple[date, str, str, str, str]] = []
    with connection.cursor() as cursor:
        with cursor.copy("copy scored from stdin") as copy:
            for persons, columns in batches:
                probability, contributions = model.scorer.score(columns)
                tally.add({**columns, SCORE: probability})
                abstained = abstain(
                    persons, columns, probability, model.scorer, stale, context.policy.abstention
                )
                withheld += [
                    (context.as_of, model.spec.name, persons[place], *why)
                    for place, why in abstained.causes.items()
                ]
                reasons = explain(
                    model.scorer.groups, contributions, columns, context.policy.language
                )
                rounded = np.round(probability, DIGITS).tolist()
                rows = zip(persons, rounded, reasons, abstained.rows.tolist(), strict=True)
                for person, value, why, is_withheld in rows:
                    if not is_withheld:
                        copy.write_row((person, value, *why))
        with cursor.copy("copy ml.abstentions from stdin") as copy:
            for row in withheld:
                copy.write_row(row)
        cursor.execute(
            _PUBLISH,
            {
                "as_of": context.as_of,
                "score_name": model.spec.name,
                "version": model.version,
                "kind": model.kind,
                "horizon_days": model.spec.outcome.horizon_days(context.policy),
                "is_calibrated": model.is_calibrated,
            },
        )
        scored = cursor.rowcount
    watch, spec = context.policy.watch, model.spec
    alerts = record_drift(connection, context.as_of, spec, model.version, tally, watch)
    alerts += record_outcomes(connection, context.as_of, spec, context.policy)
    return Scored(scored, len(withheld), alerts)


def _in_force(context: RunContext, connection: psycopg.Connection, spec: ModelSpec) -> InForce:
    """Returns the champion of the day, or the plain rule where there is none."""
    champion = registry.champion_for(connection, spec.name, context.as_of)
    horizon_days = spec.outcome.horizon_days(context.policy)
    if champion is None:
        plain = PlainScorer.of(spec, horizon_days)
        return InForce(spec, plain, registry.PLAIN_RULE, "rule", False, {})
    stored = artefacts.load(context.settings.models_dir, champion)
    scorer = scorer_of(spec, stored, horizon_days)
    references = stored.manifest["references"]
    return InForce(spec, scorer, champion.version, champion.kind, True, references)


def _require_day(connection: psycopg.Connection, as_of: date) -> None:
    row = connection.execute(
        "select exists (select from features.ftr_customers where as_of_date = %s)", (as_of,)
    ).fetchone()
    if row and not row[0]:
        raise WarehouseError(
            f"features.ftr_customers holds nothing for {as_of}.", "Run the step model first."
        )
