"""Equations written as text become rules."""

from __future__ import annotations

import pytest

from netc.compiler.passes.pattern import equations
from netc.compiler.passes.rewrite import rewrite

from .graphs import Make, formula, made


def rewritten(make: Make, left: str, right: str) -> str:
    return formula(rewrite(made(make), equations((left, right)))[0])


@pytest.mark.parametrize(
    ("make", "left", "right", "expected"),
    [
        # a letter is the same value everywhere
        (lambda x, y: x - x, "x - x", "0", "broadcast(0.0, shape=[N, 3])"),
        (lambda x, y: x - y, "x - x", "0", "sub(x, y)"),
        # either order of what commutes, and only of that
        (lambda x, y: y.op("exp") + x, "x + exp(y)", "x - y", "sub(x, y)"),
        (lambda x, y: y.op("exp") - x, "x - exp(y)", "x + y", "sub(exp(y), x)"),
        # numbers, known values, scalars, sizes
        (lambda x: x * 2, "x * 2", "x + x", "add(x, x)"),
        (lambda x: x * 3, "x * 2", "x + x", "mul(x, 3.0)"),
        (lambda x: (x * 3) * 4, "(x * c) * d", "x * (c + d)", "mul(x, add(3.0, 4.0))"),
        (lambda x, y: (x * y) * 4, "(x * c) * d", "x * (c + d)", "mul(mul(x, y), 4.0)"),
        (lambda x, s: x * s, "x * s", "s", "broadcast(s, shape=[N, 3])"),
        (lambda x, u: u * x, "x * s", "s", "mul(u, x)"),
        (lambda build, s: s / build.size(2), "s / n", "n", "2.0"),
        # attributes
        (lambda x: x.sum((1,)), "sum(x, axis=(a,), keep=k)", "max(x, axis=(a,), keep=k)", "max(x, axis=[1])"),
        (lambda x: x.sum((0, 1)), "sum(x, axis=(a,), keep=k)", "x", "sum(x, axis=[0, 1])"),
        (lambda x: x.sum((1,)), "sum(x, axis=a, keep=True)", "x", "sum(x, axis=[1])"),
        (lambda x: x.op("softmax", axis=0), "softmax(x, axis=1)", "x", "softmax(x, axis=0)"),
    ],
)
def test_matches(make: Make, left: str, right: str, expected: str) -> None:
    assert rewritten(make, left, right) == expected


def test_what_is_built_is_offered_again() -> None:
    rules = equations(("x - y", "x + -y"), ("x + y", "y * x"), ("-x", "exp(x)"))
    graph, fired = rewrite(made(lambda x, y: x - y), rules)
    assert formula(graph) == "mul(exp(y), x)"
    assert fired == 3


@pytest.mark.parametrize("left", ["x", "2", "x if x else x", "x % y"])
def test_what_is_no_equation(left: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        equations((left, "x"))
