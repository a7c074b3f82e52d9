"""All passes: the meaning stays, gradients come out as a lecture writes them, time is linear."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given, settings

from netc.compiler.build import Builder
from netc.compiler.diagnostics import InternalError
from netc.compiler.differentiate import differentiate
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.compiler.ir_text import show
from netc.compiler.passes import PIPELINE, optimise, stabilise
from netc.compiler.verify import verify

from .graphs import agree, formula, graphs


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_pass_keeps_the_meaning(graph: Graph) -> None:
    for transform in PIPELINE:
        text = show(graph)
        after = transform(graph)
        assert show(graph) == text, f"{transform.__name__} changed its operand"
        verify(after, transform.__name__)
        agree(graph, after)
        graph = after


@settings(max_examples=150, deadline=None)
@given(graphs(gradients=True))
def test_gradients_keep_their_meaning(graph: Graph) -> None:
    after = optimise(graph)
    agree(graph, after)
    assert len(after) <= len(graph) + 8


@settings(max_examples=50, deadline=None)
@given(graphs(gradients=True))
def test_a_second_time_changes_nothing(graph: Graph) -> None:
    once = optimise(graph)
    assert show(optimise(once)) == show(once)


def test_names_the_pass_that_breaks_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(graph: Graph) -> Graph:
        broken = graph.copy()
        broken.results[Result("loss", "")] = 1000
        return broken

    monkeypatch.setattr("netc.compiler.passes.PIPELINE", (breaking,))
    with pytest.raises(InternalError, match="breaking"):
        optimise(Graph())


def network(loss: str) -> Graph:
    """x[N, 3] -> tanh of 16 -> 10 logits, with the gradient of each parameter."""
    graph = Graph()
    build = Builder(graph)

    x = build.add("input", (), TensorType("float32", (N, 3)), name="x")
    y = build.add("input", (), TensorType("int64", (N,)), name="y")
    shapes = {"W1": (3, 16), "b1": (16,), "W2": (16, 10), "b2": (10,)}
    p = {n: build.add("param", (), TensorType("float32", s), name=n) for n, s in shapes.items()}
    h = build.apply("tanh", x @ p["W1"] + p["b1"], name="h")
    logits = build.apply("add", h @ p["W2"], p["b2"], name="logits")
    at = y.reshape((N, 1))
    match loss:
        case "cross entropy":
            rows = -logits.op("log_softmax", axis=1).op("take_along", at, axis=1).reshape((N,))
        case "log of softmax":
            rows = -logits.op("softmax", axis=1).op("take_along", at, axis=1).op("log").reshape((N,))
        case "one-hot":
            hot = y.op("one_hot", classes=10, dtype="float32")
            rows = -(hot * logits.op("softmax", axis=1).op("log")).sum((1,))
        case _:
            rows = logits.sum((1,))
    total = rows.sum((0,)) / build.size(N)
    graph.results[Result("loss", "")] = total.id
    graph = stabilise(graph)
    build = Builder(graph, stage="backward")
    parameters = graph.leaves("param")
    shares = differentiate(
        build, graph.results[Result("loss", "")], [node.id for node in parameters.values()]
    )
    for name, share in zip(parameters, shares, strict=True):
        assert share is not None
        graph.results[Result("gradient", name)] = share.id
    return optimise(graph)


@pytest.mark.parametrize("loss", ["cross entropy", "log of softmax", "one-hot"])
def test_gradients_read_as_in_a_lecture(loss: str) -> None:
    graph = network(loss)
    gradients = graph.of_kind("gradient")
    dlogits = graph[graph.operands(gradients["b2"])[0]]
    logits = next(n.id for n in graph if n.name == "logits")
    softmax = f"softmax({formula(graph, logits)}, axis=1)"
    hot = "one_hot(y, classes=10, dtype=float32)"
    assert formula(graph, dlogits.id) == f"div(sub({softmax}, {hot}), size(N))"
    h = next(n.id for n in graph if n.name == "h")
    transposed = f"transpose({formula(graph, h)}, axes=[1, 0])"
    assert formula(graph, gradients["W2"]) == f"matmul({transposed}, {formula(graph, dlogits.id)})"
    # ∂b1 is the sum of ∂z over the batch, ∂W1 is xᵀ @ ∂z, with one ∂z = ∂h (1 - h²)
    db1, dW1 = graph[gradients["b1"]], graph[gradients["W1"]]
    assert (db1.op, db1.attr("axis")) == ("sum", (0,))
    assert dW1.op == "matmul"
    (dz,) = graph.operands(db1.id)
    xT, right = graph.operands(dW1.id)
    assert right == dz
    assert formula(graph, xT) == "transpose(x, axes=[1, 0])"
    dh, slope = graph.operands(dz)
    assert graph[dz].op == "mul"
    assert formula(graph, slope) == f"sub(1.0, square({formula(graph, h)}))"
    W2T = "transpose(W2, axes=[1, 0])"
    assert formula(graph, dh) == f"matmul({formula(graph, dlogits.id)}, {W2T})"


def test_no_product_with_ones() -> None:
    graph = network("sum")
    gradients = graph.of_kind("gradient")
    assert formula(graph, gradients["b2"]) == "broadcast(1.0, shape=[10])"
    # ∂W2 is the mean of h for each logit, ∂h the sum of each row of W2 over N: only ∂W1 is a product.
    h = next(n.id for n in graph if n.name == "h")
    mean = f"div(reshape(sum({formula(graph, h)}, axis=[0]), shape=[16, 1]), size(N))"
    assert formula(graph, gradients["W2"]) == f"broadcast({mean}, shape=[16, 10])"
    assert sum(node.op == "matmul" for node in graph) == 3


def chain(count: int) -> Graph:
    """A network of about `count` operations with its gradients."""
    graph = Graph()
    build = Builder(graph)
    x = build.add("input", (), TensorType("float32", (N, 8)), name="x")
    w = build.add("param", (), TensorType("float32", (8, 8)), name="w")
    h = x
    while len(graph) < count // 4:
        h = (h @ w + h * 0.5).op("tanh").op("softmax", axis=1) + h
    total = h.sum((0, 1)) / build.size(N)
    graph.results[Result("loss", "")] = total.id
    build.stage = "backward"
    (share,) = differentiate(build, total.id, [w.id])
    assert share is not None
    graph.results[Result("gradient", "w")] = share.id
    return graph


def calls(work: Callable[[], object]) -> int:
    """How many functions are called meanwhile: a measure of time that other programs do not disturb."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_time_is_linear() -> None:
    small, large = chain(500), chain(5_000)
    ratio = len(large) / len(small)
    assert 9 < ratio < 11
    assert calls(lambda: optimise(large)) / calls(lambda: optimise(small)) < 1.1 * ratio
