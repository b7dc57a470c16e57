"""Says in words a CRM person uses why a score is what it is.

A model's contributions (TreeSHAP, in log odds) are summed by reason group. Reasons that speak for
the score come first: causes before the rhythm, the rhythm before other symptoms, and of each the
strongest first (docs/decisions/0043). Those that speak against it fill what is left of the
three places and say so. What has happened to many is a reason for whom it touches, whatever it
contributes (docs/decisions/0053). A reason is a stable code, a colon, and a fact of this customer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from string import Formatter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.arrays import BoolArray, Columns, FloatArray

Language = Literal["en", "ko"]

TOP = 3
_AGAINST: dict[Language, str] = {"en": " (speaks against)", "ko": " (반대 요인)"}
# Contributions this small (log odds) move no probability that anybody could see.
_NEGLIGIBLE = 1e-4
# What is less than this share of the strongest reason is not put before it: the model hardly
# believes in it.
_LEAST_SHARE = 0.05


class Tier(IntEnum):
    """What is named first of all that speaks for a score."""

    EVENT = 0  # what has happened to this customer
    CIRCUMSTANCE = 1  # what has happened to many, and touches this customer: a fact of the day
    RHYTHM = 2  # how often the customer buys: what the score is about
    SYMPTOM = 3  # whatever else the customer does


@dataclass(frozen=True)
class Phrase:
    """One way to put a reason.

    Attributes:
        code: stable; lists and outcomes can be counted by it.
        en: the fact in English; fields in braces are features, written only where they are known.
        ko: the same in Korean.
        when: rows it is true of; without it, all.
    """

    code: str
    en: str
    ko: str
    when: Callable[[Columns], BoolArray] | None = None

    def text(self, language: Language) -> str:
        """Returns code and template in `language`."""
        return f"{self.code}: {self.ko if language == 'ko' else self.en}"

    @property
    def fields(self) -> tuple[str, ...]:
        """The features that the sentence names, in either language."""
        parsed = [part for text in (self.en, self.ko) for part in Formatter().parse(text)]
        return tuple(dict.fromkeys(name for _, name, _, _ in parsed if name))


@dataclass(frozen=True)
class ReasonGroup:
    """Features that tell one story.

    The first phrase that holds is used; the last always does. A group without phrases informs the
    model and is never given as a reason.

    Attributes:
        name: stable.
        features: columns of `ftr_customers`.
        phrases: how the story is put.
        tier: what is named before it, and what after.
        happened: rows in which the event or circumstance has happened; in all others the group is
            a symptom.
        shared: those of the features that tell of the day, and so rise and fall for everybody.
    """

    name: str
    features: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    tier: Tier = Tier.SYMPTOM
    happened: Callable[[Columns], BoolArray] | None = None
    shared: tuple[str, ...] = ()


def explain(
    groups: Sequence[ReasonGroup],
    contributions: FloatArray,
    columns: Columns,
    language: Language,
) -> list[tuple[str | None, str | None, str | None]]:
    """Returns each row's top three reasons.

    Args:
        groups: in the order of the columns of `contributions`.
        contributions: rows x groups, log odds towards the score's event.
        columns: the features the phrases name, one value per row.
    """
    rows, width = contributions.shape
    tiers = _tiers(groups, contributions, columns)
    is_given = tiers == Tier.CIRCUMSTANCE
    against = (contributions <= 0) & ~is_given
    strength = np.abs(contributions)
    is_said = (strength >= _NEGLIGIBLE) | is_given
    keys = np.stack(
        [-np.where(against, strength, contributions), np.where(against, 0, tiers), against]
    )
    order = np.lexsort(keys, axis=-1)[:, :TOP]
    texts = np.full((rows, max(TOP, width)), None, dtype=object)
    for place in range(min(TOP, width)):
        for index, group in enumerate(groups):
            chosen = np.flatnonzero(order[:, place] == index)
            chosen = chosen[is_said[chosen, index]]
            if not len(chosen):
                continue
            part = {name: values[chosen] for name, values in columns.items()}
            words = _say(group, part, len(chosen), language)
            words[against[chosen, index]] += _AGAINST[language]
            texts[chosen, place] = words
    return [(row[0], row[1], row[2]) for row in texts.tolist()]


def _tiers(
    groups: Sequence[ReasonGroup], contributions: FloatArray, columns: Columns
) -> NDArray[np.int64]:
    """Returns the tier of each group in each row.

    What a circumstance contributes is no test of it. It is the same day for everybody, so the model
    has seen as many of its kind as there were rises or openings, not as many as there are rows.
    """
    tiers = np.tile([int(group.tier) for group in groups], (len(contributions), 1))
    for place, group in enumerate(groups):
        if group.happened is not None:
            tiers[~group.happened(columns), place] = Tier.SYMPTOM
    faint = contributions < _LEAST_SHARE * contributions.max(axis=1, keepdims=True)
    return np.where(faint & (tiers != Tier.CIRCUMSTANCE), Tier.SYMPTOM, tiers)


def _say(
    group: ReasonGroup, columns: Columns, rows: int, language: Language
) -> NDArray[np.object_]:
    said = np.full(rows, None, dtype=object)
    open_rows = np.ones(rows, dtype=bool)
    for phrase in group.phrases:
        mask, fields = open_rows.copy(), phrase.fields
        if phrase.when is not None:
            mask &= phrase.when(columns)
        for name in fields:
            mask &= ~np.isnan(columns[name])
        chosen = np.flatnonzero(mask)
        open_rows &= ~mask
        template = phrase.text(language)
        if fields:
            values = zip(*(columns[name][chosen].tolist() for name in fields), strict=True)
            said[chosen] = [
                template.format(**dict(zip(fields, row, strict=True))) for row in values
            ]
        else:
            said[chosen] = template
    return said
