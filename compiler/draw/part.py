"""One layer of a network as a graph of its own, for a closer look."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from ..extract import ancestors
from ..ir import Graph, Result
from .places import Path

LEAVES = frozenset({"input", "param", "state"})


@dataclass(frozen=True, slots=True)
class Part:
    """graph: what is inside, with what it reads as inputs. given: those of them whose gradient is wanted.

    sources: for each node, that of the whole graph which it stands for.
    """

    graph: Graph
    path: Path
    given: frozenset[int]
    sources: dict[int, int]


def whole(graph: Graph) -> Part:
    """All of it."""
    return Part(graph, (), frozenset(), {node.id: node.id for node in graph})


def part(graph: Graph, name: str) -> Part:
    """The layer call of this full name (`h.block1`).

    Raises KeyError, whose argument lists near names.
    """
    paths = {tuple(s.instance for s in n.scope[: i + 1]) for n in graph for i in range(len(n.scope))}
    known = {".".join(p): p for p in paths}
    if name not in known:
        raise KeyError(name, get_close_matches(name, known, 3) or sorted(known)[:8])
    path = known[name]
    inside = {n.id for n in graph if tuple(s.instance for s in n.scope[: len(path)]) == path}
    wanted = ancestors(graph, inside)
    trained = {n.id for n in graph if n.op == "param"}
    for node in graph:
        if node.type.is_float and any(o in trained for o in graph.operands(node.id)):
            trained.add(node.id)
    taken = Graph()
    copies: dict[int, int] = {}
    given: set[int] = set()
    for node in graph:
        if node.id not in wanted:
            continue
        operands = graph.operands(node.id)
        reads = any(u in inside for u in graph.users(node.id))
        constant = node.op not in LEAVES and not any(
            graph[a].op in LEAVES for a in ancestors(graph, [node.id])
        )
        if node.id in inside or constant or (node.op == "param" and reads):
            mapped = [copies[o] for o in operands]
            copies[node.id] = taken.add(
                node.op, mapped, node.type, node.attrs, node.name, node.scope, "forward", -1, node.span
            )
        elif reads:
            title = node.name or f"x{len(taken.leaves('input')) + 1}"
            copies[node.id] = taken.add("input", (), node.type, (("classes", 0),), title)
            if node.id in trained:
                given.add(copies[node.id])
    outside = [
        id
        for id in sorted(inside)
        if any(u not in inside for u in graph.users(id)) and graph[id].op not in LEAVES
    ]
    for id in outside:
        taken.results[Result("value", graph[id].name or f"result {id}")] = copies[id]
    return Part(taken, path, frozenset(given), {copy: id for id, copy in copies.items()})
