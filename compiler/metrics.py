"""Losses and metrics over a whole split, exactly, from batches of any size.

A metric such as precision is no mean over batches. But nearly every one is a function of sums over samples;
the sums are added up over the batches, and the function is taken once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from .build import Builder
from .extract import append
from .ir import Attr, Extent, Graph, Node, Result, TensorType


@dataclass(frozen=True, slots=True)
class Accumulated:
    """statistics: a graph whose metric results are sums over the batch, to be added up over batches.

    finish: from inputs of the same names (the totals) to the loss and metrics.
    """

    statistics: Graph
    finish: Graph


def accumulate(graph: Graph) -> Accumulated:
    """Split a graph's loss and metrics at their sums over the batch.

    A result that is no function of such sums becomes the mean over batches, weighted by their sizes.
    """
    statistics = graph.copy()
    results = {r: id for r, id in graph.results.items() if r.kind in ("loss", "metric")}
    batched = _batched(graph)
    mixed = _mixed(graph, batched)
    cuts = {r: _frontier(graph, id, batched, mixed) for r, id in results.items()}
    statistics.results = {}
    builder = Builder(statistics)
    finish = Graph()
    totals = Builder(finish)
    leaves: dict[int, int] = {}

    def leaf(id: int, type: TensorType) -> int:
        if id not in leaves:
            name = f"total{len(leaves)}"
            statistics.results[Result("metric", name)] = id
            leaves[id] = totals.add("input", (), type, (("classes", 0),), name).id
        return leaves[id]

    for result, id in results.items():
        frontier = cuts[result]
        if frontier is None:
            value = builder.value(id)
            weight = builder.apply("size", dim=Extent((0, 1)), dtype=value.dtype)
            total = totals.value(leaf((value * weight).id, value.type))
            finish.results[result] = (total / totals.value(leaf(weight.id, weight.type))).id
            continue
        known = {cut: leaf(cut, graph[cut].type) for cut in frontier}
        inner = _above(graph, id, frontier)
        finish.results[result] = append(finish, graph, inner, known)[id]
    return Accumulated(statistics, finish)


def _batched(graph: Graph) -> set[int]:
    """Nodes that depend on the batch."""
    found: set[int] = set()
    for node in graph:
        sized = any(isinstance(value, Extent) for _, value in node.attrs)
        if node.op in ("input", "column") or sized or any(o in found for o in graph.operands(node.id)):
            found.add(node.id)
    return found


def _mixed(graph: Graph, batched: set[int]) -> set[int]:
    """Nodes that have no part of their own for each sample: what one holds depends on the others."""
    found: set[int] = set()
    for node in graph:
        if node.id in batched:
            operands = graph.operands(node.id)
            if (
                _batch_axis(node.type) is None
                or any(o in found for o in operands)
                or (node.op in _ALONG_AXES and _batch_axis(graph[operands[0]].type) in _axes(node))
                or node.op == "range"
                or (node.op == "take" and operands[0] in batched)
            ):
                found.add(node.id)
    return found


_ALONG_AXES = ("softmax", "log_softmax", "cumsum", "flip")


def _axes(node: Node) -> tuple[Attr, ...]:
    axes = node.arguments.get("axes", node.arguments.get("axis"))
    return axes if isinstance(axes, tuple) else (axes,)


def _batch_axis(type: TensorType) -> int | None:
    """The only axis whose size grows with N, in proportion."""
    symbolic = [(i, d.coefficients) for i, d in enumerate(type.shape) if isinstance(d, Extent)]
    if len(symbolic) != 1 or len(symbolic[0][1]) != 2 or symbolic[0][1][0] != 0:
        return None
    return symbolic[0][0]


def _frontier(graph: Graph, id: int, batched: set[int], mixed: set[int]) -> list[int] | None:
    """The sums over the batch that a result is a function of; None where there is none such."""
    frontier: list[int] = []
    seen: set[int] = set()
    stack = [id]
    while stack:
        current = stack.pop()
        if current in seen or current not in batched:
            continue
        seen.add(current)
        node = graph[current]
        if _is_sum(graph, current, mixed):
            frontier.append(current)
        elif any(isinstance(d, Extent) for d in node.type.shape) or not graph.operands(current):
            return None
        else:
            stack += graph.operands(current)
    return sorted(frontier)


def _is_sum(graph: Graph, id: int, mixed: set[int]) -> bool:
    """Whether the value for two batches together is the sum of its values for each."""
    node = graph[id]
    if node.op == "size":
        dim = node.attr("dim")
        return isinstance(dim, Extent) and len(dim.coefficients) == 2 and dim.coefficients[0] == 0
    if node.op == "cast":
        return _is_sum(graph, graph.operands(id)[0], mixed)
    if node.op != "sum":
        return False
    (operand,) = graph.operands(id)
    return operand not in mixed and _batch_axis(graph[operand].type) in _axes(node)


def _above(graph: Graph, id: int, frontier: list[int]) -> set[int]:
    """What lies between a result and its frontier, and what else that reads."""
    seen: set[int] = set()
    stack = [id]
    while stack:
        current = stack.pop()
        if current in seen or current in frontier:
            continue
        seen.add(current)
        stack += graph.operands(current)
    return seen
