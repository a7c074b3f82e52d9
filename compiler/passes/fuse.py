"""Elementwise operations that one loop can compute."""

from __future__ import annotations

from dataclasses import replace

from ..ir import Dim, Graph, Node
from ..ops.op import REGISTRY

_ENDS = ("sum", "max", "min", "prod", "any", "all")  # reductions that a loop may end in


def fuse(graph: Graph) -> Graph:
    """The graph with `group` set on every operation that shares a loop with others, groups numbered in order.

    A group has one last operation, elementwise or a reduction; the others are elementwise operations over the
    same shape that nothing outside the group reads (but each may be a result too). So a path that leaves a
    group leaves from its last operation and cannot come back: groups are convex, and each is computed where
    its last operation stands. A group is as large as these conditions allow.
    """
    group: dict[int, int] = {}  # by node, named after the group's last operation
    for node in reversed(list(graph)):
        shape = _loop(graph, node)
        if shape is None:
            continue
        readers = {group.get(user, -1) for user in graph.users(node.id)}
        (last,) = readers if len(readers) == 1 else (-1,)
        joins = last != -1 and node.op not in _ENDS and shape == _loop(graph, graph[last])
        group[node.id] = last if joins else node.id
    return _with_groups(graph, group)


def _loop(graph: Graph, node: Node) -> tuple[Dim, ...] | None:
    """The shape that the operation's loop runs over, None where it is not a loop over single elements."""
    if node.op in _ENDS:
        return graph[graph.operands(node.id)[0]].type.shape
    return node.type.shape if REGISTRY[node.op].kind == "elementwise" else None


def _with_groups(graph: Graph, group: dict[int, int]) -> Graph:
    fused = graph.copy()
    members: dict[int, list[int]] = {}
    for id in sorted(group):
        members.setdefault(group[id], []).append(id)
    several = [ids for ids in members.values() if len(ids) > 1]
    for number, ids in enumerate(several):
        for id in ids:
            fused.replace(replace(graph[id], group=number))
    return fused
