"""The self-contained pages of Data Docs that we write ourselves, from the templates beside this."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from warehouse.files import write_whole

environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Writes a filled-in template in the place of another page and returns where it stands."""
    write_whole(path, environment.get_template(template).render(**values).encode())
    return path
