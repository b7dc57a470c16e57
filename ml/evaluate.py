"""Measures how good probabilities are, and whether a candidate may ship. Pure functions."""

from collections.abc import Mapping

import numpy as np

from ml.arrays import BoolArray, FloatArray

CALIBRATION_BINS = 10
# A candidate must beat a rule by one standard error: on shuffled labels of the published purchases
# 2 of 50 candidates passed, without the margin 7 did.
MIN_GAIN_ERRORS = 1.0
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


def gain(candidate: FloatArray, rule: FloatArray, happened: BoolArray) -> tuple[float, float]:
    """Returns by how much the candidate's log loss is lower, and the standard error of that.

    Rows are paired, so what is hard to foresee for both does not count as doubt.
    """
    gains = log_losses(rule, happened) - log_losses(candidate, happened)
    return float(gains.mean()), float(gains.std() / np.sqrt(len(gains)))


def failings(
    candidate: FloatArray,
    rules: Mapping[str, FloatArray],
    happened: BoolArray,
    *,
    max_calibration_error: float,
) -> list[str]:
    """Returns why a candidate may not ship; empty means that it may.

    It must beat every rule in average precision, and in log loss by a standard error; and its
    probabilities may be wrong by no more than is allowed, beyond what chance explains.

    Args:
        candidate: probabilities of rows that neither it nor the rules learned from.
        rules: each rule's probabilities of the same rows.
        happened: what came of them; both outcomes must be there.
    """
    own = measure(candidate, happened)
    found = []
    for name, probability in rules.items():
        of_rule = measure(probability, happened)
        mean, error = gain(candidate, probability, happened)
        if mean <= MIN_GAIN_ERRORS * error:
            found.append(
                f"log loss {own['log_loss']:.4f} against {of_rule['log_loss']:.4f} of {name}, "
                f"a gain above {MIN_GAIN_ERRORS * error:.4f} is asked for"
            )
        if own["average_precision"] <= of_rule["average_precision"]:
            found.append(
                f"average precision {own['average_precision']:.4f} against "
                f"{of_rule['average_precision']:.4f} of {name}"
            )
    off = own["calibration_error_beyond_chance"]
    if off > max_calibration_error:
        found.append(
            f"calibration error beyond chance {off:.4f}, {max_calibration_error} is allowed"
        )
    return found
