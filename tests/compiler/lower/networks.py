"""Lowers texts, and runs what they give by the primitives' own NumPy texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from netc.compiler.diagnostics import Diagnostic, Source, SpecError
from netc.compiler.extract import ancestors
from netc.compiler.ir import Attr, Extent, Graph, Result, TensorType, size_at
from netc.compiler.lower import Lowering
from netc.compiler.network import ColumnType, Network
from netc.compiler.parse import parse_expression
from netc.compiler.verify import verify

from ..ops.interpreter import Array, evaluate

Columns = Mapping[str, ColumnType]


def lower(
    text: str,
    columns: Columns | None = None,
    dims: Mapping[str, str] | None = None,
    train: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    precision: Any = None,
) -> Network:
    """The network of a text, every graph of it verified. files: what can be included, by path."""

    def read(path: str) -> Source:
        if path not in (files or {}):
            raise FileNotFoundError(2, "No such file or directory", path)
        return Source(path, (files or {})[path])

    def parsed(texts: Mapping[str, str] | None) -> dict[str, Any]:
        return {k: parse_expression(Source(f"{k}={v}", v)) for k, v in (texts or {}).items()}

    lowering = Lowering(Source("test.net", text), parsed(dims), parsed(train), read, precision)
    network = lowering.network(columns)
    for graph in (network.training, network.evaluating, network.training_data, network.evaluating_data):
        verify(graph, "lowering")
    return network


def mistakes(text: str, **how: Any) -> tuple[Diagnostic, ...]:
    """The errors of a text that is wrong."""
    with pytest.raises(SpecError) as caught:
        lower(text, **how)
    assert all(d.severity == "error" for d in caught.value.diagnostics)
    return caught.value.diagnostics


def mistake(text: str, **how: Any) -> Diagnostic:
    """The one error of a text that is wrong in one place."""
    found = mistakes(text, **how)
    assert len(found) == 1, [d.title for d in found]
    return found[0]


def values(
    graph: Graph, wanted: Mapping[str, Result], arrays: Mapping[str, Array], n: int = 5
) -> dict[str, Array]:
    """Results, where inputs, parameters and states have these values and the batch has n samples."""
    kept = ancestors(graph, [graph.results[r] for r in wanted.values()])
    sized, ids = Graph(), dict[int, int]()
    for node in graph:
        if node.id in kept:
            attrs = tuple((k, _sized(v, n)) for k, v in node.attrs)
            shape = tuple(size_at(d, n) for d in node.type.shape)
            operands = [ids[o] for o in graph.operands(node.id)]
            op = node.op
            if op in ("size", "counter"):
                number: Any = dict(attrs)["dim"] if op == "size" else arrays[str(node.attr("which"))]
                op, attrs = "constant", (("value", float(number)),)
            ids[node.id] = sized.add(op, operands, TensorType(node.type.dtype, shape), attrs, node.name)
    fed = {i.id: _fit(arrays, i.name, i.type) for i in sized if i.op in ("input", "param", "state", "column")}
    found = evaluate(sized, [_Id(ids[graph.results[r]]) for r in wanted.values()], fed)  # type: ignore[list-item]
    return dict(zip(wanted, found, strict=True))


class _Id:
    def __init__(self, id: int) -> None:
        self.id = id


def _sized(attr: Attr, n: int) -> Attr:
    if isinstance(attr, tuple):
        return tuple(_sized(a, n) for a in attr)
    return attr.at(n) if isinstance(attr, Extent) else attr


def _fit(arrays: Mapping[str, Array], name: str, type: TensorType) -> Array:
    dtype: Any = type.dtype
    array = np.asarray(arrays[name], dtype)
    assert array.shape == type.shape, (name, array.shape, type)
    return array


def bound(text: str, *names: str, n: int = 5, training: bool = False, **arrays: Any) -> Any:
    """The values of bindings of a text, computed in float64."""
    network = lower(text, precision="float64")
    graph = network.training if training else network.evaluating
    found = values(graph, {name: Result("value", name) for name in names}, arrays, n)
    return found[names[0]] if len(names) == 1 else [found[name] for name in names]


def shapes(text: str, **how: Any) -> dict[str, str]:
    """The shapes of parameters and states by name."""
    return {name: str(v.type)[len(v.type.dtype) :] for name, v in lower(text, **how).variables.items()}
