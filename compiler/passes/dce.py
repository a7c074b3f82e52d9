"""Dead code: operations that no result needs."""

from __future__ import annotations

from ..build import Builder
from ..ir import Graph
from ..verify import LEAVES
from .rewrite import rebuild


def dce(graph: Graph) -> Graph:
    """Only what the results need, and all inputs, columns, parameters and states: they are the interface."""
    alive = set(graph.results.values())
    for node in reversed(list(graph)):
        if node.id in alive:
            alive.update(graph.operands(node.id))
        elif node.op in LEAVES:
            alive.add(node.id)
    return graph if len(alive) == len(graph) else rebuild(graph, Builder(Graph()), keep=alive)
