"""Values of nodes as a picture shows them: numbers in a grid, large tensors by their corner and range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .picture import Grid

Array = NDArray[Any]
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Values:
    """Arrays by the node that they are the value of, or whose gradient they are."""

    forward: Mapping[int, Array] = field(default_factory=dict[int, Array])
    gradients: Mapping[int, Array] = field(default_factory=dict[int, Array])


def grid(array: Array, caption: str = "", rows: int = 4, columns: int = 4) -> Grid:
    """A tensor's numbers: all, or its corner with shape and range; of more axes than two the first matrix."""
    table = np.atleast_2d(array[(0,) * max(array.ndim - 2, 0)])
    high = rows if table.shape[0] <= rows else rows - 1
    wide = columns if table.shape[1] <= columns else columns - 1
    cut = table[:high, :wide]
    texts = _texts(cut)
    if cut.shape[1] < table.shape[1]:
        texts = [[*row, "…"] for row in texts]
    if cut.shape[0] < table.shape[0]:
        texts = [*texts, ["⋮"] + [""] * (len(texts[0]) - 1)]
    notes = [caption] if caption else []
    if cut.size < array.size:
        notes.append(f"{'×'.join(map(str, array.shape))}: {range_text(array)}")
    return Grid("  ".join(notes), tuple(map(tuple, texts)))


def range_text(array: Array) -> str:
    """The least and the greatest entry."""
    (low, high), *_ = _texts(np.asarray([[array.min(), array.max()]]))
    return f"{low} to {high}" if low != high else f"all {low}"


def _texts(table: Array) -> list[list[str]]:
    if table.dtype.kind in "biu":
        return [[str(int(v)).replace("-", "−") for v in row] for row in table]
    places = _places(table)
    return [[_number(float(v), places) for v in row] for row in table]


def _places(table: Array) -> int | None:
    """How many decimals show the greatest number to a few digits; None where powers of ten are needed."""
    finite = np.abs(table[np.isfinite(table)])
    largest = float(finite.max()) if finite.size else 0.0
    if largest == 0:
        return 0
    exponent = floor(log10(largest))
    if -4 < exponent < 5:
        return max(_DIGITS - 1 - exponent, 0)
    return None


def _number(value: float, places: int | None) -> str:
    if not np.isfinite(value):
        return {"inf": "∞", "-inf": "−∞"}.get(str(value), "nan")
    if value == 0:
        return "0"
    if places is None:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    text = f"{value:.{places}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−")
