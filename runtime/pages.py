"""Memory in large pages: the places of many small ones a processor must look up in tables."""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np

_LARGE = 2 << 20  # bytes, on most systems; no harm where they are others


def in_pages(size: int) -> np.ndarray:
    """uint8[size], all 0, from the beginning of a large page on, if the system has such. Raises MemoryError.

    Source: Linux kernel documentation, "Transparent Hugepage Support".
    """
    try:
        area = mmap.mmap(-1, size + _LARGE)
    except OSError as error:
        raise MemoryError from error
    if advice := getattr(mmap, "MADV_HUGEPAGE", None):
        with suppress(OSError):
            area.madvise(advice)
    raw = np.frombuffer(area, np.uint8)
    first = -raw.ctypes.data % _LARGE
    return raw[first : first + size]
