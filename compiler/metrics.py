"""Losses and metrics over a whole split, exactly, from batches of any size.

A metric such as precision is no mean over batches. But nearly every one is a function of sums over samples; the sums
are added up over the batches, and the function is taken once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from .build import Builder
from .extract import append
from .ir import Extent, Graph, Result, TensorType


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
    cuts = {r: _frontier(graph, id, batched) for r, id in results.items()}
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


def _frontier(graph: Graph, id: int, batched: set[int]) -> list[int] | None:
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
        if _is_sum(graph, current):
            frontier.append(current)
        elif any(isinstance(d, Extent) for d in node.type.shape) or not graph.operands(current):
            return None
        else:
            stack += graph.operands(current)
    return sorted(frontier)


def _is_sum(graph: Graph, id: int) -> bool:
    """Whether the value for two batches together is the sum of its values for each."""
    node = graph[id]
    if any(isinstance(d, Extent) for d in node.type.shape):
        return False
    if node.op == "size":
        dim = node.attr("dim")
        return isinstance(dim, Extent) and len(dim.coefficients) == 2 and dim.coefficients[0] == 0
    if node.op == "cast":
        return _is_sum(graph, graph.operands(id)[0])
    if node.op != "sum":
        return False
    (operand,) = graph.operands(id)
    shape = graph[operand].type.shape
    axis = node.attr("axis")
    return isinstance(axis, tuple) and all(
        i in axis and isinstance(d, Extent) and d.coefficients[0] == 0 and len(d.coefficients) == 2
        for i, d in enumerate(shape)
        if isinstance(d, Extent)
    ) and any(isinstance(d, Extent) for d in shape)


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
