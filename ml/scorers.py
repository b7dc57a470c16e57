"""What turns a customer's features into a probability: a model, a rival or the plain rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml import artefacts
from ml.abstain import Grounds
from ml.arrays import Columns, FloatArray
from ml.inputs import ModelInputs
from ml.models import ModelSpec
from ml.reasons import ReasonGroup
from ml.rivals.catalogue import probability_rival
from ml.rivals.contract import ProbabilityRival
from ml.rules import PlainRule
from warehouse.errors import ModelError


class Scorer(Grounds, Protocol):
    """Turns features into probabilities and says what speaks for them."""

    @property
    def features(self) -> tuple[str, ...]:
        """The columns it takes."""

    @property
    def groups(self) -> tuple[ReasonGroup, ...]:
        """The reason groups it gives contributions for."""

    def probability(self, columns: Columns) -> FloatArray:
        """Returns one probability of the event per row."""

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns the probabilities, and what speaks for the event (log odds) as rows x groups."""


@dataclass(frozen=True)
class XGBoostScorer:
    """A trained XGBoost model."""

    booster: Any
    inputs: ModelInputs
    input_groups: tuple[str, ...]
    usual: tuple[str, ...]
    groups: tuple[ReasonGroup, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """What the rivals go by; every other unknown the trees can deal with."""
        return self.inputs.expectations.needed

    @property
    def features(self) -> tuple[str, ...]:
        """The columns the model takes, those for its rivals' expectations among them."""
        return self.inputs.columns

    def probability(self, columns: Columns) -> FloatArray:
        """Returns the model's probabilities."""
        return self._predict(self.inputs.matrix(columns))

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns the probabilities, and TreeSHAP contributions summed by group."""
        import xgboost

        matrix = self.inputs.matrix(columns)
        by_input = self.booster.predict(xgboost.DMatrix(matrix), pred_contribs=True)
        members = np.array([*self.input_groups, "bias"])
        by_group = [
            by_input[:, members == group.name].astype(np.float64).sum(axis=1)
            for group in self.groups
        ]
        return self._predict(matrix), np.column_stack(by_group)

    def _predict(self, matrix: NDArray[np.float32]) -> FloatArray:
        found: FloatArray = self.booster.inplace_predict(matrix).astype(np.float64)
        return found


@dataclass(frozen=True)
class RivalScorer:
    """A rival with what it has learned."""

    rival: ProbabilityRival
    spec: ModelSpec
    groups: tuple[ReasonGroup, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that rivals go by."""
        return self.spec.outcome.expectations.inputs

    @property
    def required(self) -> tuple[str, ...]:
        """Those among them that are known of everybody."""
        return self.spec.outcome.expectations.needed

    @property
    def usual(self) -> tuple[str, ...]:
        """None beyond those."""
        return ()

    def probability(self, columns: Columns) -> FloatArray:
        """Returns the rival's probabilities of the model's event."""
        return self.spec.event(self.rival.probability(columns))

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns the probabilities; the reasons are the same for all, in the groups' order."""
        found = self.probability(columns)
        return found, np.ones((len(found), len(self.groups)))


@dataclass(frozen=True)
class PlainScorer:
    """The plain rule: what scores where nothing was ever trained."""

    plain: PlainRule
    horizon_days: int
    groups: tuple[ReasonGroup, ...]

    @classmethod
    def of(cls, spec: ModelSpec, horizon_days: int) -> "PlainScorer":
        """Returns the plain rule of a model."""
        return cls(spec.plain, horizon_days, _groups(spec, spec.plain.reasons))

    @property
    def features(self) -> tuple[str, ...]:
        """The features the rule takes."""
        return self.plain.inputs

    @property
    def required(self) -> tuple[str, ...]:
        """All of them."""
        return self.plain.inputs

    @property
    def usual(self) -> tuple[str, ...]:
        """None beyond those."""
        return ()

    def probability(self, columns: Columns) -> FloatArray:
        """Returns probabilities that are not calibrated."""
        return self.plain.probability(columns, self.horizon_days)

    def score(self, columns: Columns) -> tuple[FloatArray, FloatArray]:
        """Returns the probabilities; the reasons are the same for all, in the groups' order."""
        found = self.probability(columns)
        return found, np.ones((len(found), len(self.groups)))


def scorer_of(spec: ModelSpec, stored: artefacts.Artefact, horizon_days: int) -> Scorer:
    """Returns what scores by an artefact.

    Raises:
        ModelError: the artefact looks another horizon ahead, or gives reasons that have no words
            any more.
    """
    manifest = stored.manifest
    named = f"{spec.name} {stored.version}"
    if manifest["horizon_days"] != horizon_days:
        raise ModelError(
            f"{named} looks {manifest['horizon_days']} days ahead, the policy asks for "
            f"{horizon_days}.",
            "Train as of an earlier day, retire the model, or restore the policy.",
        )
    if stored.model is None:
        rival = probability_rival(manifest["rival"])
        return RivalScorer(rival, spec, _groups(spec, spec.plain.reasons))
    import xgboost

    input_groups = tuple(manifest["reason_groups"])
    groups = _groups(spec, tuple(dict.fromkeys(input_groups)))
    return XGBoostScorer(
        booster=xgboost.Booster(model_file=bytearray(stored.model)),
        inputs=ModelInputs.from_json(manifest["inputs"], spec.outcome.expectations),
        input_groups=input_groups,
        usual=tuple(manifest["usually_known"]),
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
