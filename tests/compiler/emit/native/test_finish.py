"""Sums of products that end in elementwise operations, in one kernel, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.build import Builder, Value
from netc.compiler.emit.native import build, matrix
from netc.compiler.ir import Dim, Graph, N, Result, TensorType, size_at
from netc.runtime.native.jit import host

from .running import assert_close, both


class Product:
    """A graph that is made of leaves with random values."""

    def __init__(self, n: int) -> None:
        self.build, self.n = Builder(Graph()), n
        self.random = np.random.default_rng(n)
        self.arrays: dict[str, np.ndarray] = {}

    def leaf(self, *shape: Dim) -> Value:
        name = f"l{len(self.arrays)}"
        drawn = self.random.standard_normal([size_at(d, self.n) for d in shape])
        self.arrays[name] = drawn.astype(np.float32)
        op = "input" if N in shape else "param"
        return self.build.add(op, (), TensorType("float32", shape), name=name)

    def check(self, result: Value, alone: str) -> None:
        """The result is NumPy's, and a kernel of this name is all that computes it."""
        self.build.graph.results[Result("value", "r")] = result.id
        program = build(self.build.graph, self.n, host().isa)
        brought = ("batch", "result", "transform", "pad", "tiles", "rows", "copy")
        assert {k.about for k in program.kernels if not k.about.startswith(brought)} == {alone}
        found, wanted = both(self.build.graph, self.n, self.arrays)
        assert_close(found[Result("value", "r")], wanted[Result("value", "r")], rounding=256)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.integers(2, 25)] * 3),  # of longer sums, parts would be made apart
    st.sampled_from((1, 9, 16, 35)),
    st.sampled_from(("a column", "a row", "one", "each")),
)
def test_a_bias_of_any_axis(sizes: tuple[int, int, int], n: int, of: str) -> None:
    rows, depth, columns = sizes
    made = Product(n)
    shapes: dict[str, tuple[Dim, ...]] = {"a column": (columns,), "a row": (rows, 1), "one": ()}
    product = made.leaf(N, rows, depth) @ made.leaf(depth, columns)
    made.check((product + made.leaf(*shapes.get(of, (N, rows, columns)))).op("relu") * 0.5, "matmul")


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(8, 8), (7, 10), (5, 5)])
@pytest.mark.parametrize("n", [3, 16, 21])
@pytest.mark.parametrize("skip", [False, True])
def test_a_convolution_with_its_bias(kernel: int, size: tuple[int, int], n: int, skip: bool) -> None:
    """Where the tiles of a Winograd kernel reach beyond the image, nothing is read or written."""
    channels = 16
    made = Product(n)
    x = made.leaf(N, channels, *size)
    pad = ((kernel // 2, kernel // 2),) * 2
    how = {"stride": (1, 1), "pad": pad, "dilation": (1, 1), "groups": 1}
    z = made.build.apply("conv", x, made.leaf(channels, channels, kernel, kernel), **how)
    z = z + made.leaf(channels, 1, 1)
    made.check((z + x if skip else z).op("relu"), "conv")


@pytest.mark.parametrize("columns", [64, 130])
def test_a_bias_on_a_matrix_unit(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one."""
    monkeypatch.setattr(matrix, "_WORTH", float("inf"))
    made = Product(37)
    product = made.leaf(N, 70) @ made.leaf(70, columns)
    made.check((product + made.leaf(columns)).op("relu"), "matmul")
