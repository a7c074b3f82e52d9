"""The passes, in order. Each is a pure function of a graph, and can be run alone."""

from __future__ import annotations

from collections.abc import Callable

from ..ir import Graph
from ..verify import verify
from .cse import cse
from .dce import dce
from .einsum import two_at_a_time
from .fuse import fuse
from .simplify import simplify
from .stabilise import stabilise, stable_builder
from .stops import drop_stops

__all__ = [
    "PIPELINE",
    "cse",
    "dce",
    "drop_stops",
    "fuse",
    "optimise",
    "simplify",
    "stabilise",
    "stable_builder",
    "two_at_a_time",
]

# Sharing comes between, because equations such as x - x see that two operands are one.
PIPELINE: tuple[Callable[[Graph], Graph], ...] = (
    drop_stops,
    stabilise,
    simplify,
    cse,
    simplify,
    stabilise,
    cse,
    dce,
    fuse,
)


def optimise(graph: Graph) -> Graph:
    """The graph after every pass, checked after each. For graphs that have all their gradients.

    Raises InternalError, which names the pass, where one makes an illegal graph.
    """
    for transform in PIPELINE:
        before, graph = graph, transform(graph)
        if graph is not before:
            verify(graph, transform.__name__)
    return graph
