"""The token a source asks for, looked up where `warehouse.connections` finds its address."""

import os

from warehouse.settings import Settings


def source_token(settings: Settings, source: str) -> str | None:
    """Returns `SOURCE_<NAME>_TOKEN` of the environment or `sources.env`; None: there is none."""
    name = f"SOURCE_{source.upper()}_TOKEN"
    if os.environ.get(name):
        return os.environ[name]
    file = settings.sources_dir / "sources.env"
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == name:
                return value.strip() or None
    return None
