"""One stretch of memory for many values, of which those that are never alive together may share a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register


class Block(NamedTuple):
    """A value's need: bytes from step `birth` to step `death`, both included."""

    bytes: int
    birth: int
    death: int


def aligned(size: int) -> int:
    """The size rounded up to the alignment; an empty value takes one unit too, so that it has an address."""
    return max(-(-size // ALIGNMENT), 1) * ALIGNMENT


def place(blocks: Sequence[Block]) -> tuple[int, ...]:
    """An offset for each block, so that no two that are alive together overlap.

    The largest block first, each into the tightest gap that its contemporaries leave.
    Source: Pisarchyk & Lee 2020, "Efficient memory management for deep neural net inference", greedy by size.
    """
    count = len(blocks)
    offsets = [0] * count
    # The blocks placed so far, by offset: a gap is then found by a running maximum.
    start, end, birth, death = (np.empty(count, np.int64) for _ in range(4))
    by_size = sorted(range(count), key=lambda i: (-blocks[i].bytes, blocks[i].birth, blocks[i].death))
    for placed, i in enumerate(by_size):
        block, size = blocks[i], aligned(blocks[i].bytes)
        alive = np.flatnonzero((birth[:placed] <= block.death) & (death[:placed] >= block.birth))
        offset = _tightest_gap(start[alive], end[alive], size)
        at = int(np.searchsorted(start[:placed], offset))
        for column, value in (
            (start, offset),
            (end, offset + size),
            (birth, block.birth),
            (death, block.death),
        ):
            column[at + 1 : placed + 1] = column[at:placed]
            column[at] = value
        offsets[i] = offset
    return tuple(offsets)


def extent(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    """The bytes that the placed blocks take from first to last."""
    return max(
        (offset + aligned(block.bytes) for block, offset in zip(blocks, offsets, strict=True)), default=0
    )


def lower_bound(blocks: Sequence[Block]) -> int:
    """The most bytes that are alive at once: no placement needs less."""
    change = np.zeros(max((block.death for block in blocks), default=0) + 2, np.int64)
    for block in blocks:
        change[block.birth] += aligned(block.bytes)
        change[block.death + 1] -= aligned(block.bytes)
    return int(np.cumsum(change).max())


def _tightest_gap(start: np.ndarray, end: np.ndarray, size: int) -> int:
    """The offset of the smallest gap of at least `size` between the occupied ranges, or their end."""
    if not len(start):
        return 0
    reached = np.maximum.accumulate(end)
    opens = np.concatenate(([0], reached[:-1]))
    gaps = start - opens
    gaps[gaps < size] = np.iinfo(np.int64).max
    best = int(gaps.argmin())
    return int(opens[best] if start[best] - opens[best] >= size else reached[-1])
