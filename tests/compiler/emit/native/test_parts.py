"""Long sums of products, in parts."""

from __future__ import annotations

import numpy as np
import pytest

from netc.compiler.build import Builder
from netc.compiler.emit.native import build
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.device import Device
from netc.runtime.native.executable import NativeExecutable
from netc.runtime.native.jit import host

Y = Result("value", "y")


def product(length: int, width: int, turned: bool = False) -> Graph:
    """y = x W; turned: W lies as its transpose."""
    b = Builder(Graph())
    x = b.add("input", (), TensorType("float32", (N, length)), name="x")
    w = b.add("param", (), TensorType("float32", (width, length) if turned else (length, width)), name="w")
    b.graph.results[Y] = (x @ (w.T if turned else w)).id
    return b.graph


@pytest.mark.parametrize("n", [5, 16, 33])
@pytest.mark.parametrize(("length", "width"), [(3072, 16), (1000, 10), (1029, 33)])
@pytest.mark.parametrize("turned", [False, True])
def test_parts_of_a_sum(n: int, length: int, width: int, turned: bool) -> None:
    """Against float64; and the number of threads changes no bit."""
    program = build(product(length, width, turned), n, host().isa)
    assert any(kernel.about.startswith("parts of") for kernel in program.kernels)
    rng = np.random.default_rng(length)
    x = rng.standard_normal((n, length)).astype(np.float32)
    w = rng.standard_normal((length, width)).astype(np.float32)
    own = {"w": np.ascontiguousarray(w.T) if turned else w}
    found = [
        NativeExecutable(program, Device("cpu", threads=threads), own).run({"x": x})[Y]
        for threads in (1, 2, 3)
    ]
    exact = x.astype(np.float64) @ w
    assert np.abs(found[0] - exact).max() < 1e-6 * np.abs(exact).max()
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize(("length", "width"), [(1021, 16), (64, 16), (3072, 1024)])
def test_no_parts_where_they_do_not_pay(length: int, width: int) -> None:
    """A prime number of places, little work, many results."""
    program = build(product(length, width), 16, host().isa)
    assert not any(kernel.about.startswith("parts of") for kernel in program.kernels)
