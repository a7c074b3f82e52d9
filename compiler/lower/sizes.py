"""Tensors that no machine holds."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from ..ir import Graph, size_at
from ..limits import most, raising

ALL_TOGETHER = 16  # times the largest tensor, so that sums of bytes stay below 2^63


def too_large(graph: Graph, batch: int) -> Diagnostic | None:
    """The first tensor of a graph that has more elements, in batches of `batch`, than the limit."""
    limit, total = most("elements"), 0
    for node in graph:
        elements = size_at(node.type.elements, batch)
        total += elements
        if elements > limit or total > ALL_TOGETHER * limit:
            what = node.name or "this"
            title = f"{what} would have {_rounded(elements)} elements, in batches of {batch:,}"
            label = f"more than {_rounded(limit)}"
            return Diagnostic("limit", title, node.span, label, (), raising("elements"))
    return None


def _rounded(number: int) -> str:
    if number < 10**7:
        return f"{number:,}"
    exponent = len(str(number)) - 1
    return f"{number // 10 ** (exponent - 1) / 10:g}·10^{exponent}"
