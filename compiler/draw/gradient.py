"""What a unit does to gradients: the unit alone, differentiated by the compiler's own rules and simplified.

The network's backward graph holds the same, but shared between units and summed where a tensor has several
readers; alone, a unit gives the one term that a reader of its box expects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..build import Builder, Value
from ..differentiate import differentiate
from ..ir import Graph, Node, Result
from ..passes import optimise
from .formula import TRANSPARENT


@dataclass(frozen=True, slots=True)
class Alone:
    """A unit as a graph of its own.

    gradients: for each wanted operand the node of its gradient; names: of the leaves and outputs.
    """

    graph: Graph
    gradients: dict[int, int]
    names: dict[int, str]


def alone(
    graph: Graph,
    inside: set[int],
    operands: Mapping[int, str],
    wanted: Sequence[int],
    outputs: Mapping[int, str],
    is_loss: bool,
) -> Alone:
    """The gradients of a unit's operands, given those of its outputs.

    inside: the nodes to copy. operands, outputs: their names in the picture, by node. wanted: the operands
    whose gradients are asked for. The gradient of an output z comes in as ∂z; that of the loss is 1.
    """
    part = Graph()
    builder = Builder(part)
    copied: dict[int, Value] = {}
    leaves: dict[str, str] = {}

    def leaf(node: Node, name: str) -> Value:
        # Names of leaves are unique in a graph; in a picture two may look alike.
        key = f"leaf {len(leaves)}"
        leaves[key] = name
        return Value(builder, part.add("input", (), node.type, (("classes", 0),), key))

    for id in sorted({*inside, *operands}):
        node = graph[id]
        if id in operands:
            copied[id] = leaf(node, operands[id])
        else:
            values = [copied[o] for o in graph.operands(id)]
            with builder.within(scope=node.scope, span=node.span):
                copied[id] = builder.add(node.op, values, node.type, node.attrs, node.name)
    scalar: Value | None = None
    for id, name in outputs.items():
        value = copied[id]
        if not value.type.is_float:
            continue
        if not is_loss:
            value = (value * leaf(graph[id], f"∂{name}")).sum(range(len(value.shape)))
        scalar = value if scalar is None else scalar + value
    if scalar is None:
        return Alone(part, {}, {})
    found = differentiate(builder, scalar.id, [copied[w].id for w in wanted])
    for w, value in zip(wanted, found, strict=True):
        if value is not None:
            part.results[Result("value", f"gradient {w}")] = value.id
    for id in outputs:
        part.results[Result("value", f"output {id}")] = copied[id].id
    done = optimise(part)
    values = done.of_kind("value")
    names = {n.id: leaves[n.name] for n in done if n.op == "input"}
    for id, name in outputs.items() if not is_loss else ():
        output = values[f"output {id}"]
        names[output] = name
        while done[output].op in TRANSPARENT:
            output = done.operands(output)[0]
            names.setdefault(output, name)
    return Alone(done, {w: values[f"gradient {w}"] for w in wanted if f"gradient {w}" in values}, names)
