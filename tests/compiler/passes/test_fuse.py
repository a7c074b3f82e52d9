"""Groups of elementwise operations: which ones, and that each can be computed at one place."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import pytest
from hypothesis import given, settings

from netc.compiler.build import Value
from netc.compiler.ir import Graph, Node, Result
from netc.compiler.ops.op import REGISTRY
from netc.compiler.passes import PIPELINE, fuse

from .graphs import Make, graphs, made


def groups(graph: Graph) -> list[list[str]]:
    """The operations of each group, in order."""
    found: dict[int, list[str]] = {}
    for node in graph:
        if node.group != -1:
            found.setdefault(node.group, []).append(node.op)
    assert list(found) == list(range(len(found)))
    return list(found.values())


def shared(x: Value) -> Value:
    z = (x + 1).op("tanh")
    return z.op("square").sum((0,)) + z.T.op("exp").sum((1,))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x, u: (x * 2 + u).op("tanh"), [["mul", "add", "tanh"]]),
        (lambda x: x.op("tanh").op("square") + x, [["tanh", "square", "add"]]),
        (lambda x: x.op("tanh"), []),
        (lambda x: (x.op("tanh") * x).sum((1,)), [["tanh", "mul", "sum"]]),
        (lambda x: x.op("tanh").sum((1,)).op("exp") * 2, [["tanh", "sum"], ["exp", "mul"]]),
        (lambda x, w: (x.op("tanh") * 2) @ w, [["tanh", "mul"]]),
        # another shape is another loop
        (lambda x, u: x * u.op("tanh").op("exp"), [["tanh", "exp"]]),
        # what is read elsewhere too ends its own group
        (shared, [["add", "tanh"], ["square", "sum"], ["exp", "sum"]]),
        # both branches in one, and the last one decides
        (lambda x: (x.op("exp") + 1) / (x.op("exp") - 1), [["exp", "add", "exp", "sub", "div"]]),
    ],
)
def test_groups(make: Make, expected: list[list[str]]) -> None:
    assert groups(fuse(made(make))) == expected


def test_a_result_may_stand_inside() -> None:
    graph = made(lambda x: x.op("tanh").op("exp"))
    graph.results[Result("output", "tanh")] = 1
    assert groups(fuse(graph)) == [["tanh", "exp"]]


def test_the_operand_is_left_as_it_is() -> None:
    graph = made(lambda x: x.op("tanh").op("exp"))
    fuse(graph)
    assert groups(graph) == []


@settings(max_examples=150, deadline=None)
@given(graphs(gradients=True))
def test_groups_are_legal_and_as_large_as_can_be(graph: Graph) -> None:
    for transform in PIPELINE:
        graph = transform(graph)
    members: dict[int, list[Node]] = {}
    for node in graph:
        if node.group != -1:
            members.setdefault(node.group, []).append(node)
    for nodes in members.values():
        ids = {node.id for node in nodes}
        *inner, last = nodes
        loop = last.type.shape
        if REGISTRY[last.op].kind == "reduction":
            loop = graph[graph.operands(last.id)[0]].type.shape
        for node in inner:
            assert REGISTRY[node.op].kind == "elementwise"
            assert node.type.shape == loop
            assert ids.issuperset(graph.users(node.id))
    # convex: with each group as one node there is no cycle
    assert nx.is_directed_acyclic_graph(contracted(graph))
    # as large as can be: whatever is read by a single group over the same shape is in it
    sizes = Counter(node.group for node in graph)
    assert all(size > 1 for group, size in sizes.items() if group != -1)
    for node in graph:
        readers = {graph[user].group for user in graph.users(node.id)}
        if REGISTRY[node.op].kind == "elementwise" and len(readers) == 1 and -1 not in readers:
            (reader,) = readers
            assert node.group == reader or members[reader][0].type.shape != node.type.shape


def contracted(graph: Graph) -> nx.DiGraph:
    def place(id: int) -> object:
        group = graph[id].group
        return id if group == -1 else f"group {group}"

    quotient: nx.DiGraph = nx.DiGraph()
    for node in graph:
        for operand in graph.operands(node.id):
            if place(operand) != place(node.id):
                quotient.add_edge(place(operand), place(node.id))
    return quotient
