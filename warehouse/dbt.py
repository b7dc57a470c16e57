"""Runs dbt in this process, by selector, with the policy's numbers and the business day.

The policy and the feeds are dbt variables: they change seldom, so the parsed project is kept from
night to night (warehouse/parsed.py). The day changes nightly and is an environment variable read at
execution (macro `as_of_date()`), because a changed variable would make dbt parse everything anew.
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

from warehouse.connections import connect, database_name, dbt_environment
from warehouse.context import RunContext, StepReport
from warehouse.errors import BuildError
from warehouse.files import read_yaml
from warehouse.parsed import NOWHERE, PROJECT, compile_ahead, fingerprint, manifest_for
from warehouse.policy import Policy
from warehouse.settings import Settings

if TYPE_CHECKING:
    from warehouse.dbt_events import Gate

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
_GLANCE_SECONDS = 0.01
_UNFINISHED = frozenset({"error", "fail", "runtime error", "skipped", "partial success"})


def build(context: RunContext, selector: str) -> StepReport:
    """Builds and tests one room's models (`selectors.yml`); per-model results go to `ops`.

    Views, and what is empty because no source feeds it, are built anew only where the project or
    its variables changed or one of them is gone.

    Raises:
        BuildError: names the first models or tests that failed.
    """
    begun = _begun.pop((context.url, selector, context.as_of), None)
    part = begun.part if begun else _part(context, selector)
    results = begun.finish() if begun else None
    if results is None:
        results = _invoke_for(context, _build(part))
    report = _report(context, selector, results)
    if part == selector and selector in _LASTING:
        _note(context.url, _LASTING[selector], project_key(context.settings, context.policy))
    return report


def warm_up(context: RunContext, selector: str) -> None:
    """Begins what `build` will do and halts before the first node, in a thread of its own.

    dbt asks by then what is there in the room's schemas: nobody else may change them until
    `build` comes.
    """
    begun = _Begun(context, selector)
    _begun[context.url, selector, context.as_of] = begun
    begun.wait()


class _Begun:
    """A build that halts before its first node until it is wanted.

    Attributes:
        part: the selector of what it builds.
    """

    def __init__(self, context: RunContext, room: str) -> None:
        from warehouse.dbt_events import Gate

        self.part = _part(context, room)
        self._context = context
        self._results: Sequence[Any] = ()
        self._error: BaseException | None = None
        self._gate = Gate(partial(compile_ahead, _ready_manifest(context), room))
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Returns when it halts, or has ended because something hindered it."""
        while self._thread.is_alive() and not self._gate.was_reached:
            time.sleep(_GLANCE_SECONDS)

    def finish(self) -> Sequence[Any] | None:
        """Lets it go on, and returns dbt's node results; none if it never came to its nodes."""
        self._gate.open()
        self._thread.join()
        if not self._gate.was_reached:
            hindrance = type(self._error).__name__ if self._error else "nothing to build"
            logger.info("%s could not be begun ahead: %s", self.part, hindrance)
            return None
        if self._error:
            raise self._error
        return self._results

    def _run(self) -> None:
        try:
            self._results = _invoke_for(self._context, _build(self.part), gate=self._gate)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            self._error = error


# By warehouse, room and business day.
_begun: dict[tuple[str, str, date], _Begun] = {}


def _part(context: RunContext, selector: str) -> str:
    """Returns the selector of what is to be built of a room."""
    lasting = _LASTING.get(selector)
    return lasting.rest if lasting and stands(context, selector) else selector


def _build(part: str) -> list[str]:
    return ["build", "--selector", part]


def stands(context: RunContext, room: str) -> bool:
    """Returns whether all that lasts in a room was built of the project as it is, and is there."""
    made_of = project_key(context.settings, context.policy)
    with connect(context.url) as connection:
        if connection.execute(_NOTED, (_LASTING[room].schema,)).fetchone() != (made_of,):
            return False
        manifest = _ready_manifest(context)
        names = [
            node.relation_name
            for node in manifest.nodes.values()
            if node.config.meta.get("room") == room
            and (node.config.materialized == "view" or "unfed" in node.tags)
        ]
        return connection.execute(_ARE_THERE, (names,)).fetchone() == (True,)


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
    results = _invoke_for(context, arguments, feature_dates=feature_dates)
    return _report(context, label, results)


def _invoke_for(
    context: RunContext,
    arguments: Sequence[str],
    *,
    feature_dates: Sequence[date] = (),
    gate: "Gate | None" = None,
) -> Sequence[Any]:
    return invoke(
        context.settings,
        context.policy,
        context.url,
        # The files that describe the whole project are for `docs generate`; a night has no use for
        # them, and writing them takes a second each time.
        # A room asks only for the relations of its own schemas.
        [*arguments, "--no-write-json", "--cache-selected-only"],
        as_of=context.as_of,
        feature_dates=feature_dates,
        gate=gate,
    )


def _report(context: RunContext, label: str, results: Sequence[Any]) -> StepReport:
    """Records a command's results under `label`; raises if one of them failed."""
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
    feature_dates: Sequence[date] = (),
    console_level: str = "warn",
    gate: "Gate | None" = None,
) -> Sequence[Any]:
    """Invokes dbt and returns its node results; raises `BuildError` if it could not run at all.

    Args:
        gate: where dbt halts before its first node.
    """
    environment = {
        "LIVING_CRM_AS_OF": as_of.isoformat(),
        "LIVING_CRM_FEATURE_DATES": ",".join(
            day.isoformat() for day in (sorted(set(feature_dates)) or [as_of])
        ),
    }
    manifest = _ahead.pop(url, None) or _manifest(settings, policy, url)
    outcome = _call_dbt(
        settings, policy, url, arguments, environment,
        manifest=manifest, console_level=console_level, gate=gate,
    )  # fmt: skip
    return list(getattr(outcome.result, "results", None) or [])


# By the warehouse's URL, the project that is ready for the next command.
_ahead: dict[str, Any] = {}


def _ready_manifest(context: RunContext) -> Any:
    """Returns the project that the next command of this process runs with."""
    manifest = _ahead.get(context.url) or _manifest(context.settings, context.policy, context.url)
    _ahead[context.url] = manifest
    return manifest


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
    gate: "Gate | None" = None,
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

        from warehouse.dbt_events import listen

        listen(gate)
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
