"""Cutting graphs: the part that some results need, and data graphs in front of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .ir import Graph, Result


def ancestors(graph: Graph, ids: Iterable[int]) -> set[int]:
    """These nodes and all that they read, directly or not."""
    seen: set[int] = set()
    stack = list(ids)
    while stack:
        id = stack.pop()
        if id not in seen:
            seen.add(id)
            stack += graph.operands(id)
    return seen


def append(
    target: Graph, graph: Graph, ids: set[int], known: Mapping[int, int] | None = None
) -> dict[int, int]:
    """Copy nodes of one graph into another, in order; `known` maps nodes that stand there already."""
    mapping = dict(known or {})
    for node in graph:
        if node.id in ids and node.id not in mapping:
            operands = [mapping[o] for o in graph.operands(node.id)]
            of = mapping.get(node.of, -1)
            mapping[node.id] = target.add(
                node.op, operands, node.type, node.attrs, node.name, node.scope, node.stage, of, node.span
            )
    return mapping


def select(graph: Graph, wanted: Callable[[Result], bool]) -> Graph:
    """The part of a graph that the wanted results need, with all its params and states."""
    results = {r: id for r, id in graph.results.items() if wanted(r)}
    kept = ancestors(graph, results.values()) | {n.id for n in graph if n.op in ("param", "state")}
    part = Graph()
    mapping = append(part, graph, kept)
    part.results = {r: mapping[id] for r, id in results.items()}
    return part


def compose(data: Graph, graph: Graph) -> Graph:
    """A network fed from columns: each input is replaced by what the data graph makes of them.

    Columns that no input of the network needs are left out; states stay.
    """
    whole = Graph()
    needed = {n.name for n in graph if n.op == "input"}
    used = [id for r, id in data.results.items() if r.kind == "input" and r.name in needed]
    mapping = append(whole, data, ancestors(data, used) | {n.id for n in data if n.op == "state"})
    inputs = {r.name: mapping[id] for r, id in data.results.items() if r.name in needed}
    known = {n.id: inputs[n.name] for n in graph if n.op == "input" and n.name in inputs}
    mapping = append(whole, graph, {n.id for n in graph}, known)
    whole.results = {r: mapping[id] for r, id in graph.results.items()}
    return whole
