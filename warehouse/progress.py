"""What a person sees of a long step: a moving line on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

# What rows say is shown as it is: `:phone:` is no picture, `[b]` no command.
_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
console = Console(stderr=True, **_PLAIN)

_CHATTY = (
    "dlt", "great_expectations", "sqlalchemy", "airflow", "httpx", "alembic", "snowflake",
    "sqlglot",
)  # fmt: skip


def configure_logging(*, verbose: bool = False) -> None:
    """Sends our log lines to standard error; libraries speak from warning on."""
    logging.basicConfig(
        level=logging.INFO if verbose or not console.is_terminal else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def wide_console() -> Console:
    """Returns what tables are printed on: the terminal's width, or room enough in a file."""
    out = Console(**_PLAIN)
    return out if out.is_terminal else Console(**_PLAIN, width=160)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Shows that `what` is going on, and at its end how long it took."""
    started = time.monotonic()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(f"{what} ...")
        yield
    console.print(f"{what}: {time.monotonic() - started:.1f} s")
