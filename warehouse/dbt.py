"""Runs dbt in this process, by selector, with the policy's numbers and the business day.

The policy and the feeds are dbt variables: they change seldom, so dbt's parsed project is reused
from night to night. The day changes nightly and is an environment variable read at execution (macro
`as_of_date()`), because a changed variable would make dbt parse everything anew.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import sql

from warehouse.connections import connect, dbt_environment
from warehouse.context import RunContext, StepReport
from warehouse.errors import BuildError
from warehouse.files import read_yaml
from warehouse.policy import Policy
from warehouse.settings import REPOSITORY, Settings

logger = logging.getLogger(__name__)

PROJECT = REPOSITORY / "dbt_project"
_VIEWS = """
select obj_description(to_regnamespace('staging'), 'pg_namespace'), count(*)
from pg_catalog.pg_views where schemaname = 'staging'
"""
_UNFINISHED = frozenset({"error", "fail", "runtime error", "skipped", "partial success"})


def build(context: RunContext, selector: str) -> StepReport:
    """Builds and tests one room's models (`selectors.yml`); per-model results go to `ops`.

    Staging's views are made anew only where the project or its variables changed.

    Raises:
        BuildError: names the first models or tests that failed.
    """
    if selector != "standardise":
        return run(context, ["build", "--selector", selector], label=selector)
    fingerprint = _fingerprint(context.settings, context.policy)
    if _note_of_views(context.url) == fingerprint:
        return run(context, ["build", "--selector", "standardise_rows"], label=selector)
    report = run(context, ["build", "--selector", selector], label=selector)
    _note_views(context.url, fingerprint)
    return report


def parse(context: RunContext) -> None:
    """Parses the project ahead; what this process builds with the same variables starts from it."""
    text = _variables_text(context.settings, context.policy)
    _parsed.pop(text, None)  # dbt would hand back what it is given
    outcome = _invoke_dbt(
        context.settings, context.policy, context.url, ["parse", "--no-write-json"],
        as_of=context.as_of,
    )  # fmt: skip
    _parsed[text] = _Parsed(outcome.result, set())


def run(
    context: RunContext,
    arguments: Sequence[str],
    *,
    label: str,
    feature_dates: Sequence[date] = (),
) -> StepReport:
    """Runs one dbt command and records its results under `label`.

    Args:
        feature_dates: the days `ftr_customers` is built for; empty means `as_of`.
    """
    _parse_again_where_built(context, arguments)
    results = invoke(
        context.settings,
        context.policy,
        context.url,
        # The files that describe the whole project are for `docs generate`; a night has no use for
        # them, and writing them takes a second each time.
        # A room asks only for the relations of its own schemas.
        [*arguments, "--no-write-json", "--cache-selected-only"],
        as_of=context.as_of,
        run_id=context.run_id,
        feature_dates=feature_dates,
    )
    _record(context, label, results)
    failed = [r for r in results if str(r.status) in _UNFINISHED and str(r.status) != "skipped"]
    if failed:
        names = ", ".join(f"{r.node.name} ({r.status})" for r in failed[:3])
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        raise BuildError(
            f"dbt {label}: {names}{more} failed.",
            f"See {context.settings.dbt_dir / 'logs' / 'dbt.log'} and docs/runbooks/dbt_build.md.",
        )
    return StepReport(
        rows=sum(_rows(r) for r in results),
        facts={
            "models": sum(r.node.resource_type == "model" for r in results),
            "tests": sum(r.node.resource_type in ("test", "unit_test") for r in results),
            "warnings": sum(str(r.status) == "warn" for r in results),
            "seconds_in_models": round(sum(r.execution_time for r in results), 1),
        },
    )


def invoke(
    settings: Settings,
    policy: Policy,
    url: str,
    arguments: Sequence[str],
    *,
    as_of: date,
    run_id: str = "none",
    feature_dates: Sequence[date] = (),
    console_level: str = "warn",
) -> Sequence[Any]:
    """Invokes dbt and returns its node results; raises `BuildError` if it could not run at all."""
    outcome = _invoke_dbt(
        settings, policy, url, arguments,
        as_of=as_of, run_id=run_id, feature_dates=feature_dates, console_level=console_level,
    )  # fmt: skip
    return list(getattr(outcome.result, "results", None) or [])


@dataclass(frozen=True)
class _Parsed:
    """The project as parsed, and the commands that have run with it."""

    manifest: Any
    commands: set[tuple[str, ...]]


# By the variables it was parsed with.
_parsed: dict[str, _Parsed] = {}


def _parse_again_where_built(context: RunContext, arguments: Sequence[str]) -> None:
    """Parses anew before a command is run again: dbt builds a model of one parsed project once.

    It takes the ephemeral models for written into a statement that it has put together before.
    """
    text = _variables_text(context.settings, context.policy)
    if text not in _parsed:
        return
    if tuple(arguments) in _parsed[text].commands:
        parse(context)
    _parsed[text].commands.add(tuple(arguments))


def _invoke_dbt(
    settings: Settings,
    policy: Policy,
    url: str,
    arguments: Sequence[str],
    *,
    as_of: date,
    run_id: str = "none",
    feature_dates: Sequence[date] = (),
    console_level: str = "warn",
) -> Any:
    environment = {
        **dbt_environment(url),
        "LIVING_CRM_DATA": settings.data,
        "LIVING_CRM_AS_OF": as_of.isoformat(),
        "LIVING_CRM_RUN_ID": run_id,
        "LIVING_CRM_FEATURE_DATES": ",".join(
            day.isoformat() for day in (sorted(set(feature_dates)) or [as_of])
        ),
        "DO_NOT_TRACK": "1",
    }
    with _environment(environment):
        from dbt.cli.main import dbtRunner

        text = _variables_text(settings, policy)
        parsed = _parsed.get(text)
        outcome = dbtRunner(manifest=parsed.manifest if parsed else None).invoke([
            "--no-use-colors", "--log-level", console_level, "--log-level-file", "info",
            "--log-path", str(settings.dbt_dir / "logs"),
            *arguments,
            "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
            "--target-path", str(settings.dbt_dir / "target"),
            "--vars", text,
        ])  # fmt: skip
    if outcome.exception is not None:
        raise BuildError(
            f"dbt {arguments[0]} could not run: {type(outcome.exception).__name__}.",
            f"See {settings.dbt_dir / 'logs' / 'dbt.log'}.",
        ) from None
    return outcome


def _variables_text(settings: Settings, policy: Policy) -> str:
    return json.dumps(variables(settings, policy), sort_keys=True)


def passthrough(
    settings: Settings, policy: Policy, url: str, arguments: Sequence[str], *, as_of: date
) -> None:
    """Runs a person's own dbt command with dbt's output shown; raises if anything failed."""
    _note_views(url, None)
    results = invoke(settings, policy, url, arguments, as_of=as_of, console_level="info")
    if any(str(result.status) in _UNFINISHED for result in results):
        raise BuildError(
            "dbt ended with failures.", f"See {settings.dbt_dir / 'logs' / 'dbt.log'}."
        )


def _fingerprint(settings: Settings, policy: Policy) -> str:
    """Returns what staging's views are made of, as a hash: the project and its variables."""
    digest = hashlib.sha256(_variables_text(settings, policy).encode())
    for folder, _, names in sorted(os.walk(PROJECT)):
        for name in sorted(names):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(PROJECT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _note_of_views(url: str) -> str | None:
    """Returns the fingerprint of what staging's views were made of, None if one of them is gone."""
    with connect(url) as connection:
        note, count = connection.execute(_VIEWS).fetchone() or (None, 0)
    fingerprint, _, noted = (note or "").partition(" ")
    return fingerprint if noted == str(count) else None


def _note_views(url: str, fingerprint: str | None) -> None:
    """Keeps, as the comment of their schema, what staging's views were made of."""
    with connect(url) as connection:
        _, count = connection.execute(_VIEWS).fetchone() or (None, 0)
        note = f"{fingerprint} {count}" if fingerprint else None
        connection.execute(sql.SQL("comment on schema staging is {}").format(sql.Literal(note)))


def variables(settings: Settings, policy: Policy) -> dict[str, Any]:
    """Returns dbt's variables: the policy, and per feed the staging models that provide it."""
    return {"policy": policy.model_dump(mode="json"), "feeds": feeds(settings)}


def feeds(settings: Settings) -> dict[str, list[str]]:
    """Returns, per conformed feed, the staging models that the catalogued sources provide."""
    found: dict[str, list[str]] = {}
    for path in sorted(settings.catalog_dir.glob("*.yml")):
        entry = read_yaml(path) or {}
        for feed, models in (entry.get("feeds") or {}).items():
            found.setdefault(feed, []).extend([models] if isinstance(models, str) else models)
    return found


def _record(context: RunContext, label: str, results: Sequence[Any]) -> None:
    with context.connection() as connection, connection.cursor() as cursor:
        cursor.execute(
            "delete from ops.dbt_results where run_id = %s and selector = %s",
            (context.run_id, label),
        )
        cursor.executemany(
            "insert into ops.dbt_results values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    context.run_id, context.as_of, label, r.node.unique_id, str(r.status),
                    r.execution_time, r.adapter_response.get("rows_affected"),
                )
                for r in results
            ],
        )  # fmt: skip


def _rows(result: Any) -> int:
    affected = result.adapter_response.get("rows_affected")
    return max(int(affected), 0) if affected and result.node.resource_type == "model" else 0


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
