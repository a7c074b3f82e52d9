"""Losses, metrics and counts as people read them."""

from __future__ import annotations

import math

SHARES = ("accuracy", "top_k", "precision", "recall")


def figure(name: str, value: float) -> str:
    """A loss or metric in at most 8 characters; those that are shares of samples in percent."""
    if not math.isfinite(value):
        return str(value)
    if name.rpartition(".")[2] in SHARES:
        return f"{100 * value:.2f} %"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1000 or value == 0 else f"{value:.2e}"


def amount(number: int) -> str:
    """A count of parameters or operations: 2,410 or 61.2 million."""
    for unit, word in ((10**9, "billion"), (10**6, "million")):
        if number >= 10 * unit or (number >= unit and unit == 10**9):
            return f"{number / unit:.1f} {word}"
    return f"{number:,}"


def memory(number: int) -> str:
    """A count of bytes: 312 bytes, 41.5 kB, 1.2 GB (powers of ten)."""
    if number < 1000:
        return f"{number} bytes"
    power = min(int(math.log10(number)) // 3, 4)
    return f"{number / 1000**power:.1f} {' kMGT'[power]}B"


def duration(seconds: float) -> str:
    """A time: 0.4 s, 1:23 or 1:02:03."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
