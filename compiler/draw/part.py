"""One layer of a network as a graph of its own, for a closer look."""

from __future__ import annotations

from difflib import get_close_matches

from ..extract import ancestors
from ..ir import Graph, Result
from .fold import LEAVES, Path


def part(graph: Graph, name: str) -> tuple[Graph, Path]:
    """The nodes of the layer call of this full name (`h.block1`), what it reads as inputs, and its path.

    Raises KeyError, whose argument lists near names.
    """
    paths = {tuple(s.instance for s in n.scope[: i + 1]) for n in graph for i in range(len(n.scope))}
    known = {".".join(p): p for p in paths}
    if name not in known:
        raise KeyError(name, get_close_matches(name, known, 3) or sorted(known)[:8])
    path = known[name]
    inside = {n.id for n in graph if tuple(s.instance for s in n.scope[: len(path)]) == path}
    wanted = ancestors(graph, inside)
    taken = Graph()
    copies: dict[int, int] = {}
    for node in graph:
        if node.id not in wanted:
            continue
        operands = graph.operands(node.id)
        plain = (
            node.id in inside
            or node.op == "param"
            or (node.op not in LEAVES and not _depends(graph, node.id))
        )
        if plain and all(o in copies for o in operands):
            mapped = [copies[o] for o in operands]
            copies[node.id] = taken.add(
                node.op, mapped, node.type, node.attrs, node.name, node.scope, "forward", -1, node.span
            )
        elif any(u in inside for u in graph.users(node.id)):
            title = node.name or f"x{sum(n.op == 'input' for n in taken) + 1}"
            copies[node.id] = taken.add("input", (), node.type, (("classes", 0),), title)
    outside = [
        id
        for id in sorted(inside)
        if any(u not in inside for u in graph.users(id)) and graph[id].op not in LEAVES
    ]
    for id in outside:
        taken.results[Result("value", graph[id].name or f"result {id}")] = copies[id]
    return taken, path


def _depends(graph: Graph, id: int) -> bool:
    return any(graph[a].op in LEAVES for a in ancestors(graph, [id]))
