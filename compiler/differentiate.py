"""The gradient of a scalar, as more graph (reverse mode: Griewank & Walther 2008, section 3.2).

Nothing is taped: each operation's rule adds nodes, so that a gradient can be drawn, simplified and
differentiated again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .build import Builder, Value
from .ir import Graph
from .ops.op import REGISTRY


def differentiate(builder: Builder, scalar: int, targets: Sequence[int]) -> list[Value | None]:
    """The gradient of a float scalar with respect to each target node, None where it does not depend on it.

    The new nodes carry `of`, the forward node whose rule made them, and the scope of that node.
    """
    graph = builder.graph
    path = _between(graph, scalar, targets)
    totals: dict[int, Value] = {}
    if scalar in path:
        with builder.within(of=scalar, span=graph[scalar].span):
            totals[scalar] = builder.constant(1.0, graph[scalar].type.dtype)
    for id in sorted(path, reverse=True):
        node = graph[id]
        total = totals.get(id)
        rule = REGISTRY[node.op]
        if total is None or rule.vjp is None:
            continue
        operands = graph.operands(id)
        with builder.within(scope=node.scope, of=id, span=node.span):
            values = [builder.value(o) for o in operands]
            shares = rule.vjp(total, builder.value(id), *values, **node.arguments)
            for operand, share in zip(values, shares, strict=True):
                if share is None or operand.id not in path:
                    continue
                if rule.kind == "elementwise":
                    share = share.sum_to(operand.shape).broadcast(operand.shape).cast(operand.dtype)
                known = totals.get(operand.id)
                totals[operand.id] = share if known is None else known + share
    for id, total in totals.items():
        _name(graph, id, total)
    return [totals.get(t) for t in targets]


def _name(graph: Graph, id: int, total: Value) -> None:
    """The gradient of a named tensor z is called ∂z."""
    name, node = graph[id].name, graph[total.id]
    if name and not node.name and node.op != "constant" and node.id > id:
        graph.replace(replace(node, name=f"∂{name}"))


def _between(graph: Graph, scalar: int, targets: Iterable[int]) -> set[int]:
    """The float nodes that lie on a way from a target to the scalar."""
    wanted = set(targets)
    first = min(wanted, default=scalar)
    below: set[int] = set()
    stack = [scalar]
    while stack:
        id = stack.pop()
        if id in below or id < first:
            continue
        below.add(id)
        stack.extend(graph.operands(id))
    path: set[int] = set()
    for id in sorted(below):
        node = graph[id]
        if node.type.is_float and (
            id in wanted or (REGISTRY[node.op].vjp is not None and any(o in path for o in graph.operands(id)))
        ):
            path.add(id)
    return path
