"""The first page of a door's Data Docs: every check of the last run, the failed ones first.

Great Expectations' own first page is drawn by scripts from other hosts, so on a closed network it
stays empty. Ours takes its place and leads to the pages that Great Expectations made of each suite.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from warehouse.context import RunContext
from warehouse.files import write_whole

if TYPE_CHECKING:
    from expectations.validation import Result


def write(context: RunContext, door: str, results: "Sequence[Result]", folder: Path) -> Path:
    """Writes the page in the place of another and returns where it stands.

    Args:
        folder: where the door's Data Docs were built.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    pages = {page.stem: page.relative_to(folder) for page in folder.glob("validations/**/*.html")}
    text = environment.get_template("door.html.j2").render(
        as_of=context.as_of,
        company=context.policy.company,
        door=door,
        failed=[result for result in results if not result.success],
        suites=[
            (suite, pages.get(f"warehouse-{suite}"), list(found))
            for suite, found in groupby(results, attrgetter("suite"))
        ],
    )
    path = folder / "index.html"
    write_whole(path, text.encode())
    return path
