"""Parameters and states that a step changes in place, while it still reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder, Value
from netc.compiler.ir import Graph, N, Result, TensorType

from .running import assert_close, by_native, by_numpy

SHAPES: dict[str, tuple[Any, ...]] = {
    "W": (5, 5),
    "V": (5, 5),
    "m": (5, 5),
    "b": (5,),
    "c": (5,),
    "s": (),
    "t": (),
    "x": (N, 5),
}
Updates = Mapping[str, Value]
CASES: dict[str, Callable[[dict[str, Value]], Updates]] = {
    "a step": lambda p: {"W": p["W"] - p["V"] * 0.1},
    "its own transpose": lambda p: {"W": p["W"] - p["W"].T * 0.1},
    "its own transpose, twice": lambda p: {"W": (p["W"] + p["W"].T).op("tanh") * p["W"].T},
    "its own columns, reversed": lambda p: {"W": p["W"] + p["W"].op("flip", axes=(1,))},
    "its own first row": lambda p: {"W": p["W"] * _part(p["W"], (0, 0), (1, 5)).broadcast((5, 5))},
    "its own sum": lambda p: {"W": p["W"] / p["W"].sum((0, 1))},
    "its own mean of rows": lambda p: {"W": p["W"] - p["W"].sum((1,), keep=True) / 5.0},
    "its own softmax": lambda p: {"W": p["W"].op("softmax", axis=0)},
    "its own running sum": lambda p: {"W": p["W"].op("cumsum", axis=1)},
    "its own product": lambda p: {"W": p["W"] @ p["W"]},
    "its own product with its transpose": lambda p: {"W": p["W"].T @ p["W"] + p["W"]},
    "exchanged": lambda p: {"W": p["V"], "V": p["W"]},
    "exchanged and turned": lambda p: {"W": p["V"].T, "V": p["W"].T},
    "one after the other": lambda p: {"W": p["V"] * 2.0, "V": p["W"] * 2.0, "m": p["W"] + p["V"]},
    "a ring": lambda p: {"W": p["V"] + 1.0, "V": p["m"] + 1.0, "m": p["W"] + 1.0},
    "momentum": lambda p: _momentum(p),
    "Adam": lambda p: _adam(p),
    "a mean of weights": lambda p: {"W": p["W"] - p["V"], "m": p["m"] * 0.9 + (p["W"] - p["V"]) * 0.1},
    "the old weights": lambda p: {"W": p["W"] - p["V"], "m": p["W"]},
    "the old weights, turned": lambda p: {"W": p["W"] - p["V"], "m": p["W"].T},
    "a row for all": lambda p: {"b": p["W"].sum((0,)), "W": p["W"] * p["b"]},
    "a number for all": lambda p: {"s": p["W"].sum((0, 1)), "W": p["W"] * p["s"], "t": p["s"]},
    "spread": lambda p: {"W": p["b"].broadcast((5, 5)), "b": p["s"].broadcast((5,))},
    "of the batch": lambda p: {"W": p["W"] - p["x"].T @ (p["x"] @ p["W"].T), "b": p["x"].sum((0,)) + p["b"]},
    "through the batch": lambda p: {"b": ((p["x"] + p["b"]).op("tanh") * p["b"]).sum((0,)) + p["b"]},
    "unchanged": lambda p: {"W": p["W"], "V": p["V"] + p["W"]},
    "a number": lambda p: {"W": p["W"].builder.constant(0.5).broadcast((5, 5))},
}


def _part(x: Value, start: tuple[int, int], stop: tuple[int, int]) -> Value:
    return x.op("slice", start=start, stop=stop, step=(1, 1))


def _momentum(p: dict[str, Value]) -> Updates:
    gradient = p["x"].T @ (p["x"] @ p["W"])
    v = p["m"] * 0.9 + gradient
    return {"m": v, "W": p["W"] - (gradient + v * 0.9) * 0.01}


def _adam(p: dict[str, Value]) -> Updates:
    gradient = p["x"].T @ (p["x"] @ p["W"]) + p["W"] * 0.1
    m, v = p["m"] * 0.9 + gradient * 0.1, p["V"] * 0.99 + gradient * gradient * 0.01
    step = m / (v.op("abs").op("sqrt") + 1e-8)
    return {"m": m, "V": v, "W": p["W"] - step * 0.01, "s": (step * step).sum((0, 1)) + p["s"]}


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_updates(name: str, shown: bool) -> None:
    """shown: the old and the new values are results too."""
    build = Builder(Graph(), precision="float64")
    leaves = {
        name: build.add("input" if N in shape else "param", (), TensorType("float64", shape), name=name)
        for name, shape in SHAPES.items()
    }
    updates = CASES[name](leaves)
    results = {Result("update", leaf): value for leaf, value in updates.items()}
    results[Result("loss", "read")] = (leaves["W"] * leaves["V"].T).sum((0, 1))
    if shown:
        results |= {Result("value", f"new {leaf}"): value for leaf, value in updates.items()}
        results |= {Result("value", f"old {leaf}"): leaves[leaf] for leaf in updates}
        turned = [leaf for leaf in updates if len(SHAPES[leaf]) == 2]
        results |= {Result("value", f"old {leaf} turned"): leaves[leaf].T for leaf in turned}
    rng = np.random.default_rng(2)
    arrays = {
        name: np.asarray(rng.normal(size=[9 if d == N else d for d in s])) for name, s in SHAPES.items()
    }
    build.graph.results |= {result: value.id for result, value in results.items()}
    found = by_native(build.graph, 9, arrays)
    # NumPy, which changes nothing in place.
    build.graph.results.clear()
    build.graph.results |= {Result("value", str(result)): value.id for result, value in results.items()}
    wanted = by_numpy(build.graph, 9, arrays)
    for result in results:
        assert_close(found[result], wanted[Result("value", str(result))], str(result))
    for leaf in SHAPES.keys() - updates.keys() - {"x"}:
        if Result("update", leaf) in found:
            np.testing.assert_array_equal(found[Result("update", leaf)], arrays[leaf])
