"""What the evaluation page draws: tenths of a score, precision by recall, slices of the test."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import evaluate
from ml.arrays import BoolArray, FloatArray
from ml.features import LabelledRows

TENTHS = 10
RECALLS = 20
# Customers by the days they have bought on: edges between few, some and many.
_KINDS = ("few purchases", "some purchases", "many purchases")


def curves(probability: FloatArray, happened: BoolArray) -> dict[str, Any]:
    """Returns the tenths of a score, the highest first, and its precision by recall.

    A tenth holds rows, what was foretold and what came, the lift over all rows, and the gain: the
    share of all events that lie in it and the tenths before. Both outcomes must be there.
    """
    order = np.argsort(-probability, kind="stable")
    events = happened[order].astype(np.float64)
    parts = np.array_split(np.arange(len(order)), TENTHS)
    tenths, gained = [], 0.0
    for part in parts:
        if not len(part):
            continue
        gained += events[part].sum()
        came = events[part].mean()
        tenths.append(
            {
                "rows": len(part),
                "foretold": _rounded(probability[order][part].mean()),
                "came": _rounded(came),
                "lift": _rounded(came / events.mean()),
                "gain": _rounded(gained / events.sum()),
            }
        )
    hits = np.cumsum(events)
    asked = np.ceil(np.linspace(0, 1, RECALLS + 1)[1:] * events.sum())
    places = np.searchsorted(hits, asked, side="left")
    return {
        "tenths": tenths,
        "recall": [_rounded(share) for share in hits[places] / events.sum()],
        "precision": [_rounded(share) for share in hits[places] / (places + 1)],
    }


def slices(candidate: FloatArray, rival: FloatArray, rows: LabelledRows) -> list[dict[str, Any]]:
    """Returns how candidate and best rival do on each test day and each kind of customer.

    Where only one outcome is in a slice, there is nothing to measure: None.
    """
    masks: dict[str, NDArray[np.bool_]] = {
        str(day): rows.days == day for day in np.unique(rows.days)
    }
    counts = np.nan_to_num(rows.columns["purchase_day_count"], nan=0.0)
    kinds = np.searchsorted(np.quantile(counts, (1 / 3, 2 / 3)), counts, side="left")
    masks |= {name: kinds == number for number, name in enumerate(_KINDS)}
    found = []
    for name, mask in masks.items():
        happened = rows.happened[mask]
        if not mask.any():
            continue
        both = 0 < happened.sum() < len(happened)
        found.append(
            {
                "slice": name,
                "rows": int(mask.sum()),
                "events": int(happened.sum()),
                "candidate": evaluate.measure(candidate[mask], happened) if both else None,
                "rival": evaluate.measure(rival[mask], happened) if both else None,
            }
        )
    return found


def _rounded(value: float) -> float:
    return round(float(value), 6)
