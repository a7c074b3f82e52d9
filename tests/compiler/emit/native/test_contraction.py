"""Matrix products, einsum and convolutions of random sizes against NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder, Value
from netc.compiler.emit.native.isa import Isa
from netc.compiler.ir import Dim, DType, Graph, N, Result, TensorType, size_at
from netc.runtime.native.jit import host

from .running import Array, assert_close, both, leaf_op

B: Any = N
EINSUMS = (
    ("nhqd,nhkd->nhqk", (B, 2, 5, 7), (B, 2, 6, 7)),
    ("nhqk,nhkd->nqhd", (B, 2, 5, 7), (B, 2, 7, 6)),
    ("hqd,nkd->nhqk", (2, 5, 7), (B, 6, 7)),
    ("nij,nik->njk", (B, 5, 7), (B, 5, 3)),
    ("nij,nik->jk", (B, 5, 7), (B, 5, 3)),
    ("nij,nkj->ik", (B, 5, 7), (B, 4, 7)),
    ("ni,ni->n", (B, 19), (B, 19)),
    ("i,nij->jn", (5,), (B, 5, 7)),
    ("ik,jk->ij", (5, 37), (18, 37)),
    ("ki,kj->ji", (37, 5), (37, 18)),
    ("ijk,jki->k", (5, 6, 19), (6, 19, 5)),
    ("ij,ij->", (7, 33), (7, 33)),
)


@dataclass(frozen=True, slots=True)
class Product:
    op: str
    shapes: tuple[tuple[Dim, ...], ...]
    attrs: dict[str, Any]

    def __str__(self) -> str:
        shapes = [f"[{', '.join(map(str, shape))}]" for shape in self.shapes]
        return f"{self.op} {' '.join(shapes)} {self.attrs}"


def matrices(rng: np.random.Generator) -> Iterator[Product]:
    for most in (4, 20, 70):
        m, k, n = (int(d) for d in rng.integers(1, most + 1, 3))
        for a, b in (
            ((m, k), (k, n)),
            ((B, k), (k, n)),
            ((m, k), (k, B)),
            ((m, B), (B, n)),
            ((B, m, k), (k, n)),
            ((m, k), (B, k, n)),
            ((B, m % 7 + 1, k), (B, k, n % 9 + 1)),
            ((3, m, k), (3, k, n)),
        ):
            yield Product("matmul", (a, b), {})
    for a, b in (
        ((3, 2000), (2000, 5)),
        ((B, 1500), (1500, 33)),
        ((B, 700), (700, 40)),
        ((40, 900), (900, 70)),
    ):
        yield Product("matmul", (a, b), {})
    for spec, a, b in EINSUMS:
        yield Product("einsum", (a, b), {"spec": spec})


def convolutions(rng: np.random.Generator, rank: int) -> Iterator[Product]:
    def some(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(d) for d in rng.integers(low, high + 1, rank))

    for most in (2, 9, 40):
        groups = int(rng.choice((1, 1, 2, 3)))
        channels, filters = (groups * int(rng.integers(1, most // groups + 2)) for _ in "io")
        kernel, stride, dilation = some(1, 5 if most < 20 else 3), some(1, 3), some(1, 2)
        pad = tuple(zip(some(0, 2), some(0, 2), strict=True))
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        space = [span + int(rng.integers(0, 8)) for span in spans]
        count = [
            (size + sum(p) - span) // s + 1
            for size, p, span, s in zip(space, pad, spans, stride, strict=True)
        ]
        how = {"stride": stride, "pad": pad, "dilation": dilation, "groups": groups}
        x, y = (B, channels, *space), (B, filters, *count)
        w = (filters, channels // groups, *kernel)
        yield Product("conv", (x, w), how)
        yield Product("conv_input_gradient", (y, w), how | {"space": tuple(space)})
        yield Product("conv_weight_gradient", (x, y), how | {"kernel": kernel})


def check(products: Sequence[Product], n: int, dtype: DType, rng: np.random.Generator) -> None:
    build = Builder(Graph())
    arrays: dict[str, Array] = {}

    def operand(name: str, shape: tuple[Dim, ...]) -> Value:
        columns = N in shape[1:]
        type = TensorType(dtype, shape[::-1] if columns else shape)
        arrays[name] = rng.normal(size=[size_at(d, n) for d in type.shape]).astype(dtype)
        leaf = build.add(leaf_op(type), (), type, name=name)
        return leaf.T if columns else leaf

    for k, product in enumerate(products):
        operands = [operand(f"{k}.{i}", shape) for i, shape in enumerate(product.shapes)]
        build.graph.results[Result("value", str(k))] = build.apply(product.op, *operands, **product.attrs).id
    found, wanted = both(build.graph, n, arrays)
    for k, product in enumerate(products):
        result = Result("value", str(k))
        assert_close(found[result], wanted[result], f"{product}, N = {n}", rounding=64)


@pytest.mark.parametrize(("n", "dtype"), [(1, "float64"), (6, "float32"), (16, "float64"), (37, "float32")])
def test_products(n: int, dtype: DType) -> None:
    rng = np.random.default_rng(n)
    check(list(matrices(rng)), n, dtype, rng)


@pytest.mark.parametrize(("n", "dtype"), [(1, "float32"), (6, "float64"), (16, "float32"), (37, "float64")])
@pytest.mark.parametrize("rank", [1, 2])
def test_convolutions(n: int, dtype: DType, rank: int) -> None:
    rng = np.random.default_rng([n, rank])
    check(list(convolutions(rng, rank)), n, dtype, rng)


@pytest.mark.parametrize("n", [37, 300])
@pytest.mark.parametrize("columns", [130, 192])
def test_long_sums_end_in_updates(n: int, columns: int) -> None:
    """A weight gradient in chunks, of which the last one changes the weights and their momentum."""
    check_update(n, 70, columns, replace(host().isa, matrix=False))


def check_update(n: int, rows: int, columns: int, isa: Isa) -> None:
    shapes: dict[str, tuple[Dim, ...]] = {
        "x": (N, rows),
        "g": (N, columns),
        "W": (rows, columns),
        "m": (rows, columns),
    }
    build, rng = Builder(Graph()), np.random.default_rng(n)
    types = {name: TensorType("float32", shape) for name, shape in shapes.items()}
    leaves = {name: build.add(leaf_op(type), (), type, name=name) for name, type in types.items()}
    m = leaves["m"] * 0.9 + leaves["x"].T @ leaves["g"]
    build.graph.results[Result("update", "m")] = m.id
    build.graph.results[Result("update", "W")] = (leaves["W"] - m * 0.1).id
    arrays = {
        name: rng.normal(size=[size_at(d, n) for d in shape]).astype("float32")
        for name, shape in shapes.items()
    }
    found, wanted = both(build.graph, n, arrays, isa)
    for name in "mW":
        assert_close(found[Result("update", name)], wanted[Result("update", name)], name, rounding=64)
