"""The file `sources.env`: where the demo's source systems are, for `source_url` to find."""

from collections.abc import Mapping

from warehouse.files import write_whole
from warehouse.settings import Settings


def write_addresses(settings: Settings, addresses: Mapping[str, str]) -> None:
    """Writes the file for its owner's eyes only: an address may hold a password."""
    lines = "".join(f"{name}={value}\n" for name, value in addresses.items())
    write_whole(settings.sources_dir / "sources.env", lines.encode(), private=True)
