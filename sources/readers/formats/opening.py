"""Opens text formats: unpacked where the name ends in .gz, decoded, ended where they break."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import IO, Any

from sources.readers.formats.record import UnreadableFile, storable

_SAMPLE_BYTES = 65_536


class _Unpacked(io.RawIOBase):
    """A gzip archive's contents up to where it breaks; `fault` then says how it broke."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._archive = gzip.GzipFile(fileobj=packed)
        self.fault: str | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.fault:
            return 0
        try:
            data = self._archive.read1(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.fault = "is cut off" if isinstance(error, EOFError) else "is damaged"
            return 0
        buffer[: len(data)] = data
        return len(data)


class TextFile:
    """The lines of a text file.

    Attributes:
        wrong_encoding: what is wrong if the file is certainly not in the catalogued encoding.
        lines: how many were read.
    """

    def __init__(self, stream: IO[bytes], name: str, encoding: str) -> None:
        """Opens the file.

        Raises:
            UnreadableFile: it is empty, or an archive nothing can be got from.
        """
        self._unpacked = _Unpacked(stream) if name.endswith(".gz") else None
        raw: Any = self._unpacked or stream
        buffered = io.BufferedReader(raw, _SAMPLE_BYTES)
        sample = buffered.peek(_SAMPLE_BYTES)
        if not sample:
            raise UnreadableFile(f"the archive {self.fault}" if self.fault else "the file is empty")
        self.wrong_encoding = (
            f"the file is utf-8 and not {encoding}"
            if codecs.lookup(encoding).name != "utf-8" and _is_utf_8(sample)
            else None
        )
        self.lines = 0
        self._encoding = encoding
        self._tail = ""
        self._text = io.TextIOWrapper(
            buffered, encoding=encoding, errors="surrogateescape", newline=""
        )

    @property
    def fault(self) -> str | None:
        """Why there are no more lines; None where the archive is sound so far."""
        return self._unpacked.fault if self._unpacked else None

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self.lines += 1
            if self.fault and not line.endswith(("\n", "\r")):
                self._tail = line
                return
            yield line

    def check_end(self) -> None:
        """Raises `UnreadableFile` if the lines ended because the archive broke."""
        if self.fault:
            raise UnreadableFile(
                f"the archive {self.fault} here",
                max(self.lines, 1),
                storable(self._tail, self._encoding),
            )


def _is_utf_8(sample: bytes) -> bool:
    """Returns whether the bytes hold letters beyond ASCII, and as UTF-8: by chance hardly ever."""
    if sample.isascii():
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True
