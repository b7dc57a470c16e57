"""Reads a table with a randomised treatment: one row per person."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.arrays import BoolArray, Columns, FloatArray
from ml.purchase_log.read import numbers, read_table, require_columns
from warehouse.errors import SourceError, TooLittleData

YES, NO = ("1", "1.0", "true", "t", "yes"), ("0", "0.0", "false", "f", "no")
# More levels than this make a text column an identifier rather than a category.
MAX_LEVELS = 50
MIN_LEVEL_ROWS = 30
MIN_ARM_ROWS = 200
MIN_OUTCOME_ROWS = 30
# A feature differs between the arms beyond chance and by more than a trifle: not randomised, or
# measured after the treatment.
MAX_BALANCE_Z = 5.0
MAX_BALANCE_DEVIATIONS = 0.1


@dataclass(frozen=True)
class TreatmentTable:
    """The people, who of them was treated, and what came of each.

    Attributes:
        features: known before the treatment; a text column is one column of 0 and 1 per level.
        treated: who was.
        outcome: a number, or 0 and 1.
        left_out: text columns with too many levels to be a category.
    """

    features: Columns
    treated: BoolArray
    outcome: FloatArray
    left_out: tuple[str, ...]


def read_treatment_table(
    path: Path, treatment: str, outcome: str, features: Sequence[str] | None
) -> TreatmentTable:
    """Returns the table of a CSV file with a header; all other columns are features by default.

    Raises:
        SourceError: the file, a column or a value is not as it must be; names the line.
        TooLittleData: an arm or an outcome is too rare to learn from and to judge by.
    """
    table = read_table(path)
    names = list(table.columns)
    require_columns(path, names, [treatment, outcome, *(features or ())])
    if treatment == outcome:
        raise SourceError(
            f"{treatment} cannot be both treatment and outcome.", "Name another --outcome."
        )
    wanted = list(features) if features else [n for n in names if n not in (treatment, outcome)]
    unfit = [name for name in wanted if name in (treatment, outcome)]
    if unfit or not wanted:
        raise SourceError(
            f"{unfit[0]} cannot be a feature." if unfit else f"{path.name} has no features.",
            "Name columns known before the treatment by --features.",
        )
    treated = _treated(path, treatment, table[treatment])
    results = _outcomes(path, outcome, table[outcome])
    columns: dict[str, FloatArray] = {}
    left_out = []
    for name in wanted:
        found = _feature(name, table[name])
        if found is None:
            left_out.append(name)
        else:
            columns.update(found)
    _require_enough(treated, results)
    if not columns:
        raise SourceError(
            "No feature varies, or each is text with too many levels.",
            "Name columns known before the treatment by --features.",
        )
    _require_balance(columns, treated)
    return TreatmentTable(columns, treated, results, tuple(left_out))


def _treated(path: Path, name: str, text: object) -> BoolArray:
    import pandas as pd

    assert isinstance(text, pd.Series)
    small = text.fillna("").str.strip().str.lower()
    odd = ~small.isin([*YES, *NO]).to_numpy()
    if odd.any():
        place = int(np.argmax(odd))
        raise SourceError(
            f"{path.name} line {text.index[place] + 2}: {name} is {small.iloc[place]!r}, not 0 or "
            "1.",
            "Write 1 for the treated and 0 for the control group.",
        )
    treated: BoolArray = small.isin(YES).to_numpy()
    return treated


def _outcomes(path: Path, name: str, text: object) -> FloatArray:
    import pandas as pd

    assert isinstance(text, pd.Series)
    small = text.str.strip().str.lower()
    if small.isin([*YES, *NO]).all():
        return small.isin(YES).to_numpy().astype(np.float64)
    values = numbers(path, name, text)
    if np.isnan(values).any():
        line = text.index[int(np.argmax(np.isnan(values)))] + 2
        raise SourceError(
            f"{path.name} line {line}: {name} is empty.",
            "Write 0 where nothing came, or leave the row out of both arms.",
        )
    return values


def _feature(name: str, text: object) -> dict[str, FloatArray] | None:
    """Returns the columns of a feature, none where it is constant; None for an identifier."""
    import pandas as pd

    assert isinstance(text, pd.Series)
    values: FloatArray = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    if np.isfinite(values[text.notna().to_numpy()]).all():
        known = values[np.isfinite(values)]
        return {name: values} if len(known) and np.ptp(known) > 0 else {}
    levels = text.fillna("").value_counts().sort_index()
    if len(levels) > MAX_LEVELS:
        return None
    return {
        f"{name}={level}": (text.fillna("") == level).to_numpy().astype(np.float64)
        for level in levels.index[levels >= MIN_LEVEL_ROWS]
        if levels[level] < len(text)
    }


def _require_enough(treated: BoolArray, outcome: FloatArray) -> None:
    arms = {"treated": int(treated.sum()), "control": int((~treated).sum())}
    for arm, rows in arms.items():
        if rows < MIN_ARM_ROWS:
            raise TooLittleData(
                f"There are {rows} {arm} rows, {MIN_ARM_ROWS} would do.",
                "Take a table with more people, or a larger share of control.",
            )
    if np.ptp(outcome) == 0:
        raise TooLittleData(
            f"The outcome is {outcome[0]:g} in every row.", "Name another column by --outcome."
        )
    _, counts = np.unique(outcome, return_counts=True)
    rarer = int(len(outcome) - counts.max())
    if rarer < MIN_OUTCOME_ROWS:
        raise TooLittleData(
            f"Only {rarer} rows have another outcome than most, {MIN_OUTCOME_ROWS} would do.",
            "Take more people, or an outcome that happens more often.",
        )


def _require_balance(columns: Columns, treated: BoolArray) -> None:
    """Checks that no feature tells the arms apart; raises `SourceError` with those that do."""
    found = []
    for name, values in columns.items():
        known = np.isfinite(values)
        ours, others = values[known & treated], values[known & ~treated]
        if len(ours) < 2 or len(others) < 2:
            continue
        gap = abs(float(ours.mean() - others.mean()))
        deviation = float(np.sqrt((ours.var() + others.var()) / 2))
        error = float(np.sqrt(ours.var() / len(ours) + others.var() / len(others)))
        if gap > MAX_BALANCE_Z * error and gap > MAX_BALANCE_DEVIATIONS * deviation:
            found.append(name)
    if found:
        raise SourceError(
            f"Treated and control differ in {', '.join(found)} beyond chance: measured after the "
            "treatment, or the treatment was not random.",
            "Leave such columns out by --features, and use randomised treatments only.",
        )
