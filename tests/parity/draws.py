"""Numbers that both sides of a comparison draw for themselves, so that only seeds need to be stored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def generator(key: str) -> np.random.Generator:
    """A counter-based generator keyed by a text."""
    return np.random.Generator(np.random.Philox(key=crc32(key.encode())))


def normal(key: str, shape: Sequence[int], scale: float = 1.0) -> Array:
    """Normal numbers that float32 holds exactly, so that runs in either precision start alike."""
    return rounded(generator(key).standard_normal(shape) * scale)


def integers(key: str, shape: Sequence[int], below: int) -> NDArray[np.int64]:
    """Integers from 0 to below - 1."""
    return generator(key).integers(below, size=shape)


def rounded(x: Array) -> Array:
    return x.astype(np.float32).astype(np.float64)


def start(name: str, shape: Sequence[int]) -> Array:
    """A starting value for a parameter: a matrix or filter by its fan-in, a vector small."""
    if len(shape) < 2:
        return rounded(("gain" in name) + 0.1 * normal(name, shape))
    fan_in = shape[0] if len(shape) == 2 else prod(shape[1:])
    return normal(name, shape, fan_in**-0.5)


def projections(name: str, value: Array) -> Array:
    """Eight projections of an array onto random directions of unit length, and its own length."""
    flat = np.asarray(value, np.float64).reshape(-1)
    return np.append(_directions(name, flat.size) @ flat, np.linalg.norm(flat))


@lru_cache(maxsize=64)
def _directions(name: str, size: int) -> Array:
    directions = generator(f"{name} directions").standard_normal((8, size))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)
