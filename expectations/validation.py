"""Runs suites with Great Expectations and lays down their Data Docs.

The context is ephemeral: nothing is stored but the HTML pages, and the warehouse's address enters
by substitution, so that no page and no log shows its password.
"""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import FileSystemBytecodeCache
from sqlalchemy.exc import SQLAlchemyError

from expectations import door_page
from expectations.checks import Check, Suite
from warehouse.context import RunContext
from warehouse.errors import WarehouseError

logger = logging.getLogger(__name__)

# Counts only: a page with examples of failing values would show personal fields.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_SITE = "guard"


@dataclass(frozen=True)
class Result:
    """What one check found.

    Attributes:
        observed: one number or a count of rows, in words; never a field that names a customer.
    """

    suite: str
    check: Check
    success: bool
    observed: str


def validate(context: RunContext, door: str, suites: Sequence[Suite]) -> list[Result]:
    """Returns the result of every check, in the order of the suites.

    Raises:
        WarehouseError: a batch could not be read at all.
    """
    pages = data_docs(context.settings.docs_dir, door)
    guard = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
            data_docs_sites={_SITE: _site(pages, context.settings.docs_dir / ".templates")},
        ),
        # A dollar sign in the address would be taken for the name of a variable.
        runtime_environment={"WAREHOUSE": context.url.replace("$", "%24")},
    )
    # All queries at once: Great Expectations writes down its whole configuration at each change.
    warehouse = guard.data_sources.add_postgres(
        "warehouse",
        connection_string="${WAREHOUSE}",
        create_temp_table=True,
        assets=[
            {
                "type": "query",
                "name": suite.name,
                "query": suite.query,
                "batch_definitions": [{"name": suite.name}],
            }
            for suite in suites
        ],
    )
    try:
        results = [result for suite in suites for result in _run(guard, warehouse, context, suite)]
    finally:
        warehouse.get_engine().dispose()
    shutil.rmtree(pages, ignore_errors=True)
    guard.build_data_docs(site_names=[_SITE], build_index=False)  # we write our own
    door_page.write(context, door, results, pages)
    return results


def data_docs(docs_dir: Path, door: str) -> Path:
    """Returns the folder of a door's pages: the last run's, `index.html` first."""
    return docs_dir / "data_docs" / door


def _run(guard: Any, warehouse: Any, context: RunContext, suite: Suite) -> list[Result]:
    definition = guard.validation_definitions.add(
        gx.ValidationDefinition(
            name=suite.name,
            data=warehouse.get_asset(suite.name).get_batch_definition(suite.name),
            suite=guard.suites.add(
                gx.ExpectationSuite(
                    suite.name, expectations=[check.expectation for check in suite.checks]
                )
            ),
        )
    )
    # The page's address carries the business day and no clock, so a repeated run finds its place.
    try:
        found = definition.run(
            result_format=_RESULT_FORMAT,
            run_id=RunIdentifier(run_name=str(context.as_of), run_time=context.day_end),
        )
    except SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        raise WarehouseError(
            f"The rows of suite {suite.name} cannot be read: {cause}.",
            "See docs/runbooks/warehouse.md.",
        ) from None
    by_id = {item.expectation_config.meta["check_id"]: item for item in found.results}
    return [
        Result(suite.name, check, bool(item.success), _observed(item))
        for check in suite.checks
        for item in [by_id[check.check_id]]
    ]


def _observed(item: Any) -> str:
    found = item.result
    if "observed_value" in found:
        value = found["observed_value"]
        if value is None:
            return "none"
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if "unexpected_count" in found:
        return f"{found['unexpected_count']} of {found['element_count']} rows are not"
    return "could not be evaluated, see Data Docs"


class CompiledView(DefaultJinjaPageView):  # type: ignore[misc]
    """Great Expectations' pages, with their templates compiled once for all nights.

    Every section of a site has an environment of its own and would compile all of them in it, which
    takes longer than filling them in.
    """

    def __init__(self, compiled: str, **settings: Any) -> None:
        super().__init__(**settings)
        Path(compiled).mkdir(parents=True, exist_ok=True)
        self.env.bytecode_cache = FileSystemBytecodeCache(compiled)


def _site(folder: Path, compiled: Path) -> dict[str, Any]:
    view = {
        "module_name": CompiledView.__module__,
        "class_name": CompiledView.__name__,
        "compiled": str(compiled),
    }
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder),
        },
        "site_section_builders": {
            "expectations": {"view": view},
            "validations": {"view": view},
            "profiling": "None",
        },
    }
