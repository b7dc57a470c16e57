"""Runs dbt in this process, by selector, with the policy's numbers and the business day.

The policy and the feeds are dbt variables: they change seldom, so the parsed project is kept from
night to night (warehouse/parsed.py). The day changes nightly and is an environment variable read at
execution (macro `as_of_date()`), because a changed variable would make dbt parse everything anew.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple

from psycopg import sql

from warehouse.connections import connect, database_name, dbt_environment
from warehouse.context import RunContext, StepReport
from warehouse.errors import BuildError
from warehouse.files import read_yaml
from warehouse.parsed import NOWHERE, PROJECT, compile_macros, fingerprint, manifest_for
from warehouse.policy import Policy
from warehouse.settings import Settings

logger = logging.getLogger(__name__)


class _Lasting(NamedTuple):
    """Where a room's views, and what is empty because no source feeds it, stand as they were built.

    Attributes:
        rest: the selector of the room without them.
        schema: the one whose comment notes of what they were built.
    """

    rest: str
    schema: str


_LASTING = {
    "standardise": _Lasting("standardise_rows", "staging"),
    "model": _Lasting("model_rows", "marts"),
}
_NOTED = "select obj_description(to_regnamespace(%s), 'pg_namespace')"
_ARE_THERE = "select bool_and(to_regclass(name) is not null) from unnest(%s::text[]) as name"
# The files that describe a project would tell of the database that nobody asks.
_PARSE = ("parse", "--no-write-json")
_UNFINISHED = frozenset({"error", "fail", "runtime error", "skipped", "partial success"})


def build(context: RunContext, selector: str) -> StepReport:
    """Builds and tests one room's models (`selectors.yml`); per-model results go to `ops`.

    Views, and what is empty because no source feeds it, are built anew only where the project or
    its variables changed or one of them is gone.

    Raises:
        BuildError: names the first models or tests that failed.
    """
    lasting = _LASTING.get(selector)
    if lasting is None:
        return run(context, ["build", "--selector", selector], label=selector)
    if stands(context, selector):
        return run(context, ["build", "--selector", lasting.rest], label=selector)
    report = run(context, ["build", "--selector", selector], label=selector)
    _note(context.url, lasting, project_key(context.settings, context.policy))
    return report


def stands(context: RunContext, room: str) -> bool:
    """Returns whether all that lasts in a room was built of the project as it is, and is there."""
    made_of = project_key(context.settings, context.policy)
    with connect(context.url) as connection:
        if connection.execute(_NOTED, (_LASTING[room].schema,)).fetchone() != (made_of,):
            return False
        manifest = _ahead.get(context.url) or _manifest(
            context.settings, context.policy, context.url
        )
        _ahead[context.url] = manifest  # for the build that follows
        names = [
            node.relation_name
            for node in manifest.nodes.values()
            if node.config.meta.get("room") == room
            and (node.config.materialized == "view" or "unfed" in node.tags)
        ]
        return connection.execute(_ARE_THERE, (names,)).fetchone() == (True,)


def warm_up(context: RunContext) -> None:
    """Has dbt and the project ready for this process's next command."""
    manifest = _manifest(context.settings, context.policy, context.url)
    # Given a manifest, dbt parses nothing, but reads and checks all that stands around it.
    _call_dbt(context.settings, context.policy, context.url, _PARSE, {}, manifest=manifest)
    _ahead[context.url] = manifest


def warm_up_again(context: RunContext) -> None:
    """Has the project ready for the command after the first, and compiled what it calls."""
    manifest = _manifest(context.settings, context.policy, context.url)
    compile_macros(manifest)
    _ahead[context.url] = manifest


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
    environment = {
        "LIVING_CRM_AS_OF": as_of.isoformat(),
        "LIVING_CRM_RUN_ID": run_id,
        "LIVING_CRM_FEATURE_DATES": ",".join(
            day.isoformat() for day in (sorted(set(feature_dates)) or [as_of])
        ),
    }
    manifest = _ahead.pop(url, None) or _manifest(settings, policy, url)
    outcome = _call_dbt(
        settings, policy, url, arguments, environment,
        manifest=manifest, console_level=console_level,
    )  # fmt: skip
    return list(getattr(outcome.result, "results", None) or [])


# By the warehouse's URL, the project that is ready for the next command.
_ahead: dict[str, Any] = {}


def _manifest(settings: Settings, policy: Policy, url: str) -> Any:
    """Returns the parsed project, for one command in the warehouse at `url`."""
    return manifest_for(
        settings.dbt_dir / "parsed",
        project_key(settings, policy),
        database_name(url),
        lambda: _call_dbt(settings, policy, NOWHERE, _PARSE, {}).result,
    )


def _call_dbt(
    settings: Settings,
    policy: Policy,
    url: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    manifest: Any = None,
    console_level: str = "warn",
) -> Any:
    """Calls dbt in this process; without a manifest it parses the project itself."""
    needed = {
        **dbt_environment(url),
        "LIVING_CRM_DATA": settings.data,
        "DO_NOT_TRACK": "1",
        **environment,
    }
    with _environment(needed):
        from dbt.cli.main import dbtRunner

        from warehouse.dbt_events import drop_unwanted

        drop_unwanted()
        outcome = dbtRunner(manifest=manifest).invoke([
            "--no-use-colors", "--log-level", console_level, "--log-level-file", "info",
            "--log-path", str(settings.dbt_dir / "logs"),
            *arguments,
            "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
            "--target-path", str(settings.dbt_dir / "target"),
            "--vars", _variables_text(settings, policy),
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
    for lasting in _LASTING.values():
        _note(url, lasting, None)
    results = invoke(settings, policy, url, arguments, as_of=as_of, console_level="info")
    if any(str(result.status) in _UNFINISHED for result in results):
        raise BuildError(
            "dbt ended with failures.", f"See {settings.dbt_dir / 'logs' / 'dbt.log'}."
        )


def project_key(settings: Settings, policy: Policy) -> str:
    """Returns the fingerprint of the project as an installation has it parsed."""
    return fingerprint(settings.data, _variables_text(settings, policy))


def _note(url: str, lasting: _Lasting, made_of: str | None) -> None:
    """Keeps, as the comment of a schema, what that which lasts was built of."""
    with connect(url) as connection:
        connection.execute(
            sql.SQL("comment on schema {} is {}").format(
                sql.Identifier(lasting.schema), sql.Literal(made_of)
            )
        )


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
