"""All rivals: fitted together, kept as JSON, found by name."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from ml.rivals.contract import Lesson, ProbabilityRival, ValueRival
from ml.rivals.probability import BgNbdRival, ChurnFactor, RecencyCuts, RfmCells, RfmLogistic
from ml.rivals.renewal import BaseRate, ContractLogistic, DaysToEnd, EarlierRenewals
from ml.rivals.value import BgNbdGammaGamma, PastRate, RfmCellSpend, RfmRegression
from warehouse.errors import ModelError

PROBABILITY_RIVALS: tuple[type[ProbabilityRival], ...] = (
    RecencyCuts,
    ChurnFactor,
    RfmCells,
    RfmLogistic,
    BgNbdRival,
)
RENEWAL_RIVALS: tuple[type[ProbabilityRival], ...] = (
    BaseRate,
    DaysToEnd,
    EarlierRenewals,
    RecencyCuts,
    ContractLogistic,
)
VALUE_RIVALS: tuple[type[ValueRival], ...] = (
    PastRate,
    RfmCellSpend,
    RfmRegression,
    BgNbdGammaGamma,
)


def fit_probability_rivals(
    lesson: Lesson, kinds: Sequence[type[ProbabilityRival]] = PROBABILITY_RIVALS
) -> dict[str, ProbabilityRival]:
    """Returns rivals by name; of purchases where no others are named."""
    return {rival.name: rival.fit(lesson) for rival in kinds}


def fit_value_rivals(lesson: Lesson) -> dict[str, ValueRival]:
    """Returns every rival of value by name."""
    return {rival.name: rival.fit(lesson) for rival in VALUE_RIVALS}


def as_json(rival: ProbabilityRival | ValueRival) -> dict[str, Any]:
    """Returns what `probability_rival` and `value_rival` read."""
    return {"name": rival.name, **asdict(rival)}  # type: ignore[call-overload]


def probability_rival(document: Mapping[str, Any]) -> ProbabilityRival:
    """Returns the rival that `as_json` described; raises `ModelError` for an unknown name."""
    kinds = {rival.name: rival for rival in (*PROBABILITY_RIVALS, *RENEWAL_RIVALS)}
    found: ProbabilityRival = _revive(kinds, document)
    return found


def value_rival(document: Mapping[str, Any]) -> ValueRival:
    """Returns the rival that `as_json` described; raises `ModelError` for an unknown name."""
    found: ValueRival = _revive({rival.name: rival for rival in VALUE_RIVALS}, document)
    return found


def _revive(kinds: Mapping[str, type[Any]], document: Mapping[str, Any]) -> Any:
    name = str(document.get("name"))
    if name not in kinds:
        raise ModelError(f"There is no rival {name!r}.", f"Known: {', '.join(kinds)}; train again.")
    fields = {key: value for key, value in document.items() if key != "name"}
    return TypeAdapter(kinds[name]).validate_python(fields)
