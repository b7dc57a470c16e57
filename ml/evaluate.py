"""Measures how good probabilities are. Pure functions."""

import numpy as np

from ml.arrays import BoolArray, FloatArray

CALIBRATION_BINS = 10
# A probability of exactly 0 or 1 would make one surprise cost infinitely much.
_CLIP = 1e-6


def measure(probability: FloatArray, happened: BoolArray) -> dict[str, float]:
    """Returns log loss, average precision, ROC-AUC and both calibration errors.

    Both outcomes must be among the rows.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    plain, beyond_chance = calibration_errors(probability, happened)
    found = {
        "log_loss": log_losses(probability, happened).mean(),
        "average_precision": average_precision_score(happened, probability),
        "roc_auc": roc_auc_score(happened, probability),
        "calibration_error": plain,
        "calibration_error_beyond_chance": beyond_chance,
    }
    return {name: round(float(value), 6) for name, value in found.items()}


def log_losses(probability: FloatArray, happened: BoolArray) -> FloatArray:
    """Returns each row's log loss, in nats."""
    clipped = np.clip(probability, _CLIP, 1 - _CLIP)
    losses: FloatArray = -np.log(np.where(happened, clipped, 1 - clipped))
    return losses


def calibration_errors(probability: FloatArray, happened: BoolArray) -> tuple[float, float]:
    """Returns the expected calibration error over ten bins of equal width, plain and beyond chance.

    Plain, it is the mean over rows of the gap between what a bin was promised and what it saw
    (Naeini, Cooper and Hauskrecht 2015). Even perfect probabilities show a gap in few rows: about
    0.035 for 800 rows spread over all bins. So the second number takes from each bin's squared gap
    what chance alone gives it (after Kumar, Liang and Ma, "Verified uncertainty calibration",
    2019).
    """
    bins = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)

    def per_bin(values: FloatArray) -> FloatArray:
        return np.bincount(bins, weights=values, minlength=CALIBRATION_BINS).astype(np.float64)

    gaps = np.abs(per_bin(probability - happened))
    chance = per_bin(probability * (1 - probability))
    beyond = np.sqrt(np.maximum(gaps**2 - chance, 0))
    return float(gaps.sum() / len(bins)), float(beyond.sum() / len(bins))
