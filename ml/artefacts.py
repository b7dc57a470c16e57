"""A trained model as a folder of files, with checksums so that nothing can change unseen.

The folder is `<models>/<model>/<version>/` and holds `manifest.json` and, for XGBoost, the model as
`model.ubj`. The manifest holds the model's checksum and `ml.model_versions` holds the manifest's. A
version is named after the day it was trained as of and its checksum, and after the rival where one
ships: training a day again on the same data ends in the same version.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Literal

from warehouse.errors import ModelError

Kind = Literal["xgboost", "rule", "weights"]

MANIFEST = "manifest.json"
MODEL = "model.ubj"
FORMAT = 2


@dataclass(frozen=True)
class Artefact:
    """A trained model as it is stored.

    Attributes:
        manifest: everything but the trees, in JSON's own types.
        model: the trees as XGBoost writes them; none for a rival.
    """

    manifest: Mapping[str, Any]
    model: bytes | None

    @property
    def manifest_bytes(self) -> bytes:
        """The manifest as it is written: the same for the same contents."""
        text = json.dumps(self.manifest, indent=2, sort_keys=True, ensure_ascii=False)
        return (text + "\n").encode()

    @property
    def checksum(self) -> str:
        """SHA-256 of the manifest, which holds that of the model."""
        return _digest(self.manifest_bytes)

    @property
    def version(self) -> str:
        """The version's name; wherever a rival scores, its own name is in it."""
        rival = f"{self.manifest['rival']['name']}-" if "rival" in self.manifest else ""
        return f"{self.manifest['trained_as_of_date']}-{rival}{self.checksum[:8]}"


@dataclass(frozen=True)
class Registered:
    """A version as the registry knows it."""

    model_name: str
    version: str
    kind: Kind
    artefact_path: str
    artefact_checksum: str


def make(
    kind: Kind, trained_as_of: date, contents: Mapping[str, Any], model: bytes | None
) -> Artefact:
    """Returns an artefact of `contents`, stamped with kind, day, code and the model's checksum."""
    return Artefact(
        manifest={
            **contents,
            "format": FORMAT,
            "kind": kind,
            "trained_as_of_date": trained_as_of.isoformat(),
            "code_version": code_version(),
            "files": {} if model is None else {MODEL: _digest(model)},
        },
        model=model,
    )


def save(models_dir: Path, model_name: str, item: Artefact) -> str:
    """Writes an artefact in one step and returns its path below `models_dir`.

    A half-written or damaged folder of the same version is replaced.
    """
    relative = f"{model_name}/{item.version}"
    target = models_dir / relative
    if _is_intact(target, item):
        return relative
    target.parent.mkdir(parents=True, exist_ok=True)
    # The version's name does not begin with a dot, so a leftover is never taken for one.
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=target.parent) as folder:
        unfinished = Path(folder) / "artefact"
        unfinished.mkdir()
        for name, contents in _files(item).items():
            with (unfinished / name).open("wb") as stream:
                stream.write(contents)
                stream.flush()
                os.fsync(stream.fileno())
        if target.exists():
            shutil.rmtree(target)
        unfinished.rename(target)
    return relative


def load(models_dir: Path, version: Registered) -> Artefact:
    """Returns a version's artefact, its checksums verified.

    Raises:
        ModelError: a file is missing or not what was registered, or the format is another.
    """
    folder = models_dir / version.artefact_path
    manifest_bytes = _read(folder / MANIFEST, version)
    if _digest(manifest_bytes) != version.artefact_checksum:
        raise _damaged(folder / MANIFEST, "is not the one that was registered", version)
    manifest = json.loads(manifest_bytes)
    if manifest["format"] != FORMAT:
        raise ModelError(
            f"{version.model_name} {version.version} is written in format {manifest['format']}, "
            f"{FORMAT} is read.",
            "Train again, or retire the model.",
        )
    model = None
    for name, checksum in manifest["files"].items():
        model = _read(folder / name, version)
        if _digest(model) != checksum:
            raise _damaged(folder / name, "does not match its checksum", version)
    return Artefact(manifest, model)


@cache
def code_version() -> str:
    """Returns the package's version and the digest of this room's code."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in sorted(room.rglob("*.py")):
        digest.update(path.relative_to(room).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{package_version('living-crm')}+{digest.hexdigest()[:8]}"


def _files(item: Artefact) -> dict[str, bytes]:
    files = {MANIFEST: item.manifest_bytes}
    if item.model is not None:
        files[MODEL] = item.model
    return files


def _is_intact(folder: Path, item: Artefact) -> bool:
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == contents
        for name, contents in _files(item).items()
    )


def _read(path: Path, version: Registered) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _damaged(path, "is missing", version) from None


def _damaged(path: Path, how: str, version: Registered) -> ModelError:
    return ModelError(
        f"{path.name} of {version.model_name} {version.version} {how} ({path.parent}).",
        "Restore the folder from a backup, or train the same day again, which writes it anew "
        "when data and code are the same, or roll back to the version before.",
    )


def _digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()
