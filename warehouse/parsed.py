"""dbt's project as parsed, kept between commands, nights and warehouses.

Parsing takes dbt seconds even where nothing has changed, and ten where the database has another
name. What it finds follows from the project, its variables and dbt's version, so it is kept under a
hash of these, and a command starts from a copy. The database's name is put in afterwards.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from warehouse.settings import REPOSITORY

logger = logging.getLogger(__name__)

PROJECT = REPOSITORY / "dbt_project"
# What a project is parsed for: an address that nobody asks.
NOWHERE = "postgresql://nobody@127.0.0.1:5432/nowhere"
_KEPT = 8


def fingerprint(*variables: str) -> str:
    """Returns what a parsed project follows from, as a hash: its files, variables and dbt."""
    versions = (version(package) for package in ("dbt-core", "dbt-postgres"))
    digest = hashlib.sha256("\n".join((*variables, *versions)).encode())
    for folder, _, names in sorted(os.walk(PROJECT)):
        for name in sorted(names):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(PROJECT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def manifest_for(folder: Path, key: str, database: str, parse: Callable[[], Any]) -> Any:
    """Returns a manifest for one command: dbt writes into the one that it runs with.

    Args:
        folder: where parsed projects are kept.
        key: the project's fingerprint.
        database: the name of the database that the command runs in.
        parse: parses the project for `NOWHERE`, where none is kept under `key`.
    """
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

    kept = folder / f"{key}.msgpack"
    try:
        manifest = Manifest.from_msgpack(kept.read_bytes(), decoder=extended_mashumuro_decoder)
    except FileNotFoundError:
        manifest = None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is made anew
        logger.warning("%s cannot be read (%s); parsing anew.", kept.name, type(error).__name__)
        manifest = None
    if manifest is None:
        manifest = parse()
        manifest.flat_graph = {}
        _keep(kept, manifest.to_msgpack(extended_mashumaro_encoder))
    _move(manifest, database)
    return manifest


def compile_ahead(manifest: Any, room: str) -> None:
    """Compiles what building a room calls and joins, as far as that is known before it begins.

    dbt does it when it comes upon it, in two threads at once. What is compiled of macros is kept
    for the process, of models for the command. To be called within a command that runs with the
    manifest.
    """
    models = {key for key, node in manifest.nodes.items() if node.config.meta.get("room") == room}
    nodes = [
        node
        for key, node in manifest.nodes.items()
        if key in models
        or (node.resource_type == "test" and models.intersection(node.depends_on.nodes))
    ]
    _compile_macros(manifest, nodes)
    _compile_ephemeral(manifest, nodes)


def _compile_macros(manifest: Any, nodes: Sequence[Any]) -> None:
    """Compiles the macros that building and testing `nodes` calls, a fifth of a room's time."""
    from dbt_common.clients.jinja import template_cache

    macros = manifest.macros
    # A call by dispatch names no macro: it may be any of its adapters'.
    adapters: dict[str, list[str]] = {}
    for key in macros:
        _, dispatched, called = key.rsplit(".", 1)[1].partition("__")
        if dispatched:
            adapters.setdefault(called, []).append(key)
    kinds = {f".materialization_{node.config.materialized}_" for node in nodes}
    open_keys = [key for key in macros if any(kind in key for kind in kinds)]
    open_keys += [key for node in nodes for key in node.depends_on.macros]
    compiled: set[str] = set()
    while open_keys:
        key = open_keys.pop()
        if key in compiled or key not in macros:
            continue
        compiled.add(key)
        template_cache.get_node_template(macros[key])
        open_keys += macros[key].depends_on.macros
        open_keys += adapters.get(key.rsplit(".", 1)[1], [])


def _compile_ephemeral(manifest: Any, nodes: Sequence[Any]) -> None:
    """Compiles the ephemeral models that `nodes` join; dbt parses what joins several as SQL."""
    from dbt.adapters.factory import get_adapter_by_type
    from dbt.compilation import Compiler

    compiler = Compiler(get_adapter_by_type("postgres").config)
    for node in nodes:
        for key in node.depends_on.nodes:
            joined = manifest.nodes.get(key)
            if joined and joined.is_ephemeral_model and not joined.compiled:
                compiler.compile_node(joined, manifest, write=False)


def _move(manifest: Any, database: str) -> None:
    """Lets every node and source of a manifest stand in `database`."""
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        if node.relation_name:
            was, now = f'"{node.database}".', f'"{database}".'
            node.relation_name = now + node.relation_name.removeprefix(was)
        node.database = database
    manifest.build_flat_graph()


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
    by_age = sorted(path.parent.glob("*.msgpack"), key=_written_at, reverse=True)
    for old in by_age[_KEPT:]:
        old.unlink(missing_ok=True)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process has tidied up
        return 0.0
