"""What makes a graph legal, as a check to run after every construction and every pass."""

from __future__ import annotations

from collections import Counter

from .diagnostics import InternalError
from .ir import Extent, Graph, Node, Result
from .ops.op import REGISTRY, ShapeError

LEAVES = ("input", "column", "param", "state")


def verify(graph: Graph, where: str) -> None:
    """Return if the graph is legal, in linear time.

    Every operation is known; its operands stand before it, at positions 0, 1, 2, …, so that there is no
    cycle; its type is what its shape rule gives; its attributes are values in order of their names; leaves
    have names of their own; `of` and the results point at nodes. The loss is a float scalar; the update of a
    parameter or state and the gradient of a parameter have the type of that leaf.
    Raises InternalError, which names `where`, the stage or pass that made the graph.
    """
    try:
        before: set[int] = set()
        for id in graph.nx:
            node = graph[id]
            _check_node(graph, node, before)
            before.add(id)
        _check_leaf_names(graph)
        changing = graph.leaves("state") | graph.leaves("param")
        for result, id in graph.results.items():
            _check_result(graph, result, id, changing)
    except _Illegal as illegal:
        raise InternalError(f"illegal graph after {where}: {illegal}") from illegal.__cause__


class _Illegal(Exception):
    pass


def _check_node(graph: Graph, node: Node, before: set[int]) -> None:
    about = f"%{node.id} = {node.op}"
    rule = REGISTRY.get(node.op)
    if rule is None:
        raise _Illegal(f"{about}: there is no such operation")
    uses = graph.uses(node.id)
    operands = [operand for _, operand in uses]
    if [position for position, _ in uses] != list(range(len(uses))):
        raise _Illegal(f"{about}: operands at positions {[position for position, _ in uses]}")
    for operand in operands:
        if operand not in before:
            raise _Illegal(f"{about}: its operand %{operand} does not stand before it")
    if node.of != -1 and node.of not in graph.nx:
        raise _Illegal(f"{about}: it is the gradient of %{node.of}, which is missing")
    _check_attributes(node, about)
    if node.op in LEAVES or node.op == "constant":
        if operands:
            raise _Illegal(f"{about}: a leaf with operands")
        if node.op == "constant" and node.type.shape:
            raise _Illegal(f"{about}: a constant of type {node.type}, not a scalar")
        return
    types = [graph[operand].type for operand in operands]
    try:
        expected = rule.infer(*types, **dict(node.attrs))
    except (ShapeError, TypeError) as error:
        shown = ", ".join(map(str, types))
        raise _Illegal(f"{about}: the shape rule refuses ({shown}) {dict(node.attrs)}: {error}") from error
    if expected != node.type:
        raise _Illegal(f"{about}: its type is {node.type}, the shape rule gives {expected}")


def _check_attributes(node: Node, about: str) -> None:
    last = ""
    for name, value in node.attrs:
        if name <= last:
            raise _Illegal(f"{about}: attributes out of order at {name}")
        if not _is_attribute(value):
            raise _Illegal(f"{about}: attribute {name} may not be {value!r}")
        last = name


def _is_attribute(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_attribute, value))
    return value is None or type(value) in (int, float, bool, str, Extent)


def _check_leaf_names(graph: Graph) -> None:
    names = Counter((node.op, node.name) for node in graph if node.op in LEAVES)
    for (op, name), count in names.items():
        if not name:
            raise _Illegal(f"a {op} without a name")
        if count > 1:
            raise _Illegal(f"{count} nodes are the {op} {name}")


def _check_result(graph: Graph, result: Result, id: int, changing: dict[str, Node]) -> None:
    about = f"{result.kind} {result.name}".strip()
    if id not in graph.nx:
        raise _Illegal(f"{about} is %{id}, which is missing")
    type = graph[id].type
    if result.kind == "loss" and not (type.is_float and not type.shape):
        raise _Illegal(f"{about} is {type}, not a float scalar")
    if result.kind in ("update", "gradient"):
        leaf = changing.get(result.name)
        if leaf is None:
            raise _Illegal(f"{about}: there is no such parameter or state")
        if leaf.type != type:
            raise _Illegal(f"{about} is {type}, the {leaf.op} is {leaf.type}")
