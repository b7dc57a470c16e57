"""Files that are whole as soon as they stand under their name."""

import os
from pathlib import Path


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
