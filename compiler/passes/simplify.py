"""Algebra that makes gradients short and readable."""

from __future__ import annotations

from ..ir import Graph
from . import algebra, constants, movement, reduction
from .dce import dce
from .rewrite import Rules, rewrite, united

RULES: Rules = united(constants.RULES, movement.RULES, reduction.RULES, algebra.RULES)
_MOST_SWEEPS = 4


def simplify(graph: Graph) -> Graph:
    """The same values with fewer and smaller operations; equal but for the rounding of sums and products.

    Rules fire bottom-up and on what they build, so that one sweep leaves little: the next finds what depends
    on whether a value has other users, after the operations that nothing needs any more are gone.
    """
    for _ in range(_MOST_SWEEPS):
        graph, fired = rewrite(graph, RULES)
        graph = dce(graph)
        if not fired:
            break
    return graph
