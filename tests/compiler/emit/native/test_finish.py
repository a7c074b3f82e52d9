"""Sums of products that end in elementwise operations, in one kernel, against NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.build import Builder, Value
from netc.compiler.emit.native import build, matrix
from netc.compiler.emit.native.nest import Kernel
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

    def check(self, *results: Value, by: set[str]) -> Sequence[Kernel]:
        """The results are NumPy's, and only kernels of these names compute them; gives the kernels."""
        keys = [Result("value", f"r{i}") for i in range(len(results))]
        self.build.graph.results.update(zip(keys, (r.id for r in results), strict=True))
        program = build(self.build.graph, self.n, host().isa)
        brought = ("batch", "result", "transform", "pad", "tiles", "rows", "copy", "fill")
        assert {k.about for k in program.kernels if not k.about.startswith(brought)} == by
        found, wanted = both(self.build.graph, self.n, self.arrays)
        for key in keys:
            assert_close(found[key], wanted[key], rounding=256)
        return program.kernels


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
    made.check((product + made.leaf(*shapes.get(of, (N, rows, columns)))).op("relu") * 0.5, by={"matmul"})


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
    made.check((z + x if skip else z).op("relu"), by={"conv"})


@pytest.mark.parametrize("columns", [64, 130])
def test_a_bias_on_a_matrix_unit(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one."""
    monkeypatch.setattr(matrix, "_WORTH", float("inf"))
    made = Product(37)
    product = made.leaf(N, 70) @ made.leaf(70, columns)
    made.check((product + made.leaf(columns)).op("relu"), by={"matmul"})


@pytest.mark.parametrize("n", [3, 16, 37])
def test_what_is_stored_before_it_is_summed(n: int) -> None:
    """The product ends in what both the sum and another product read."""
    made = Product(n)
    product = made.leaf(N, 9, 20) @ made.leaf(20, 12)
    masked = (product * made.leaf(N, 9, 12)).op("relu")
    kernels = made.check(masked.sum((0, 1)), masked @ made.leaf(12, 5), by={"matmul", "sum"})
    assert _read_by_sums(kernels) == 1


@pytest.mark.parametrize(
    ("kernel", "stride", "ends"),
    [(5, 1, True), (3, 2, True), (1, 2, False)],  # a kernel of 1 leaves pixels out
)
@pytest.mark.parametrize("n", [3, 16, 21])
def test_the_gradient_of_a_convolution(kernel: int, stride: int, ends: bool, n: int) -> None:
    """It ends in the mask of the activation before, which the gradients of weights and bias read."""
    channels, size, p = 16, 8, kernel // 2
    made = Product(n)
    places = (size + 2 * p - kernel) // stride + 1
    g, w = made.leaf(N, channels, places, places), made.leaf(channels, channels, kernel, kernel)
    how = {"stride": (stride,) * 2, "pad": ((p, p),) * 2, "dilation": (1, 1), "groups": 1}
    z = made.build.apply("conv_input_gradient", g, w, **how, space=(size, size))
    z = (z + made.leaf(N, channels, size, size)).op("relu")
    by = {"conv_input_gradient", "sum"} | (set() if ends else {"relu"})
    assert _read_by_sums(made.check(z, z.sum((0, 2, 3)), by=by)) == 1


def _read_by_sums(kernels: Sequence[Kernel]) -> int:
    """How many arrays they read."""
    return len({buffer.id for kernel in kernels if kernel.about == "sum" for buffer in kernel.reads})


def test_images_of_other_sizes_that_end_in_rows_of_one_length() -> None:
    """8 × 9 and 9 × 8 pixels: kernels of one form have results of one shape."""
    made = Product(16)
    x, w = made.leaf(N, 16, 8, 8), made.leaf(16, 16, 3, 3)
    results: list[Value] = []
    for pad in (((1, 1), (1, 2)), ((1, 2), (1, 1))):
        z = made.build.apply("conv", x, w, stride=(1, 1), pad=pad, dilation=(1, 1), groups=1)
        results.append((z.reshape((N, 16 * 72)) * 0.5).op("relu"))
    made.check(*results, by={"conv"})
