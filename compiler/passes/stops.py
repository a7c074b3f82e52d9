"""stop_gradient has done its work once the gradients are there."""

from __future__ import annotations

from ..ir import Graph
from .rewrite import rewrite


def drop_stops(graph: Graph) -> Graph:
    """The graph without stop_gradient, which is the identity. Not to be run before differentiation."""
    if not any(node.op == "stop_gradient" for node in graph):
        return graph
    return rewrite(graph, {"stop_gradient": (lambda term: term.operands[0],)})[0]
