"""Runs primitives by their NumPy texts, each on fresh arrays; pulls gradients back by their rules alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netc.compiler.build import Builder, Value
from netc.compiler.emit.kernels import KERNELS
from netc.compiler.ir import DType, Graph, Node, TensorType
from netc.compiler.ops import REGISTRY, Op
from netc.compiler.ops.op import Draw, Sample

Array = np.ndarray[Any, Any]


def drawn(draw: Draw, rng: np.random.Generator, precision: DType = "float64") -> Array:
    """A sample operand; float64 stands for the precision."""
    if draw.dtype in ("float32", "float64"):
        dtype = precision if draw.dtype == "float64" else draw.dtype
        return np.asarray(rng.uniform(draw.low, draw.high, draw.shape)).astype(dtype)
    return np.asarray(rng.integers(int(draw.low), int(draw.high), draw.shape)).astype(draw.dtype)


def type_of(x: Array) -> TensorType:
    dtype: Any = x.dtype.name
    return TensorType(dtype, x.shape)


def run(op: Op, operands: Sequence[Array], attrs: Mapping[str, Any], out: Array | None = None) -> Array:
    """The operation's result, as an array of the type that its shape rule gives unless `out` is given.

    Results and scratch memory start as garbage.
    """
    types = [type_of(x) for x in operands]
    names = [f"x{i}" for i in range(len(operands))]
    text = op.numpy.format(*names, operands=", ".join(names), out="out", work="work", **attrs)
    scope: dict[str, Any] = {
        **KERNELS,
        "np": np,
        "seed": 7,
        "step": 3,
        "steps": 10,
        "epoch": 2,
        **dict(zip(names, operands, strict=True)),
    }
    if op.view:
        return np.asarray(eval(text, scope))
    result = op.infer(*types, **attrs)
    if out is None:
        out = np.full(result.shape, np.nan if result.is_float else 1, result.dtype)
    size = op.workspace(*types, **attrs) if op.workspace else 0
    rows = np.arange(len(out)) if out.ndim else None
    exec(text, scope | {"out": out, "rows": rows, "work": np.full(size, 0xA5, np.uint8)})
    return out


def evaluate(graph: Graph, wanted: Sequence[Value], inputs: Mapping[int, Array]) -> list[Array]:
    """The values of nodes, where those of the input nodes are given."""
    known: dict[int, Array] = dict(inputs)

    def value(node: Node) -> Array:
        if node.op == "constant":
            number: Any = node.attr("value")
            return np.asarray(number, node.type.dtype)
        return run(REGISTRY[node.op], [known[o] for o in graph.operands(node.id)], node.arguments)

    for node in graph:
        if node.id not in known:
            known[node.id] = value(node)
            assert type_of(known[node.id]) == node.type, node
    return [known[v.id] for v in wanted]


def pullback(builder: Builder, y: Value, g: Value, targets: Sequence[Value]) -> list[Value | None]:
    """The gradient of Σ y · g with respect to the targets, g held fixed."""
    graph = builder.graph
    totals = {y.id: g}
    for id in range(y.id, -1, -1):
        node = graph[id]
        rule = REGISTRY[node.op]
        if id not in totals or rule.vjp is None:
            continue
        operands = [builder.value(o) for o in graph.operands(id)]
        shares = rule.vjp(totals[id], builder.value(id), *operands, **node.arguments)
        assert len(shares) == len(operands), node
        for x, share in zip(operands, shares, strict=True):
            if share is not None and x.type.is_float:
                share = share.sum_to(x.shape).broadcast(x.shape) if rule.kind == "elementwise" else share
                assert share.type == x.type, (node, share.type, x.type)
                totals[x.id] = totals[x.id] + share if x.id in totals else share
    return [totals.get(t.id) for t in targets]


def inputs_for(builder: Builder, arrays: Sequence[Array]) -> list[Value]:
    return [builder.add("input", (), type_of(x), name=f"x{i}") for i, x in enumerate(arrays)]


def samples(kinds: Sequence[str] = ()) -> list[tuple[str, Sample]]:
    """(operation, sample) for every sample, or for those of some kinds of operation."""
    return [(op.name, s) for op in REGISTRY.values() for s in op.samples if not kinds or op.kind in kinds]
