"""Each way in which a graph can be illegal is told, with the name of the pass."""

from __future__ import annotations

from time import process_time

import pytest

from netc.compiler.build import Builder
from netc.compiler.diagnostics import InternalError
from netc.compiler.ir import Attrs, Graph, N, Result, TensorType
from netc.compiler.verify import verify

VECTOR = TensorType("float32", (N, 3))
SCALAR = TensorType("float32", ())


def legal() -> Graph:
    graph = Graph()
    builder = Builder(graph)
    x = builder.add("input", (), VECTOR, name="x")
    w = builder.add("param", (), TensorType("float32", (3,)), (("initial", ("zeros",)),), "w")
    total = (x * w + w).sum((0, 1))
    graph.results[Result("loss", "")] = total.id
    graph.results[Result("update", "w")] = (w - 0.1 * w).id
    graph.results[Result("metric", "mean")] = (total / builder.size(N)).id
    return graph


def test_a_legal_graph_passes() -> None:
    verify(legal(), "lower")


def says(graph: Graph, text: str) -> None:
    with pytest.raises(InternalError, match=text) as error:
        verify(graph, "the cse pass")
    assert "the cse pass" in str(error.value)


def test_unknown_operation() -> None:
    graph = legal()
    graph.add("tahn", (0,), VECTOR)
    says(graph, "no such operation")


def test_operand_positions() -> None:
    graph = legal()
    graph.nx.add_edge(0, graph.results[Result("loss", "")], key=2)
    says(graph, r"positions \[0, 2\]")


@pytest.mark.parametrize("operand", [3, 4, 99], ids=["itself", "later", "missing"])
def test_operands_stand_before(operand: int) -> None:
    graph = Graph()
    graph.add("input", (), VECTOR, name="x")
    graph.add("neg", (0,), VECTOR)
    graph.add("neg", (0,), VECTOR)
    graph.add("tanh", (), VECTOR)
    graph.add("neg", (2,), VECTOR)
    graph.nx.add_edge(operand, 3, key=0)
    says(graph, f"%{operand} does not stand before it")


def test_type_is_what_the_shape_rule_gives() -> None:
    graph = legal()
    graph.add("tanh", (0,), SCALAR)
    says(graph, r"its type is float32\[\], the shape rule gives float32\[N, 3\]")


def test_shape_rule_refuses() -> None:
    graph = legal()
    other = graph.add("input", (), TensorType("float32", (4,)), name="y")
    graph.add("add", (0, other), VECTOR)
    says(graph, r"the shape rule refuses \(float32\[N, 3\], float32\[4\]\)")


def test_attributes_that_the_rule_does_not_know() -> None:
    graph = legal()
    graph.add("sum", (0,), SCALAR, (("axes", (0, 1)),))
    says(graph, "the shape rule refuses")


@pytest.mark.parametrize("attrs", [(("axis", [0]), ("keep", False)), (("keep", False), ("axis", (0,)))])
def test_attributes_are_values_in_order(attrs: Attrs) -> None:
    graph = legal()
    graph.add("sum", (0,), TensorType("float32", (3,)), attrs)
    says(graph, "attribute")


def test_leaves_have_names_of_their_own() -> None:
    graph = legal()
    graph.add("param", (), SCALAR, name="w")
    says(graph, "2 nodes are the param w")
    graph = legal()
    graph.add("input", (), SCALAR)
    says(graph, "a input without a name")


def test_origin_exists() -> None:
    graph = legal()
    graph.add("neg", (0,), VECTOR, stage="backward", of=1000)
    says(graph, "gradient of %1000")


@pytest.mark.parametrize(
    ("result", "id", "text"),
    [
        (Result("metric", "m"), 1000, "metric m is %1000, which is missing"),
        (Result("loss", ""), 0, r"loss is float32\[N, 3\], not a float scalar"),
        (Result("update", "v"), 1, "update v: there is no such parameter or state"),
        (Result("update", "w"), 0, r"update w is float32\[N, 3\], the param is float32\[3\]"),
        (Result("gradient", "w"), 0, "gradient w is"),
    ],
)
def test_results(result: Result, id: int, text: str) -> None:
    graph = legal()
    graph.results[result] = id
    says(graph, text)


def test_is_cheap() -> None:
    graph = Graph()
    builder = Builder(graph)
    x = builder.add("input", (), VECTOR, name="x")
    for _ in range(3300):
        x = (x * 0.5).op("tanh") + x
    times: list[float] = []
    for _ in range(3):
        start = process_time()
        verify(graph, "nothing")
        times.append(process_time() - start)
    assert min(times) < 1.0  # 0.1 s on a quiet machine; the margin is for a busy one
