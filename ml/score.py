"""Scores tonight's populations with the models in force and says why.

Customers are scored in batches of bounded size. Every step works row by row, so the batch that a
customer happens to be in does not change the score; percentiles are made by the warehouse over all.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
import psycopg

from ml import registry
from ml.arrays import Columns, FloatArray
from ml.calibration import Calibration
from ml.features import matrix, read_population, require_features
from ml.models import ModelSpec, model_specs
from ml.reasons import ReasonGroup, explain
from ml.rules import FittedRule, PlainRule, Rule
from warehouse.context import RunContext, StepReport
from warehouse.errors import ModelError, WarehouseError

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


class Scorer(Protocol):
    """Turns features into probabilities and says what speaks for them."""

    @property
    def features(self) -> tuple[str, ...]:
        """The features it takes."""

    @property
    def groups(self) -> tuple[ReasonGroup, ...]:
        """The reason groups it gives contributions for."""

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns one probability per row, and contributions as rows x groups."""


@dataclass(frozen=True)
class XGBoostScorer:
    """A trained XGBoost model with its calibration."""

    booster: Any
    calibration: Calibration
    features: tuple[str, ...]
    feature_groups: tuple[str, ...]
    groups: tuple[ReasonGroup, ...]

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns calibrated probabilities, and TreeSHAP contributions summed by group."""
        import xgboost

        inputs = matrix(columns, self.features)
        margin = self.booster.inplace_predict(inputs, predict_type="margin").astype(np.float64)
        rows = xgboost.DMatrix(inputs, feature_names=list(self.features))
        by_feature = self.booster.predict(rows, pred_contribs=True).astype(np.float64)
        by_group = [
            by_feature[:, [i for i, name in enumerate(self.feature_groups) if name == group.name]]
            for group in self.groups
        ]
        contributions = np.column_stack([part.sum(axis=1) for part in by_group])
        return self.calibration.probability(margin), contributions


@dataclass(frozen=True)
class RuleScorer:
    """A rule with its fitted rates."""

    rule: Rule
    fitted: FittedRule
    groups: tuple[ReasonGroup, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The features the rule takes."""
        return self.rule.inputs

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns probabilities; the reasons are the same for all, in the rule's order."""
        probability = self.fitted.probability(self.rule.measure(columns))
        return probability, np.ones((len(probability), len(self.groups)))


@dataclass(frozen=True)
class PlainScorer:
    """The plain rule: what scores where nothing was ever trained."""

    plain: PlainRule
    horizon_days: int
    groups: tuple[ReasonGroup, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The features the rule takes."""
        return self.plain.inputs

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns uncalibrated probabilities; the reasons are in the rule's order."""
        probability = self.plain.probability(columns, self.horizon_days)
        return probability, np.ones((len(probability), len(self.groups)))


@dataclass(frozen=True)
class InForce:
    """What scores a population on a day, and how it is named in the scores."""

    spec: ModelSpec
    scorer: Scorer
    version: str
    kind: registry.Kind
    is_calibrated: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The features to be read: the scorer's, and those its reasons speak of."""
        spoken = (name for group in self.scorer.groups for name in group.features)
        return tuple(dict.fromkeys((*self.scorer.features, *spoken)))


def score(context: RunContext) -> StepReport:
    """Replaces the day's scores of every model.

    Raises:
        WarehouseError: the day's features are not built.
        ModelError: an artefact is damaged or does not fit, or a feature that it needs is missing.
    """
    facts: dict[str, int | float | str] = {}
    total = 0
    with context.connection() as connection:
        models = [_in_force(context, connection, spec) for spec in model_specs().values()]
        for model in models:
            require_features(connection, model.columns)
        _require_day(connection, context.as_of)
        connection.execute(
            "delete from ml.customer_scores where as_of_date = %s and score_name = any(%s)",
            (context.as_of, list(model_specs())),
        )
        connection.execute(_STAGE)
        for model in models:
            rows = _score_one(context, connection, model)
            total += rows
            facts[f"{model.spec.name}_rows"] = rows
            facts[f"{model.spec.name}_version"] = model.version
            facts[f"{model.spec.name}_kind"] = model.kind
            facts[f"{model.spec.name}_calibrated"] = "yes" if model.is_calibrated else "no"
            logger.info("%s: %d scored by %s", model.spec.name, rows, model.version)
    return StepReport(rows=total, facts=facts)


def _score_one(context: RunContext, connection: psycopg.Connection, model: InForce) -> int:
    batches = read_population(context.url, model.spec.population, context.as_of, model.columns)
    connection.execute("truncate scored")
    with connection.cursor() as cursor:
        with cursor.copy("copy scored from stdin") as copy:
            for persons, columns in batches:
                probability, contributions = model.scorer.score(columns)
                _require_known(model, probability)
                reasons = explain(
                    model.scorer.groups, contributions, columns, context.policy.language
                )
                rounded = np.round(probability, DIGITS).tolist()
                for person, value, why in zip(persons, rounded, reasons, strict=True):
                    copy.write_row((person, value, *why))
        cursor.execute(
            _PUBLISH,
            {
                "as_of": context.as_of,
                "score_name": model.spec.name,
                "version": model.version,
                "kind": model.kind,
                "horizon_days": context.policy.horizon_days,
                "is_calibrated": model.is_calibrated,
            },
        )
        return cursor.rowcount


def _in_force(context: RunContext, connection: psycopg.Connection, spec: ModelSpec) -> InForce:
    """Returns the champion of the day, or the plain rule where there is none."""
    champion = registry.champion_for(connection, spec.name, context.as_of)
    horizon_days = context.policy.horizon_days
    if champion is None:
        plain = PlainScorer(spec.plain, horizon_days, _groups(spec, spec.plain.reasons))
        return InForce(spec, plain, registry.PLAIN_RULE, "rule", is_calibrated=False)
    stored = registry.load(context.settings.models_dir, champion)
    if stored.manifest["horizon_days"] != horizon_days:
        raise ModelError(
            f"{spec.name} {champion.version} looks {stored.manifest['horizon_days']} days ahead, "
            f"the policy's horizon_days is {horizon_days}.",
            f"Train as of a day before {context.as_of}, retire the model, or restore the policy.",
        )
    of_kind = {"xgboost": _xgboost_scorer, "rule": _rule_scorer}[champion.kind]
    return InForce(spec, of_kind(spec, stored), champion.version, champion.kind, is_calibrated=True)


def _rule_scorer(spec: ModelSpec, stored: registry.Artefact) -> Scorer:
    rule = spec.rule(stored.manifest["rule"]["name"])
    fitted = FittedRule.from_json(stored.manifest["rule"])
    return RuleScorer(rule, fitted, _groups(spec, rule.reasons))


def _xgboost_scorer(spec: ModelSpec, stored: registry.Artefact) -> Scorer:
    import xgboost

    assert stored.model is not None
    manifest: Mapping[str, Any] = stored.manifest
    feature_groups = tuple(manifest["reason_groups"])
    groups = _groups(spec, tuple(dict.fromkeys(feature_groups)))
    return XGBoostScorer(
        booster=xgboost.Booster(model_file=bytearray(stored.model)),
        calibration=Calibration(
            slope=manifest["calibration"]["slope"], intercept=manifest["calibration"]["intercept"]
        ),
        features=tuple(feature["name"] for feature in manifest["features"]),
        feature_groups=feature_groups,
        groups=tuple(group for group in groups if group.phrases),
    )


def _groups(spec: ModelSpec, names: Sequence[str]) -> tuple[ReasonGroup, ...]:
    known = {group.name: group for group in spec.groups}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ModelError(
            f"The {spec.name} model gives reasons that have no words: {', '.join(unknown)}.",
            "Bring the group back to ml/vocabulary.py, or train again.",
        )
    return tuple(known[name] for name in names)


def _require_known(model: InForce, probability: FloatArray) -> None:
    unknown = int(np.isnan(probability).sum())
    if unknown:
        raise ModelError(
            f"{model.spec.name} {model.version} gives {unknown} customers no probability.",
            f"Look for nulls in {', '.join(model.scorer.features)} of features.ftr_customers.",
        )


def _require_day(connection: psycopg.Connection, as_of: date) -> None:
    row = connection.execute(
        "select exists (select from features.ftr_customers where as_of_date = %s)", (as_of,)
    ).fetchone()
    if row and not row[0]:
        raise WarehouseError(
            f"features.ftr_customers holds nothing for {as_of}.", "Run the step model first."
        )
