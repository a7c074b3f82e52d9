"""Stable formulas: what they become, and that they are finite and right where the written ones are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import special

from netc.compiler.build import Builder, Value
from netc.compiler.differentiate import differentiate
from netc.compiler.ir import Graph, Result, TensorType
from netc.compiler.passes import optimise, stabilise, stable_builder
from netc.compiler.verify import verify

from ..ops.interpreter import Array, evaluate
from .graphs import Make, agree, formula, graphs, made


def exp(x: Value) -> Value:
    return x.op("exp")


def log(x: Value) -> Value:
    return x.op("log")


def sigmoid(x: Value) -> Value:
    return x.op("sigmoid")


def softmax(x: Value) -> Value:
    return x.op("softmax", axis=1)


def written_softmax(x: Value) -> Value:
    return exp(x) / exp(x).sum((1,), keep=True)


CASES: list[tuple[str, Make, str]] = [
    ("log softmax", lambda x: log(softmax(x)), "log_softmax(x, axis=1)"),
    ("softmax written out", written_softmax, "softmax(x, axis=1)"),
    ("log of softmax written out", lambda x: log(written_softmax(x)), "log_softmax(x, axis=1)"),
    ("log sum exp", lambda x: log(exp(x).sum((0,))), "logsumexp(x, axis=0)"),
    (
        "x - log sum exp",
        lambda x: x - log(exp(x).sum((1,), keep=True)),
        "log_softmax(x, axis=1)",
    ),
    ("exp of log softmax", lambda x: exp(log(softmax(x))), "softmax(x, axis=1)"),
    (
        "log of the softmax of one class",
        lambda x, i: log(softmax(x).op("take_along", i, axis=1).reshape((x.shape[0],))),
        "reshape(take_along(log_softmax(x, axis=1), i, axis=1), shape=[N])",
    ),
    ("log of a sigmoid, moved", lambda x: log(sigmoid(x).T), "transpose(neg(softplus(neg(x))), axes=[1, 0])"),
    ("log sigmoid", lambda x: log(sigmoid(x)), "neg(softplus(neg(x)))"),
    ("log of 1 - sigmoid", lambda x: log(1 - sigmoid(x)), "neg(softplus(x))"),
    ("log1p of -sigmoid", lambda x: (-sigmoid(x)).op("log1p"), "neg(softplus(x))"),
    ("sigmoid written out", lambda x: 1 / (1 + exp(-x)), "sigmoid(x)"),
    ("sigmoid the other way", lambda x: exp(x) / (exp(x) + 1), "sigmoid(x)"),
    ("log of sigmoid written out", lambda x: log(1 / (1 + exp(-x))), "neg(softplus(neg(x)))"),
    ("log of 1 + exp", lambda x: log(1 + exp(x)), "softplus(x)"),
    ("log1p of exp", lambda x: exp(x).op("log1p"), "softplus(x)"),
    ("tanh written out", lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), "tanh(x)"),
    ("log of 1 + x", lambda x: log(x + 1), "log1p(x)"),
    ("log of 1 - x", lambda x: log(1 - x), "log1p(neg(x))"),
    ("exp - 1", lambda x: exp(x) - 1, "expm1(x)"),
    ("log exp", lambda x: log(exp(x)), "x"),
    ("root of a square", lambda x: x.op("square").op("sqrt"), "abs(x)"),
    # what stays
    ("softmax along another axis", lambda x: exp(x) / exp(x).sum((0, 1), keep=True), ""),
    ("two tensors", lambda x, y: exp(x) / exp(y).sum((1,), keep=True), ""),
    ("square of a root", lambda x: x.op("sqrt").op("square"), ""),
    ("log of 2 + x", lambda x: log(x + 2), ""),
    ("log of a reshape", lambda x: log(x.T), ""),
]


@pytest.mark.parametrize(("make", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_rule(make: Make, expected: str) -> None:
    before = made(make)
    after = stabilise(before)
    verify(after, "stabilise")
    assert formula(after) == (expected or formula(before))


def row(make: Make, numbers: list[float], gradient: bool = False) -> Array:
    """What a stabilised formula gives for one row of numbers, or its gradient by them."""
    graph = Graph()
    build = Builder(graph, precision="float64")
    x = build.add("input", (), TensorType("float64", (1, len(numbers))), name="x")
    y = make(x)
    graph.results[Result("output", "y")] = y.sum(range(len(y.shape))).id if gradient else y.id
    graph = stabilise(graph)
    if gradient:
        (share,) = differentiate(Builder(graph, "float64"), graph.of_kind("output")["y"], [0])
        assert share is not None
        graph.results[Result("output", "y")] = share.id
    graph = optimise(graph)
    fed = {graph.leaves("input")["x"].id: np.array([numbers])}
    return evaluate(graph, [Builder(graph).value(graph.of_kind("output")["y"])], fed)[0].ravel()


far = [-1000.0, -30.0, -1e-9, 0.0, 1e-9, 0.3, 30.0, 1000.0]
away = np.array(far)
EXTREMES: list[tuple[str, Make, Any]] = [
    ("log sigmoid", lambda x: log(sigmoid(x)), special.log_expit(away)),
    ("log of 1 - sigmoid", lambda x: log(1 - sigmoid(x)), special.log_expit(-away)),
    ("sigmoid written out", lambda x: 1 / (1 + exp(-x)), special.expit(away)),
    ("log of 1 + exp", lambda x: log(1 + exp(x)), -special.log_expit(-away)),
    ("log softmax", lambda x: log(softmax(x)), special.log_softmax(away)),
    ("softmax written out", written_softmax, special.softmax(away)),
    ("log of softmax written out", lambda x: log(written_softmax(x)), special.log_softmax(away)),
    ("log sum exp", lambda x: log(exp(x).sum((1,))), special.logsumexp(away)),
    ("tanh written out", lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), np.tanh(away)),
    ("log of 1 + x", lambda x: log(1 + x * 1e-12), np.log1p(away * 1e-12)),
    ("exp - 1", lambda x: exp(x * 1e-12) - 1, np.expm1(away * 1e-12)),
    ("root of a square", lambda x: (x * 1e200).op("square").op("sqrt"), np.abs(away) * 1e200),
]


@pytest.mark.parametrize(("make", "expected"), [c[1:] for c in EXTREMES], ids=[c[0] for c in EXTREMES])
def test_is_right_far_out(make: Make, expected: Array) -> None:
    np.testing.assert_allclose(row(make, far), np.ravel(expected), rtol=1e-14, atol=1e-300)


# Derivatives by hand: log σ' = σ(-x), log(1 + eˣ)' = σ, Σ log softmax' = 1 - n softmax.
SLOPES: list[tuple[str, Make, Any]] = [
    ("log sigmoid", lambda x: log(sigmoid(x)), special.expit(-away)),
    ("log of 1 + exp", lambda x: log(1 + exp(x)), special.expit(away)),
    ("log softmax", lambda x: log(softmax(x)), 1 - len(far) * special.softmax(away)),
    ("log sum exp", lambda x: log(exp(x).sum((1,))), special.softmax(away)),
    ("root of a square", lambda x: x.op("square").op("sqrt"), np.sign(away)),
]


@pytest.mark.parametrize(("make", "expected"), [c[1:] for c in SLOPES], ids=[c[0] for c in SLOPES])
def test_gradients_are_right_far_out(make: Make, expected: Array) -> None:
    np.testing.assert_allclose(row(make, far, gradient=True), expected, rtol=1e-13, atol=1e-300)


def test_a_builder_can_be_stable_from_the_start() -> None:
    """log(softmax(x)[0]) at x = (-1000, 0): the gradient is onehot - softmax, and 1 / softmax is infinite."""
    graph = Graph()
    build = stable_builder(graph, "float64")
    x = build.add("input", (), TensorType("float64", (1, 2)), name="x")
    first = log(softmax(x).op("slice", start=(0, 0), stop=(1, 1), step=(1, 1))).sum((0, 1))
    (share,) = differentiate(build, first.id, [x.id])
    assert share is not None
    assert "exp" not in [node.op for node in graph]
    np.testing.assert_allclose(
        evaluate(graph, [first, share], {x.id: np.array([[-1000.0, 0.0]])})[1], [[1.0, -1.0]], atol=1e-300
    )


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_keeps_the_meaning(graph: Graph) -> None:
    agree(graph, stabilise(graph))
