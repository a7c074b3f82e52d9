"""Gradients of convolutions towards their image: the borders, where few taps of the kernel meet anything."""

from __future__ import annotations

import numpy as np
import pytest

import netc
from netc.compiler.build import Builder
from netc.compiler.emit.native import build
from netc.compiler.emit.native.isa import AVX2, Isa
from netc.compiler.ir import Graph, N, Result, TensorType
from netc.runtime.native.jit import host

from .running import assert_close, both

SAMPLES, CHANNELS, FILTERS = 16, 3, 4


def gradient(size: int, kernel: int, pad: int) -> Graph:
    b = Builder(Graph(), precision="float64")
    out = size + 2 * pad - kernel + 1
    g = b.add("input", (), TensorType("float64", (N, FILTERS, out, out)), name="g")
    w = b.add("param", (), TensorType("float64", (FILTERS, CHANNELS, kernel, kernel)), name="w")
    ends = ((pad, pad), (pad, pad))
    how = {"stride": (1, 1), "pad": ends, "dilation": (1, 1), "groups": 1}
    b.graph.results[Result("value", "dx")] = b.apply(
        "conv_input_gradient", g, w, space=(size, size), **how
    ).id
    return b.graph


@pytest.mark.parametrize(("size", "kernel", "pad"), [(12, 5, 0), (7, 7, 0), (5, 4, 1), (9, 7, 3), (6, 9, 4)])
def test_rows_that_few_taps_reach(size: int, kernel: int, pad: int) -> None:
    graph = gradient(size, kernel, pad)
    rng = np.random.default_rng(size)
    out = size + 2 * pad - kernel + 1
    g, w = (
        rng.standard_normal((SAMPLES, FILTERS, out, out)),
        rng.standard_normal((FILTERS, CHANNELS, kernel, kernel)),
    )
    found, wanted = both(graph, SAMPLES, {"g": g, "w": w})
    for result, value in wanted.items():
        assert_close(found[result], value, rounding=64)


def test_zeros_above_and_below_are_not_multiplied() -> None:
    """A 5 × 5 kernel over 12 × 12 pixels, no padding: of 12 rows and 5 taps, 8 · 5 pairs meet a gradient."""
    program = build(gradient(12, 5, 0), SAMPLES, host().isa)
    rows = sum(k.multiply_adds for k in program.kernels) / (SAMPLES * CHANNELS * FILTERS * 12 * 5)
    assert rows == 8 * 5
    assert len([k for k in program.kernels if k.beside]) == 9


@pytest.mark.parametrize("isa", [host().isa, AVX2], ids=["host", "avx2"])
@pytest.mark.parametrize("n", [37, 48])
def test_long_sums_over_samples_are_made_in_chunks(n: int, isa: Isa) -> None:
    """Of the gradient of 5 × 5 kernels: few of the samples, rows and columns to sum over fit a cache."""
    b, rng = Builder(Graph()), np.random.default_rng(n)
    shapes = {"x": (CHANNELS, 20, 20), "g": (FILTERS, 20, 20)}
    x, g = (b.add("input", (), TensorType("float32", (N, *s)), name=name) for name, s in shapes.items())
    how = {"stride": (1, 1), "pad": ((2, 2), (2, 2)), "dilation": (1, 1), "groups": 1}
    b.graph.results[Result("value", "dw")] = x.op("conv_weight_gradient", g, kernel=(5, 5), **how).id
    arrays = {name: rng.standard_normal((n, *s)).astype("float32") for name, s in shapes.items()}
    sums = [k for k in build(b.graph, n, isa).kernels if k.multiply_adds and k.about.startswith("conv")]
    assert [k.least > 1 for k in sums] == [True]
    found, wanted = both(b.graph, n, arrays, isa)
    for result, value in wanted.items():
        assert_close(found[result], value, rounding=64)


PADDED = "input x[N, 2, 9, 9]\ny = x -> conv(3, 5, pad = 2) -> tanh\nloss mean(y ^ 2)\ntrain sgd(lr = 0.5)\n"


def test_an_image_is_padded_once_for_all_that_read_it() -> None:
    """The convolution and the gradient of its kernels; the zeros around it stay from step to step."""
    ours, theirs = (netc.compile(text=PADDED, device=device) for device in ("cpu", "numpy"))
    program = build(ours.compiled.graph("step"), 5, host().isa)
    found = [k.about for k in program.kernels if k.about.startswith(("pad", "borders"))]
    assert found == ["pad conv y.conv1.z"]
    rng = np.random.default_rng(0)
    for _ in range(4):
        x = rng.standard_normal((5, 2, 9, 9)).astype(np.float32)
        np.testing.assert_allclose(ours.step(x=x), theirs.step(x=x), rtol=1e-5)
