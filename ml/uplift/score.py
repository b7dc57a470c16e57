"""What contact would change of everybody tonight, by the models of it that are in force."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg

from ml.arrays import Columns
from ml.features import read_population, require_features
from ml.uplift.settings import CONTACT_EFFECT, CONTACT_HARM
from ml.uplift.stored import EffectInForce, load_effect
from warehouse.context import RunContext

logger = logging.getLogger(__name__)

POPULATIONS = ("live", "lapsed")
_DIGITS = 6


def score_effects(
    context: RunContext, connection: psycopg.Connection, reader: Any
) -> dict[str, int | str]:
    """Replaces the day's effects of contact; where no model of them is in force there are none.

    Returns:
        How many have an effect, how many are not to be woken, and by which versions.

    Raises:
        ModelError: an artefact is damaged or does not fit, or a feature that it needs is no column.
    """
    connection.execute("delete from ml.contact_effects where as_of_date = %s", (context.as_of,))
    effect = load_effect(context, connection, CONTACT_EFFECT)
    harm = load_effect(context, connection, CONTACT_HARM)
    if effect is None and harm is None:
        return {"contact_effects": 0, "do_not_wake": 0}
    columns = tuple(dict.fromkeys(
        name for found in (effect, harm) if found for name in found.model.features
    ))  # fmt: skip
    require_features(connection, columns)
    rows = asleep = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy ml.contact_effects (as_of_date, person_id, effect_version, effect,"
            " harm_version, harm, is_do_not_wake) from stdin"
        ) as copy,
    ):
        for persons, known in _everybody(context, reader, columns):
            effects, harms = _numbers(effect, known), _numbers(harm, known)
            for person, gain, loss in zip(persons, effects, harms, strict=True):
                drives_away = loss is not None and loss > context.policy.contact.do_not_wake_above
                copy.write_row((
                    context.as_of, person,
                    effect.version if effect else None, gain,
                    harm.version if harm else None, loss,
                    drives_away,
                ))  # fmt: skip
                rows, asleep = rows + 1, asleep + drives_away
    logger.info("contact: effects of %d, %d not to be woken", rows, asleep)
    return {
        "contact_effects": rows,
        "do_not_wake": asleep,
        "contact_effect_version": effect.version if effect else "none",
        "contact_harm_version": harm.version if harm else "none",
    }


def _everybody(
    context: RunContext, reader: Any, columns: tuple[str, ...]
) -> Iterator[tuple[list[str], Columns]]:
    for population in POPULATIONS:
        yield from read_population(reader, population, context.as_of, columns)


def _numbers(found: EffectInForce | None, known: Columns) -> list[float] | list[None]:
    if found is None:
        return [None] * len(next(iter(known.values())))
    numbers: list[float] = np.round(found.model.effect(known), _DIGITS).tolist()
    return numbers
