"""The models of what contact changes as the registry holds them."""

from dataclasses import dataclass

import psycopg

from ml import artefacts, registry
from ml.uplift.learner import UpliftModel
from ml.uplift.settings import EffectSpec
from warehouse.context import RunContext
from warehouse.errors import ModelError


@dataclass(frozen=True)
class EffectInForce:
    """A version in force on a day."""

    version: str
    model: UpliftModel


def load_effect(
    context: RunContext, connection: psycopg.Connection, spec: EffectSpec
) -> EffectInForce | None:
    """Returns the version in force on the day, none where none is.

    Raises:
        ModelError: its artefact is damaged, of another format, or counts other days.
    """
    champion = registry.champion_for(connection, spec.name, context.as_of)
    if champion is None:
        return None
    stored = artefacts.load(context.settings.models_dir, champion)
    manifest, named = stored.manifest, f"{spec.name} {champion.version}"
    if stored.model is None:
        raise ModelError(f"{named} holds no trees.", "Train again, or retire the model.")
    days = context.policy.contact.effect_days
    if manifest["effect_days"] != days:
        raise ModelError(
            f"{named} counts what comes within {manifest['effect_days']} days, the policy's "
            f"contact.effect_days is {days}.",
            "Train as of an earlier day, retire the model, or restore the policy.",
        )
    return EffectInForce(
        champion.version, UpliftModel.from_stored(manifest["learner"], stored.model)
    )
