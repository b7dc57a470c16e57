"""Measures how good probabilities are, and whether a candidate may ship. Pure functions."""

from collections.abc import Mapping

import numpy as np

from ml.arrays import BoolArray, FloatArray

CALIBRATION_BINS = 10
# A probability of exactly 0 or 1 would make one surprise cost infinitely much.
_CLIP = 1e-6


def measure(probability: FloatArray, happened: BoolArray) -> dict[str, float]:
    """Returns log loss, average precision, ROC-AUC and calibration error; needs both classes."""
    from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

    clipped = np.clip(probability, _CLIP, 1 - _CLIP)
    found = {
        "log_loss": log_loss(happened, clipped),
        "average_precision": average_precision_score(happened, probability),
        "roc_auc": roc_auc_score(happened, probability),
        "calibration_error": calibration_error(probability, happened),
    }
    return {name: round(float(value), 6) for name, value in found.items()}


def calibration_error(probability: FloatArray, happened: BoolArray) -> float:
    """Returns the expected calibration error over ten bins of equal width.

    The mean over rows of the gap between what a bin was promised and what it saw (Naeini, Cooper
    and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015).
    """
    bins = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    promised = np.bincount(bins, weights=probability, minlength=CALIBRATION_BINS)
    seen = np.bincount(bins, weights=happened, minlength=CALIBRATION_BINS)
    return float(np.abs(promised - seen).sum() / len(probability))


def failings(
    candidate: Mapping[str, float], rule: Mapping[str, float], *, max_calibration_error: float
) -> list[str]:
    """Returns why a candidate may not ship; empty means that it may.

    Args:
        candidate: the candidate's `measure` out of time.
        rule: the rule's on the same rows.
    """
    found = []
    if candidate["log_loss"] >= rule["log_loss"]:
        found.append(f"log loss {candidate['log_loss']:.4f}, the rule {rule['log_loss']:.4f}")
    if candidate["average_precision"] <= rule["average_precision"]:
        found.append(
            f"average precision {candidate['average_precision']:.4f}, "
            f"the rule {rule['average_precision']:.4f}"
        )
    if candidate["calibration_error"] > max_calibration_error:
        found.append(
            f"calibration error {candidate['calibration_error']:.4f}, "
            f"allowed {max_calibration_error}"
        )
    return found
