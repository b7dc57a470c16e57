"""The model registry: which versions were trained, and which of them is in force on which day.

What a version is made of lies in its artefact (`ml.artefacts`). `ml.champions` says which version
is in force from which day on. Entries are added, days before them keep theirs: that is why an
earlier day scored again gives the same scores, also after a rollback.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ml import artefacts
from ml.artefacts import Artefact, Registered
from warehouse.context import RunContext, StepReport
from warehouse.errors import ModelError

logger = logging.getLogger(__name__)

Outcome = Literal["promoted", "rule", "kept", "refused"]

PLAIN_RULE = "rule-1"


def register(
    connection: psycopg.Connection,
    model_name: str,
    item: Artefact,
    path: str,
    *,
    metrics: Mapping[str, Any],
    verdict: str,
) -> None:
    """Enters a version as a candidate; one that is there already is kept."""
    connection.execute(
        """
        insert into ml.model_versions (
            model_name, version, kind, trained_as_of_date, status, metrics, verdict,
            artefact_path, artefact_checksum, code_version
        )
        values (%s, %s, %s, %s, 'candidate', %s, %s, %s, %s, %s)
        on conflict (model_name, version) do nothing
        """,
        (
            model_name, item.version, item.manifest["kind"], item.manifest["trained_as_of_date"],
            Jsonb(dict(metrics)), verdict, path, item.checksum, item.manifest["code_version"],
        ),
    )  # fmt: skip


def promote(
    connection: psycopg.Connection, model_name: str, version: str, trained_as_of: date
) -> None:
    """Puts a version in force from the day after its training on.

    Where somebody appointed, rolled back or retired from that same day on, the decision stands.
    """
    connection.execute(
        """
        insert into ml.champions (model_name, in_force_from, version, cause)
        values (%s, %s, %s, 'training')
        on conflict (model_name, in_force_from) do update set version = excluded.version
        where champions.cause = 'training'
        """,
        (model_name, trained_as_of + timedelta(days=1), version),
    )
    _derive_status(connection, model_name)


def withdraw(connection: psycopg.Connection, model_name: str, trained_as_of: date) -> None:
    """Takes back what an earlier training of the same day put in force."""
    connection.execute(
        """
        delete from ml.champions
        where model_name = %s and in_force_from = %s and cause = 'training'
        """,
        (model_name, trained_as_of + timedelta(days=1)),
    )
    _derive_status(connection, model_name)


def rollback(connection: psycopg.Connection, model_name: str, as_of: date) -> str:
    """Puts the champion trained before the present one in force again from `as_of` on.

    Returns:
        Its version. Days before `as_of` keep the version they had.

    Raises:
        ModelError: no model is in force, or none was before it.
    """
    present = champion_for(connection, model_name, as_of)
    if present is None:
        raise ModelError(
            f"No {model_name} model is in force on {as_of}.", "There is nothing to roll back."
        )
    row = connection.execute(
        """
        select earlier.version
        from ml.champions
        inner join ml.model_versions as earlier using (model_name, version)
        inner join ml.model_versions as present
            on present.model_name = earlier.model_name and present.version = %s
        where earlier.model_name = %s
            and earlier.trained_as_of_date < present.trained_as_of_date
        order by earlier.trained_as_of_date desc, champions.in_force_from desc
        limit 1
        """,
        (present.version, model_name),
    ).fetchone()
    if row is None:
        raise ModelError(
            f"No {model_name} model was in force before {present.version}.",
            "Retire it instead: the plain rule then scores.",
        )
    _decide(connection, model_name, as_of, str(row[0]), "rollback")
    return str(row[0])


def appoint(
    connection: psycopg.Connection,
    models_dir: Path,
    model_name: str,
    version: str,
    as_of: date,
) -> None:
    """Puts a named version in force from `as_of` on, whatever the gate said of it.

    Raises:
        ModelError: the version is not known, its artefact is damaged, or it was trained as of
            `as_of` or later, so that it has learned from what it would be asked.
    """
    row = connection.execute(
        """
        select kind, artefact_path, artefact_checksum, trained_as_of_date
        from ml.model_versions where model_name = %s and version = %s
        """,
        (model_name, version),
    ).fetchone()
    if row is None:
        raise ModelError(
            f"There is no {model_name} version {version!r}.",
            "living-crm models list shows those there are.",
        )
    kind, path, checksum, trained_as_of = row
    if trained_as_of >= as_of:
        raise ModelError(
            f"{model_name} {version} was trained as of {trained_as_of}: it cannot score {as_of}.",
            f"Name a day after {trained_as_of} by --as-of.",
        )
    artefacts.load(models_dir, Registered(model_name, version, kind, path, checksum))
    _decide(connection, model_name, as_of, version, "promotion")


def retire(connection: psycopg.Connection, model_name: str, as_of: date) -> None:
    """Takes the model out of force from `as_of` on: the plain rule scores until one is promoted.

    Raises:
        ModelError: there is no version of such a model.
    """
    known = [
        name
        for (name,) in connection.execute(
            "select distinct model_name from ml.model_versions order by model_name"
        )
    ]
    if model_name not in known:
        raise ModelError(
            f"There is no model {model_name!r}.", f"Trained were: {', '.join(known) or 'none yet'}."
        )
    _decide(connection, model_name, as_of, None, "retirement")


def champion_for(connection: psycopg.Connection, model_name: str, as_of: date) -> Registered | None:
    """Returns the version in force on `as_of`, none if the plain rule scores."""
    row = connection.execute(
        """
        select versions.version, versions.kind, versions.artefact_path, versions.artefact_checksum
        from ml.champions
        left join ml.model_versions as versions using (model_name, version)
        where champions.model_name = %s and champions.in_force_from <= %s
        order by champions.in_force_from desc
        limit 1
        """,
        (model_name, as_of),
    ).fetchone()
    if row is None or row[0] is None:
        return None
    version, kind, path, checksum = row
    return Registered(model_name, version, kind, path, checksum)


def is_any_trained(connection: psycopg.Connection, as_of: date) -> bool:
    """Returns whether any of the models in force on `as_of` was trained by XGBoost."""
    row = connection.execute(
        """
        select exists (
            select from (
                select distinct on (model_name) model_name, version
                from ml.champions
                where in_force_from <= %s
                order by model_name, in_force_from desc
            ) as in_force
            inner join ml.model_versions as versions using (model_name, version)
            where versions.kind = 'xgboost'
        )
        """,
        (as_of,),
    ).fetchone()
    return bool(row and row[0])


def record_training(
    connection: psycopg.Connection,
    model_name: str,
    as_of: date,
    outcome: Outcome,
    *,
    version: str | None,
    reason: str,
    metrics: Mapping[str, Any],
) -> None:
    """Keeps what came of training a model as of a day; training again replaces it."""
    connection.execute(
        """
        insert into ml.training_runs (model_name, as_of_date, outcome, version, reason, metrics)
        values (%s, %s, %s, %s, %s, %s)
        on conflict (model_name, as_of_date) do update set
            outcome = excluded.outcome, version = excluded.version,
            reason = excluded.reason, metrics = excluded.metrics
        """,
        (model_name, as_of, outcome, version, reason, Jsonb(dict(metrics))),
    )


def refuse(context: RunContext, model_name: str, reason: str, *, rows: int = 0) -> StepReport:
    """Records that nothing was learned, and why; an earlier training of the day is taken back."""
    logger.warning("%s is not trained: %s", model_name, reason)
    with context.connection() as connection:
        withdraw(connection, model_name, context.as_of)
        record_training(
            connection, model_name, context.as_of, "refused",
            version=None, reason=reason, metrics={},
        )  # fmt: skip
    return StepReport(rows=rows, facts={"outcome": "refused", "reason": reason})


def training_summary(connection: psycopg.Connection) -> Sequence[Mapping[str, Any]]:
    """Returns the latest training of each model: day, outcome, version, reason and metrics."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select distinct on (model_name)
                model_name, as_of_date, outcome, version, reason, metrics
            from ml.training_runs
            order by model_name, as_of_date desc
            """
        ).fetchall()


def _decide(
    connection: psycopg.Connection,
    model_name: str,
    as_of: date,
    version: str | None,
    cause: Literal["promotion", "rollback", "retirement"],
) -> None:
    connection.execute(
        """
        insert into ml.champions (model_name, in_force_from, version, cause)
        values (%s, %s, %s, %s)
        on conflict (model_name, in_force_from) do update set
            version = excluded.version, cause = excluded.cause
        """,
        (model_name, as_of, version, cause),
    )
    _derive_status(connection, model_name)
    logger.info("%s: %s in force from %s on (%s)", model_name, version or PLAIN_RULE, as_of, cause)


def _derive_status(connection: psycopg.Connection, model_name: str) -> None:
    """Makes `ml.model_versions` agree with `ml.champions`: one champion, the one in force last."""
    connection.execute(
        """
        update ml.model_versions as versions set
            in_force_from = reign.first_day,
            status = case
                when versions.version = (
                    select version from ml.champions
                    where model_name = %(model)s order by in_force_from desc limit 1
                ) then 'champion'
                when reign.was_approved then 'retired'
                else 'candidate'
            end
        from (
            select
                model_versions.version,
                min(champions.in_force_from) as first_day,
                count(champions.version) + count(training_runs.version) > 0 as was_approved
            from ml.model_versions
            left join ml.champions using (model_name, version)
            left join ml.training_runs using (model_name, version)
            where model_versions.model_name = %(model)s
            group by model_versions.version
        ) as reign
        where versions.model_name = %(model)s and versions.version = reign.version
        """,
        {"model": model_name},
    )
