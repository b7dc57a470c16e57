"""Precision and recall of the links from a labelled sample, with intervals: pure.

Precision is the share of linked pairs of records that are one person. Recall is the share, of the
pairs that are one person, that are linked; the missed ones are looked for between persons of whom
something could tell that they are one, the strata `reviewable` and `near` of `samples`. Two who
share nothing at all cannot be found by anybody and are not in it.

A share's interval is Wilson's (1927, "Probable inference, the law of succession, and statistical
inference", JASA 22). Recall is made of three shares, each of a stratum drawn by itself: each gets
an interval of a third of the error (Bonferroni), and recall is taken at their worst and best
corners. That is wider than need be, and keeps its promise for the rare misses of small samples too.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

_ERROR = 0.05


@dataclass(frozen=True)
class Stratum:
    """Pairs of one kind: how many there are, were labelled, and turned out one person."""

    pairs: int
    labelled: int
    same: int


@dataclass(frozen=True)
class Estimate:
    """A share with its interval of 95 per cent."""

    share: float
    lower: float
    upper: float


def wilson(stratum: Stratum, error: float = _ERROR) -> Estimate:
    """Returns the share of a stratum's pairs that are one person.

    A stratum labelled as a whole is known, not estimated; of one without labels nothing is.
    """
    if stratum.labelled == 0:
        return Estimate(0.5, 0.0, 1.0)
    share, count = stratum.same / stratum.labelled, stratum.labelled
    if count >= stratum.pairs:
        return Estimate(share, share, share)
    z = NormalDist().inv_cdf(1 - error / 2)
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    return Estimate(
        share, max(0.0, min(middle - reach, share)), min(1.0, max(middle + reach, share))
    )


def precision(linked: Stratum) -> Estimate | None:
    """Returns the precision, or None where no linked pair is labelled."""
    return wilson(linked) if linked.labelled else None


def recall(linked: Stratum, *missed: Stratum) -> Estimate | None:
    """Returns the recall, or None where a stratum that holds pairs has no label.

    Args:
        linked: the pairs that are linked.
        missed: the pairs that are not, each kind by itself.
    """
    strata = (linked, *missed)
    if any(stratum.pairs and not stratum.labelled for stratum in strata) or not linked.pairs:
        return None
    error = _ERROR / len(strata)
    shares = [
        wilson(stratum, error) if stratum.pairs else Estimate(0.0, 0.0, 0.0) for stratum in strata
    ]

    def ratio(found: float, lost: list[float]) -> float:
        together = found * linked.pairs
        apart = sum(share * stratum.pairs for share, stratum in zip(lost, missed, strict=True))
        return together / (together + apart) if together + apart else 0.0

    found, *lost = shares
    return Estimate(
        ratio(found.share, [each.share for each in lost]),
        ratio(found.lower, [each.upper for each in lost]),
        ratio(found.upper, [each.lower for each in lost]),
    )
