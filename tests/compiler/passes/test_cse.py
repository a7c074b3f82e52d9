"""What is the same is computed once; what only looks the same is not."""

from __future__ import annotations

import pytest

from netc.compiler.build import Value
from netc.compiler.ir_text import read
from netc.compiler.passes import cse

from .graphs import Make, made


def computed(make: Make) -> int:
    """How many operations are left."""
    return sum(node.op != "input" for node in cse(made(make)))


def draw(x: Value, key: str) -> Value:
    return x.builder.apply("uniform", shape=(3,), key=key, dtype="float32")


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda x: x.op("tanh") * x.op("tanh"), 2),
        (lambda x, y: (x + y).op("sin") - (y + x).op("sin"), 3),
        (lambda x, y: (x - y).op("sin") - (y - x).op("sin"), 5),
        (lambda x: x.sum((0,)) + x.sum((1,), keep=True), 3),
        (lambda x: x.sum((0,)) + x.sum((0,)), 2),
        (lambda x: draw(x, "a") + draw(x, "a"), 2),
        (lambda x: draw(x, "a") + draw(x, "b"), 3),
        (lambda x: (x * 0.0) / (x * -0.0), 5),
        (lambda x: (x * 2.0) / (x * 2.0), 3),
    ],
)
def test_counts(make: Make, count: int) -> None:
    assert computed(make) == count


def test_leaves_are_never_joined() -> None:
    graph = made(lambda x, y: x + y)
    assert list(cse(graph).leaves("input")) == ["x", "y"]


def test_the_first_name_stays() -> None:
    graph = read(
        "%0 x : float32[] = input()\n%1 : float32[] = tanh(%0)\n%2 a : float32[] = tanh(%0)\n"
        "%3 b : float32[] = tanh(%0)\noutput a = %2\noutput b = %3\n"
    )
    after = cse(graph)
    assert [node.name for node in after] == ["x", "a"]
    assert list(after.results.values()) == [1, 1]
