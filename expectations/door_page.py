"""The first page of a door's Data Docs: every check of the last run, the failed ones first.

Great Expectations' own first page is drawn by scripts from other hosts, so on a closed network it
stays empty. Ours takes its place and leads to the pages that Great Expectations made of each suite.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.pages import write_page
from warehouse.context import RunContext

if TYPE_CHECKING:
    from expectations.validation import Result


def write(context: RunContext, door: str, results: "Sequence[Result]", folder: Path) -> Path:
    """Writes the page in the place of another and returns where it stands.

    Args:
        folder: where the door's Data Docs were built.
    """
    pages = {page.stem: page.relative_to(folder) for page in folder.glob("validations/**/*.html")}
    return write_page(
        folder / "index.html",
        "door.html.j2",
        as_of=context.as_of,
        company=context.policy.company,
        door=door,
        failed=[result for result in results if not result.success],
        suites=[
            (suite, pages.get(f"warehouse-{suite}"), list(found))
            for suite, found in groupby(results, attrgetter("suite"))
        ],
    )
