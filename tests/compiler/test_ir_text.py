"""Graphs survive being written and read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netc.compiler.diagnostics import SpecError
from netc.compiler.ir import Attr, DType, Extent, Graph, N, Result, ResultKind, Scope, Stage, TensorType
from netc.compiler.ir_text import read, same, show

TEXT = """\
%0 x : float32[N, 3] = input()
%1 h.W : float32[3, 16] = param() {initial=("glorot",)} in h:dense
%2 h : float32[N, 16] = matmul(%0, %1) in h:dense
%3 : float32[] = sum(%2) {axis=(0, 1), keep=false}
%4 "∂h W" : float32[N, 16] = broadcast(%3) {shape=(N, 16)} in m:mlp/block2:block#2 backward of %2 group 3
%5 : float32[2*N*N-3*N+1] = range() {dtype="float32", size=2*N*N-3*N+1} update
loss = %3
metric "a = b" = %3
update h.W = %1
"""


def test_reads_and_shows() -> None:
    graph = read(TEXT)
    assert show(graph) == TEXT
    node = graph[4]
    assert node.name == "∂h W"
    assert node.scope == (Scope("m", "mlp"), Scope("block2", "block", 2))
    assert (node.stage, node.of, node.group, node.attr("shape")) == ("backward", 2, 3, (N, 16))
    assert graph.operands(2) == (0, 1)
    assert graph[5].type.shape == (Extent((1, -3, 2)),)
    assert graph.results == {Result("loss", ""): 3, Result("metric", "a = b"): 3, Result("update", "h.W"): 1}


def test_numbers_need_not_be_in_order() -> None:
    graph = read("# a comment\n%70 : float32[] = input()\n\n%5 : float32[] = add(%70, %70)\nloss = %5\n")
    assert show(graph) == "%0 : float32[] = input()\n%1 : float32[] = add(%0, %0)\nloss = %1\n"


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("%1 : float32[] = neg(%7)", "%7 is not given before this line"),
        ("%0 : float32[] = neg(%0)", "%0 is given twice"),
        ("%1 : float16[] = neg(%0)", "there is no type float16"),
        ("%1 : float32[M] = neg(%0)", "M is not a value"),
        ("%1 : float32[0.5] = neg(%0)", "[0.5] is not a shape"),
        ("%1 : float32[] = neg(%0) {axis=f()}", "f() is not a value"),
        ("%1 : float32[] = neg(%0) {1}", "{1} is not a list of attributes"),
        ("%1 float32[] = neg(%0)", "this is neither a node nor a result"),
        ("loose = %0", "this is neither a node nor a result"),
        ("loss = %3", "%3 is not given before this line"),
    ],
)
def test_says_what_it_cannot_read(line: str, title: str) -> None:
    with pytest.raises(SpecError) as error:
        read(f"%0 : float32[] = input()\n{line}\n", "a.graph")
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.title == title
    assert diagnostic.span is not None
    assert diagnostic.span.text == line


extents = st.lists(st.integers(-9, 9), min_size=1, max_size=3).map(Extent.of)
dims = st.integers(0, 99) | extents
names = st.sampled_from(["", "x", "θ_1", "h.dense1.W"]) | st.text(max_size=8)
values: st.SearchStrategy[Attr] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | extents | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)
attributes = st.dictionaries(st.sampled_from(["axis", "keep", "shape", "value"]), values)
scopes = st.lists(st.builds(Scope, names.filter(bool), names.filter(bool), st.integers(0, 3)), max_size=2)
types = st.builds(TensorType, st.sampled_from(get_args(DType)), st.lists(dims, max_size=3).map(tuple))


@st.composite
def graphs(draw: Any) -> Graph:
    graph = Graph()
    for id in range(draw(st.integers(1, 5))):
        graph.add(
            draw(st.sampled_from(["input", "add", "sum", "log_softmax"])),
            draw(st.lists(st.integers(0, id - 1), max_size=3)) if id else (),
            draw(types),
            tuple(sorted(draw(attributes).items())),
            draw(names),
            tuple(draw(scopes)),
            draw(st.sampled_from(get_args(Stage))),
            draw(st.integers(-1, id - 1)),
            group=draw(st.integers(-1, 2)),
        )
    for _ in range(draw(st.integers(0, 3))):
        result = Result(draw(st.sampled_from(get_args(ResultKind))), draw(names))
        graph.results[result] = draw(st.integers(0, len(graph) - 1))
    return graph


@given(graphs())
def test_any_graph_survives(graph: Graph) -> None:
    assert same(read(show(graph)), graph)


def test_same_sees_every_difference() -> None:
    graph = read(TEXT)
    assert same(graph, graph.copy())
    for id, change in (
        (0, {"name": "y"}),
        (2, {"op": "add"}),
        (3, {"attrs": (("axis", (0, 1)), ("keep", 0))}),
        (4, {"scope": ()}),
        (4, {"stage": "update"}),
        (4, {"of": 1}),
        (4, {"group": 0}),
        (5, {"type": TensorType("float32", (N,))}),
    ):
        other = graph.copy()
        other.replace(replace(graph[id], **change))
        assert not same(graph, other), change
    other = graph.copy()
    other.results[Result("loss", "")] = 0
    assert not same(graph, other)
    longer = graph.copy()
    longer.add("neg", (0,), graph[0].type)
    assert not same(graph, longer)
    assert not same(longer, graph)
    swapped = graph.copy()
    swapped.nx.remove_edge(0, 2, key=0)
    swapped.nx.remove_edge(1, 2, key=1)
    swapped.nx.add_edge(1, 2, key=0)
    swapped.nx.add_edge(0, 2, key=1)
    assert not same(graph, swapped)
