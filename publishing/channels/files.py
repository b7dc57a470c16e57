"""Files at any fsspec URL: local folders, SFTP, object stores, all through one code path.

A file becomes visible in one step: it is written under a temporary name, read back and compared,
then renamed. Object stores without a rename put the whole object at once, which comes to the same.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from warehouse.connections import without_secret
from warehouse.errors import PublishError
from warehouse.settings import Settings

UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Target:
    """A place that lists are published to.

    Attributes:
        name: the target as the policy writes it, without a user or password: its name in the
            ledger, the same wherever the installation's folder stands.
        place: where it is, for a person to read; holds no secret.
    """

    name: str
    place: str
    _filesystem: Any
    _root: str

    def read(self, path: str) -> bytes | None:
        """Returns the bytes at `path`, or None if there is nothing."""
        try:
            return bytes(self._filesystem.cat_file(f"{self._root}/{path}"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._fault(f"cannot read {path}", error) from None

    def put(self, path: str, content: bytes) -> None:
        """Makes `content` visible at `path` in one step, in the place of what was there.

        Raises:
            PublishError: the target refuses, or does not give back what was written.
        """
        unfinished = f"{path}{UNFINISHED}"
        try:
            self._filesystem.makedirs(f"{self._root}/{path}".rpartition("/")[0], exist_ok=True)
            self._filesystem.pipe_file(f"{self._root}/{unfinished}", content)
            if self.read(unfinished) != content:
                raise PublishError(
                    f"{self.place} gave back other bytes than were written for {path}.",
                    "Check the target's disk, then run the step again.",
                )
            self._filesystem.mv(f"{self._root}/{unfinished}", f"{self._root}/{path}")
        except OSError as error:
            raise self._fault(f"cannot write {path}", error) from None

    def _fault(self, what: str, error: OSError) -> PublishError:
        return PublishError(
            f"{self.place} {what}: {error.strerror or type(error).__name__}.",
            "Check that the target is there and may be written, then run the step again.",
        )


def open_target(template: str, settings: Settings) -> Target:
    """Returns the target of a URL from the policy.

    Raises:
        PublishError: no channel speaks the URL's scheme, or the target cannot be reached.
    """
    from fsspec.core import url_to_fs

    url = template.replace("{home}", str(settings.living_crm_home))
    scheme = urlsplit(url).scheme or "file"
    place = f"{scheme}://{without_secret(url)}"
    try:
        filesystem, root = url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise PublishError(
            f"No channel speaks {scheme}://: {type(error).__name__}.",
            "Write the target as file://, or install the fsspec package of that scheme.",
        ) from None
    except OSError as error:
        raise PublishError(
            f"{place} cannot be reached: {type(error).__name__}.",
            "Check address, user and password of the target in policy.yml.",
        ) from None
    return Target(f"{scheme}://{without_secret(template)}", place, filesystem, root.rstrip("/"))
