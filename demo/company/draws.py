"""Drawing at random so that a seed says everything, and columns of text built from numbers."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = npt.NDArray[Any]
Draw: TypeAlias = np.random.Generator


def generator(seed: int, day: int, topic: str) -> Draw:
    """Returns the generator of one topic on one day: alike in every process that lives the day."""
    return np.random.Generator(np.random.SFC64([seed, day, crc32(topic.encode())]))


def scattered(key: Array, salt: int, below: int) -> Array:
    """Returns a number from 0 to `below` - 1 for each key, always the same for the same key.

    The mixing function is splitmix64 (Steele, Lea and Flood, 2014).
    """
    x = key.astype(np.uint64) + np.uint64((salt + 1) * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) % np.uint64(below)).astype(np.int64)


def weighted(draw: Draw, weights: Sequence[float] | Array, size: int) -> Array:
    """Returns `size` indexes into `weights`, each as likely as its weight."""
    edges = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(edges / edges[-1], draw.random(size), side="right").clip(
        0, len(edges) - 1
    )


def some(draw: Draw, among: Array, share: float) -> Array:
    """Returns a random part of `among`, in its order, each with the probability `share`."""
    count = draw.binomial(len(among), min(share, 1.0))
    return np.sort(draw.choice(among, count, replace=False, shuffle=False))


def words(vocabulary: Sequence[str], codes: Array) -> pa.Array:
    """Returns the words of a vocabulary by their positions."""
    return _vocabulary(tuple(vocabulary)).take(pa.array(codes))


@lru_cache(maxsize=256)
def _vocabulary(texts: tuple[str, ...]) -> pa.Array:
    return pa.array(texts, pa.string())


def joined(*parts: pa.Array | str) -> pa.Array:
    """Returns the parts of each row written one after another; null where a part is null."""
    return pc.binary_join_element_wise(*parts, "")


@cache
def _padded(width: int) -> pa.Array:
    return pa.array([f"{number:0{width}d}" for number in range(10**width)])


def digits(numbers: Array, width: int) -> pa.Array:
    """Returns numbers as text of `width` digits (at most 12)."""
    if width <= 4:
        return _padded(width).take(pa.array(numbers % 10**width))
    return joined(digits(numbers // 10**4, width - 4), digits(numbers, 4))


def blank(texts: pa.Array, gone: Array) -> pa.Array:
    """Returns the texts with null where `gone` is true."""
    return pc.if_else(pa.array(gone), pa.scalar(None, texts.type), texts)


def written(style: Array, writers: Sequence[Callable[[Array], pa.Array]]) -> pa.Array:
    """Returns one text per row: the writer of the row's style is given the rows it shall write."""
    rows = [np.flatnonzero(style == number) for number in range(len(writers))]
    texts = [writer(row) for writer, row in zip(writers, rows, strict=True) if row.size]
    if not texts:
        return pa.array([], pa.string())
    place = np.empty(len(style), dtype=np.int64)
    place[np.concatenate(rows)] = np.arange(len(style))
    return pa.concat_arrays(texts).take(pa.array(place))


def fixed(text: str | None) -> Callable[[Array], pa.Array]:
    """Returns a writer of always the same text."""
    return lambda rows: pa.repeat(pa.scalar(text, pa.string()), len(rows))
