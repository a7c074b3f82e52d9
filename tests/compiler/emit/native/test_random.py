"""Random numbers are the NumPy target's, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from netc.compiler.build import Builder
from netc.compiler.emit.native import build
from netc.compiler.emit.native.isa import AVX512
from netc.compiler.ir import DType, Graph, N, Result

from .running import both

SHAPES = ((N,), (N, 3), (N, 2, 5), (N, 16), (2 * N, 3))


@pytest.mark.parametrize("n", [1, 5, 16, 17])
def test_numbers(n: int) -> None:
    graph = Graph()
    builder = Builder(graph)
    dtypes: tuple[DType, ...] = ("float32", "float64")
    for dtype in dtypes:
        for shape in (*SHAPES, (4, 7), ()):
            for op in ("uniform", "normal"):
                drawn = builder.apply(op, shape=shape, key="h.dropout1", dtype=dtype)
                graph.results[Result("value", f"{op} {dtype} {shape}")] = drawn.id
        for shape in SHAPES[:-1]:
            for op in ("sample_uniform", "sample_normal"):
                drawn = builder.apply(op, shape=shape, key="flip", dtype=dtype)
                graph.results[Result("value", f"{op} {dtype} {shape}")] = drawn.id
    rows = np.random.default_rng(n).integers(0, 2**20, n)
    for seed, step, epoch in ((7, 0, 0), (-1, 12345, 3), (2**64 - 1, 2**31, 2**31)):
        found, wanted = both(graph, n, {}, rows=rows, seed=seed, step=step, epoch=epoch)
        for result, value in wanted.items():
            if "normal" in result.name:
                np.testing.assert_allclose(found[result], value, rtol=1e-5, atol=1e-6, err_msg=result.name)
            else:
                np.testing.assert_array_equal(found[result], value, result.name)
    assert build(graph, n, AVX512).steps == ("run0",)  # NumPy does none of it


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_numbers_are_normal(dtype: DType) -> None:
    """An odd number of them: Kolmogorov and Smirnov's distance, which 1 % of such samples exceed."""
    graph = Graph()
    drawn = Builder(graph).apply("normal", shape=(100_001,), key="n", dtype=dtype)
    graph.results[Result("value", "z")] = drawn.id
    for values in both(graph, 1, {}, seed=3, step=5, epoch=0, rows=np.zeros(1, int)):
        z = np.sort(values[Result("value", "z")].astype("float64"))
        assert kstest(z, "norm").statistic < 1.63 / len(z) ** 0.5
        assert (
            abs(np.corrcoef(values[Result("value", "z")][:-1], values[Result("value", "z")][1:])[0, 1]) < 0.01
        )
