"""Files: written whole or not at all, and YAML read fast."""

import os
from pathlib import Path
from typing import Any

import yaml

# The parser in C takes an eighth of the time; every step of the walk reads policy and catalog.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """Returns the document of a YAML file; raises `yaml.YAMLError` or `FileNotFoundError`."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - both are safe


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, whole or not at all."""
    write_whole(path, text.encode(), private=True)


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Writes a file under a temporary name and renames it; makes its folder when it is missing.

    Args:
        private: only the owner may read it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    mode = 0o600 if private else 0o644
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    unfinished.replace(path)
