"""Where floating point is at its edge: large arguments, infinities, ties, zeros, integers; and memory."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy import special

from netc.compiler.build import Builder, Value
from netc.compiler.ir import DType, Graph
from netc.compiler.ops import REGISTRY
from netc.compiler.ops.op import Draw, Sample

from .interpreter import Array, drawn, evaluate, inputs_for, pullback, run, samples, type_of

INF = math.inf
PRECISIONS = pytest.mark.parametrize("dtype", ["float32", "float64"])


def value(name: str, *operands: Any, dtype: str = "float64", **attrs: Any) -> Array:
    arrays = [np.asarray(x, None if np.asarray(x).dtype == bool else dtype) for x in operands]
    return run(REGISTRY[name], arrays, attrs)


def gradients(name: str, *operands: Any, **attrs: Any) -> list[Any]:
    """Of the sum of the result."""
    arrays = [np.asarray(x, "float64") for x in operands]
    builder = Builder(Graph(), precision="float64")
    inputs = inputs_for(builder, arrays)
    y = builder.apply(name, *inputs, **attrs)
    found = pullback(builder, y, builder.constant(1.0).broadcast(y.shape), inputs)
    feeds = dict(zip((v.id for v in inputs), arrays, strict=True))
    return [None if g is None else evaluate(builder.graph, [g], feeds)[0].tolist() for g in found]


@PRECISIONS
def test_sigmoid_and_softplus_neither_overflow_nor_lose_the_small(dtype: str) -> None:
    x = np.array([-1e30, -1000, -80, -20, -1e-9, 0, 1e-9, 20, 80, 1000, 1e30], dtype)
    rtol = 1e-6 if dtype == "float32" else 1e-14
    sigmoid = value("sigmoid", x, dtype=dtype)
    np.testing.assert_allclose(sigmoid, special.expit(x.astype("float64")), rtol=rtol, atol=1e-38)
    np.testing.assert_allclose(
        value("softplus", x, dtype=dtype), np.logaddexp(0, x.astype("float64")), rtol=rtol
    )
    np.testing.assert_allclose(value("sigmoid", [-INF, INF]), [0, 1], atol=1e-300)
    np.testing.assert_array_equal(value("softplus", [-INF, INF]), [0, INF])


def test_erf_in_double_precision() -> None:
    x = np.concatenate([np.linspace(-7, 7, 10001), 10.0 ** np.linspace(-150, 300, 451)])
    np.testing.assert_allclose(value("erf", x), [math.erf(v) for v in x], rtol=1e-15, atol=0)


def test_erf_in_single_precision() -> None:
    x = np.concatenate([np.linspace(-7, 7, 10001), 10.0 ** np.linspace(-17, 30, 48)]).astype("float32")
    np.testing.assert_allclose(value("erf", x, dtype="float32"), [math.erf(v) for v in x], rtol=5e-7)


def test_erf_of_what_is_no_number() -> None:
    np.testing.assert_array_equal(value("erf", [-INF, -0.0, INF, math.nan]), [-1, -0.0, 1, math.nan])


@PRECISIONS
def test_masked_rows(dtype: str) -> None:
    """A row that is masked throughout has no softmax: 0 everywhere, and the logarithm of nothing."""
    x = [[-INF, 1.0, 2.0], [-INF, -INF, -INF], [5e4, -5e4, 0.0]]
    e = math.e
    wanted = [[0, 1 / (1 + e), e / (1 + e)], [0, 0, 0], [1, 0, 0]]
    np.testing.assert_allclose(value("softmax", x, dtype=dtype, axis=1), wanted, rtol=1e-6)
    logs = [[-INF, -math.log(1 + e), 1 - math.log(1 + e)], [-INF] * 3, [0, -1e5, -5e4]]
    np.testing.assert_allclose(value("log_softmax", x, dtype=dtype, axis=1), logs, rtol=1e-6)
    sums = [2 + math.log(1 + 1 / e), -INF, 5e4]
    np.testing.assert_allclose(value("logsumexp", x, dtype=dtype, axis=1, keep=False), sums, rtol=1e-6)


def test_gradients_of_masked_rows() -> None:
    x = [[-INF, -INF], [-INF, 3.0]]
    assert gradients("softmax", x, axis=1) == [[[0, 0], [0, 0]]]
    assert gradients("logsumexp", x, axis=1, keep=False) == [[[0, 0], [0, 1]]]


def test_where_ignores_the_other_branch() -> None:
    found = value("where", [True, False], [1, INF], [math.nan, 2])
    np.testing.assert_array_equal(found, [1, 2])


@pytest.mark.parametrize(
    ("name", "operands", "attrs", "wanted"),
    [
        ("relu", [[-1, 0, 2]], {}, [[0, 0, 1]]),
        ("abs", [[-1, 0, 2]], {}, [[-1, 0, 1]]),
        ("maximum", [[1, 2, 3], [2, 2, 2]], {}, [[0, 0.5, 1], [1, 0.5, 0]]),
        ("minimum", [[1, 2, 3], [2, 2, 2]], {}, [[1, 0.5, 0], [0, 0.5, 1]]),
        ("max", [[[1, 3, 3], [2, 1, 0]]], {"axis": (1,), "keep": False}, [[[0, 0.5, 0.5], [1, 0, 0]]]),
        ("min", [[[0, 0], [0, 1]]], {"axis": (0, 1), "keep": True}, [[[1 / 3, 1 / 3], [1 / 3, 0]]]),
        ("prod", [[[2, 3, 4], [2, 0, 4]]], {"axis": (1,), "keep": False}, [[[12, 8, 6], [0, 8, 0]]]),
        ("prod", [[[2, 3, 0], [0, 0, 4]]], {"axis": (1,), "keep": True}, [[[0, 0, 6], [0, 0, 0]]]),
        ("pow", [[0, 0, 2], [2, 1, 0]], {}, [[0, 1, 0], [0, 0, math.log(2)]]),
        ("pow", [[-2, -3], [3, 2]], {}, [[12, -6], [0, 0]]),
    ],
)  # fmt: skip
def test_gradients_at_ties_and_zeros(
    name: str, operands: list[Any], attrs: dict[str, Any], wanted: list[Any]
) -> None:
    np.testing.assert_allclose(gradients(name, *operands, **attrs), wanted, rtol=1e-15)


@pytest.mark.parametrize(
    ("exponent", "wanted"), [(0, None), (1, [1, 1, 1]), (2, [-4, 0, 6]), (3, [12, 0, 27]), (4, [-32, 0, 108])]
)
def test_powers_by_a_constant(exponent: int, wanted: list[float] | None) -> None:
    builder = Builder(Graph(), precision="float64")
    x = np.array([-2.0, 0.0, 3.0])
    (v,) = inputs_for(builder, [x])
    y = v**exponent
    (g,) = pullback(builder, y, builder.constant(1.0).broadcast(y.shape), [v])
    assert (None if g is None else evaluate(builder.graph, [g], {v.id: x})[0].tolist()) == wanted


def applied(dtypes: list[DType], name: str, *numbers: float, **attrs: Any) -> Value:
    builder = Builder(Graph())
    operands = inputs_for(builder, [drawn(Draw((2, 3), 0, 2, d), np.random.default_rng(0)) for d in dtypes])
    return builder.apply(name, *operands, *numbers, **attrs)


@pytest.mark.parametrize(
    ("dtypes", "name", "numbers", "wanted"),
    [
        (["uint8"], "neg", [], "int64"),
        (["uint8"], "exp", [], "float32"),
        (["uint8"], "div", [255], "float32"),
        (["uint8"], "add", [0.5], "float32"),
        (["int64"], "pow", [2], "float32"),
        (["float64"], "mul", [2], "float64"),
        (["float32", "int64"], "maximum", [], "float32"),
        (["uint8", "int64"], "eq", [], "bool"),
        (["float32", "float32"], "and", [], "bool"),
        (["float32", "int64", "float32"], "where", [], "float32"),
        (["bool", "float32"], "where", [0], "float32"),
        (["bool"], "where", [1, 0], "int64"),
        (["bool"], "where", [1.0, 0.5], "float32"),
    ],
)
def test_dtypes(dtypes: list[DType], name: str, numbers: list[float], wanted: DType) -> None:
    assert applied(dtypes, name, *numbers).dtype == wanted


@pytest.mark.parametrize("name", ["neg", "abs", "square", "sign", "add", "maximum", "lt"])
def test_integers_stay_exact(name: str) -> None:
    big = 2**60 + 1
    arrays = [np.array([big, -3]), np.array([1, 5])][: len(REGISTRY[name].samples[0].operands)]
    if name == "square":
        arrays = [np.array([2**31 - 1, -3])]
    exact = {
        "neg": [-big, 3],
        "abs": [big, 3],
        "square": [(2**31 - 1) ** 2, 9],
        "sign": [1, -1],
        "add": [big + 1, 2],
        "maximum": [big, 5],
        "lt": [False, True],
    }
    assert run(REGISTRY[name], arrays, {}).tolist() == exact[name]


GROWTH = 40
# NumPy's argmax copies its operand where the axis is not the last.
LARGE = [
    (name, s)
    for name, s in samples(("elementwise", "reduction", "row"))
    if s.operands[0].shape and (name, s.attrs.get("axis")) not in (("argmax", 0), ("argmin", 0))
]


@pytest.mark.parametrize(("name", "sample"), LARGE, ids=[name for name, _ in LARGE])
def test_nothing_large_is_allocated(name: str, sample: Sample) -> None:
    """Beside `out` and `work` NumPy allocates buffers of 8192 numbers at most, one for each operand."""
    rng = np.random.default_rng(0)
    grown = [
        Draw(tuple(n * GROWTH if n > 1 else n for n in d.shape), d.low, d.high, d.dtype)
        for d in sample.operands
    ]
    op = REGISTRY[name]
    operands = [drawn(d, rng) for d in grown]
    out = run(op, operands, sample.attrs)
    tracemalloc.start()
    try:
        work = op.workspace(*map(type_of, operands), **sample.attrs) if op.workspace else 0
        run(op, operands, sample.attrs, out=out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - work < 4 * 8 * 8192 + 100_000
