"""A network at a glance: its layers with their shapes, parameters and arithmetic, and what a step needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from math import prod

from .cost import multiply_adds
from .ir import Dim, Graph, Node, TensorType
from .pipeline import Compiled
from .plan import plan
from .storage import bytes_of

HIDDEN = ("reshape", "transpose", "broadcast", "cast", "slice", "constant", "size")  # no row of their own
LEAVES = ("input", "column", "param", "state", "constant", "size", "counter")


@dataclass(frozen=True, slots=True)
class Row:
    """A layer, or the operations between two layers.

    name: the layer's or tensor's, or ''. what: the layer, or the operations. count: how many such layers
    stand in a row; then the name is that of the first.
    parameters and multiply_adds (for one sample) are those of all of them.
    """

    name: str
    what: str
    shape: tuple[Dim, ...]
    parameters: int
    multiply_adds: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """parameters: numbers that are trained; multiply_adds: of one sample, forward.

    batch: samples of a step. step_bytes: the values of a training step; kept_bytes: parameters and states.
    """

    rows: tuple[Row, ...]
    parameters: int
    multiply_adds: int
    batch: int
    step_bytes: int
    kept_bytes: int


def summarise(compiled: Compiled) -> Summary:
    """Look at the evaluated network, and plan a training step, or without a loss an evaluation."""
    network = compiled.network
    rows = _merged(_rows(compiled.raw("predict")))
    trains = network.train is not None
    known = bool(network.training_data.results)
    batch = network.train.batch if network.train else 1
    purpose = ("train" if known else "step") if trains else "predict"
    variables = network.variables.values()
    return Summary(
        rows,
        sum(_count(v.type) for v in variables if v.kind == "param"),
        sum(row.multiply_adds for row in rows),
        batch,
        plan(compiled.graph(purpose), batch).arena_bytes,
        sum(bytes_of(v.type, 1) for v in variables),
    )


def _rows(graph: Graph) -> list[Row]:
    """The operations in their order, cut where a layer or a named tensor ends."""
    owned: set[int] = set()
    rows: list[Row] = []
    nodes = [node for node in graph if node.op not in LEAVES]
    names = {id: result.name for result, id in graph.results.items()}
    for scoped, run in groupby(nodes, lambda node: node.scope[:1]):
        part: list[Node] = []
        for node in run:
            part.append(node)
            if not scoped and (node.name or node.id in names):
                rows += _row(graph, part, names, owned)
                part = []
        rows += _row(graph, part, names, owned)
    return rows


def _row(graph: Graph, nodes: list[Node], names: Mapping[int, str], owned: set[int]) -> list[Row]:
    shown = [node.op for node in nodes if node.op not in HIDDEN]
    if not nodes or not (shown or nodes[-1].name):
        return []
    used = [graph[o] for node in nodes for o in graph.operands(node.id)]
    own = {p.id: p for p in used if p.op == "param" and p.id not in owned}
    owned.update(own)
    scope = nodes[-1].scope[:1]
    cost = sum(multiply_adds(graph, node.id) for node in nodes)
    return [
        Row(
            _name(nodes[-1], own.values(), names),
            scope[0].layer if scope else ", ".join(dict.fromkeys(shown)) or nodes[-1].op,
            nodes[-1].type.shape,
            sum(_count(p.type) for p in own.values()),
            cost,
        )
    ]


def _name(last: Node, parameters: Iterable[Node], names: Mapping[int, str]) -> str:
    """What a layer is called in its parameters' names; else the name of what it gives."""
    if not last.scope:
        return last.name or names.get(last.id, "")
    instance = last.scope[0].instance
    for parameter in parameters:
        words = parameter.name.split(".")
        if instance in words:
            return ".".join(words[: words.index(instance) + 1])
    return instance


def _merged(rows: list[Row]) -> tuple[Row, ...]:
    """Neighbours that are alike become one row: three blocks, not a block, a block and a block."""
    merged: list[Row] = []
    for row in rows:
        before = merged[-1] if merged else None
        if before and row.parameters and (before.what, before.shape) == (row.what, row.shape):
            each = (before.parameters // before.count, before.multiply_adds // before.count)
            if each == (row.parameters, row.multiply_adds):
                sums = (before.parameters + row.parameters, before.multiply_adds + row.multiply_adds)
                merged[-1] = replace(
                    before, count=before.count + 1, parameters=sums[0], multiply_adds=sums[1]
                )
                continue
        merged.append(row)
    return tuple(merged)


def _count(type: TensorType) -> int:
    return prod(d for d in type.shape if isinstance(d, int))
