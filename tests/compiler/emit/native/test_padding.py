"""Samples that only fill up a vector take no part in anything, and no sample in another's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder, Value
from netc.compiler.differentiate import differentiate
from netc.compiler.ir import Graph, N, Result, TensorType

from .running import Array, assert_close, both

WINDOW = {"stride": (1, 1), "pad": ((1, 1), (0, 0)), "dilation": (1, 1), "groups": 1}
NONE = ((0, 0), (0, 0))
SHAPES: dict[str, tuple[Any, ...]] = {
    "x": (N, 3),
    "y": (N, 4),
    "u": (N,),
    "images": (N, 2, 5, 4),
    "maps": (N, 3, 5, 2),
    "w": (3,),
    "kernel": (3, 2, 3, 3),
    "s": (),
}
REDUCTIONS = ("sum", "max", "min", "prod")
ROWS = ("softmax", "log_softmax", "cumsum")


def over_the_batch(
    b: Builder, x: Value, y: Value, u: Value, images: Value, maps: Value, w: Value, s: Value
) -> Iterator[tuple[str, Value]]:
    """Values by name, in which the samples meet."""
    for op in REDUCTIONS:
        yield f"{op} of samples", x.op(op, axis=(0,), keep=False)
        yield f"{op} of everything", x.op("exp").op(op, axis=(0, 1), keep=True)
        yield f"{op} of a number a sample", u.op(op, axis=(0,), keep=False)
        yield f"{op} of columns", x.T.op(op, axis=(1,), keep=False)
        yield f"{op} of what all samples share", w.broadcast((N, 3)).op(op, axis=(0,), keep=False)
        yield f"{op} of what all have", (w + s).op("exp").broadcast((N, 3)).op(op, axis=(0, 1), keep=False)
        yield f"{op} of joined axes", (x * 2.0).reshape((3 * N,)).op(op, axis=(0,), keep=False)
        yield f"{op} of samples and rows", images.op(op, axis=(0, 3), keep=False)
        yield f"{op} of reversed", x.op("flip", axes=(1,)).op(op, axis=(0,), keep=False)
        some = images.op("slice", start=(0, 0, 1, 0), stop=(N, 2, 5, 3), step=(1, 1, 2, 1))
        yield f"{op} of some", some.op(op, axis=(0, 2), keep=False)
    for op in ("any", "all"):
        yield f"{op} of samples", x.op("gt", 0.5).op(op, axis=(0,), keep=False)
        yield f"{op} of everything", x.op("gt", -9.0).op(op, axis=(0, 1), keep=False)
    for op in ROWS:
        yield f"{op} along the batch", x.op(op, axis=0)
        yield f"{op} along the batch of columns", x.T.op(op, axis=1)
        yield f"{op} along the batch of numbers", u.op(op, axis=0)
    yield "logsumexp", x.op("logsumexp", axis=0, keep=False)
    for op in ("argmax", "argmin"):
        yield op, x.op(op, axis=0, keep=False)
        yield f"{op} of columns", x.T.op(op, axis=1, keep=True)
    yield "gram", x.T @ x
    yield "product", x.T @ y
    yield "sums of products", u.reshape((1, N)) @ y
    yield "product of columns", y.T @ u.reshape((N, 1))
    for spec in ("ni,nj->ij", "ni,nj->ji", "ni,nj->i", "ni,nj->j", "ni,nj->"):
        yield f"einsum {spec}", b.apply("einsum", x, y, spec=spec)
    for spec in ("ni->i", "ni->"):
        yield f"einsum {spec}", b.apply("einsum", x, spec=spec)
    for spec in ("ni,i->", "ni,i->i", "i,ni->i"):
        yield f"einsum {spec}", b.apply("einsum", *((w, x) if spec[0] == "i" else (x, w)), spec=spec)
    yield "einsum of maps", b.apply("einsum", images, y, spec="nchw,nk->ckw")
    yield "weights", images.op("conv_weight_gradient", maps, **WINDOW, kernel=(3, 3))
    yield "mean", x.sum((0,)) / b.size(N)
    centred = x - x.sum((0,), keep=True) / b.size(N)
    yield "variance", (centred * centred).sum((0,)) / b.size(N)
    yield "normalised", centred / ((centred * centred).sum((0,), keep=True) / b.size(N) + 1e-5).op("sqrt")
    numbers = b.apply("range", size=N).cast("float64")
    yield "last number", numbers.op("max", axis=(0,), keep=False)
    yield "sum of numbers", (numbers * u).op("sum", axis=(0,), keep=False)
    yield "numbers from the end", (b.size(N) - numbers).op("log").op("sum", axis=(0,), keep=False)
    yield "products of numbers", (b.size(N) - numbers).op("log").reshape((1, N)) @ y
    drawn = b.apply("uniform", shape=(N, 3), key="k", dtype="float64")
    yield "drawn", drawn.op("max", axis=(0,), keep=False)
    drawn = b.apply("sample_uniform", shape=(N, 3), key="k", dtype="float64")
    yield "drawn for samples", drawn.op("sum", axis=(0,), keep=False)
    places = x.op("argmax", axis=1, keep=False)
    yield "put", x.op("put", places, rows=5)
    shared, picture = w.broadcast((N, 3)), w.reshape((3, 1, 1)).broadcast((N, 3, 5, 2))
    yield "put of what all share", shared.op("put", places, rows=5)
    yield "product of what all share", shared.T @ y
    yield "product with what all share", y.T @ shared
    yield "product of two that all share", shared.T @ shared
    yield "einsum of what all share", b.apply("einsum", shared, spec="ni->i")
    yield "weights of what all share", images.op("conv_weight_gradient", picture, **WINDOW, kernel=(3, 3))
    wide = w.reshape((3, 1, 1)).broadcast((N, 3, 6, 4))
    yield (
        "weights where all share both",
        wide.op("conv_weight_gradient", picture, **(WINDOW | {"pad": NONE}), kernel=(2, 3)),
    )
    pool = {"kernel": (2, 2), "stride": (2, 2), "pad": NONE}
    frame = (w.reshape((3, 1)) * w).op("pad", before=(2, 0), after=(1, 1), value=0.5).broadcast((N, 6, 4))
    yield "maxpool of one image", frame.op("maxpool", **pool)
    yield "avgpool of one image", frame.op("avgpool", **pool)
    yield "maxpool of what all share", wide.op("maxpool", **pool)
    yield "avgpool of what all share", wide.op("avgpool", **pool)
    rows = shared.op("softmax", axis=1)
    yield "softmax of what all share", rows.sum((0,))
    yield "softmax over the batch of what all share", shared.op("softmax", axis=0)
    yield "running sum of what all share", shared.op("cumsum", axis=0)
    yield "put numbers", u.op("put", places, rows=5)
    yield "put along", x.op("put_along", places.reshape((N, 1)).op("broadcast", shape=(N, 3)), axis=0, size=3)


def graph() -> Graph:
    build = Builder(Graph(), precision="float64")
    leaves = {
        name: build.add("input" if N in shape else "param", (), TensorType("float64", shape), name=name)
        for name, shape in SHAPES.items()
    }
    kernel = leaves.pop("kernel")
    results = build.graph.results
    for name, value in over_the_batch(build, *leaves.values()):
        assert Result("value", name) not in results
        results[Result("value", name)] = value.id
    hidden = (leaves["x"] * leaves["w"] + leaves["s"]).op("tanh")
    maps = leaves["images"].op("conv", kernel, **WINDOW)
    one = leaves["images"].sum((0,), keep=True).broadcast((N, 2, 5, 4))
    results[Result("value", "maps of one image")] = one.op("conv", kernel, **WINDOW).id
    normal = maps - maps.sum((0, 2, 3), keep=True) / (build.size(N) * 10)
    total = hidden.sum((0, 1)) + (normal * maps * maps).sum((0, 1, 2, 3)) / build.size(N)
    parameters = [leaves["w"], leaves["s"], kernel]
    for name, share in zip("wsk", differentiate(build, total.id, [v.id for v in parameters]), strict=True):
        assert share is not None
        results[Result("gradient", name)] = share.id
    return build.graph


def drawn(n: int) -> dict[str, Array]:
    rng = np.random.default_rng(n)
    return {name: rng.normal(size=[n if d == N else d for d in shape]) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("n", [1, 5, 16, 17])
def test_what_goes_over_the_batch(n: int) -> None:
    found, wanted = both(graph(), n, drawn(n))
    for result, value in wanted.items():
        assert_close(found[result], value, result.name, 64)


PRODUCTS = ("einsum", "gram", "product", "weights", "sums of products")


@pytest.mark.parametrize("sample", [1, 4])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(number: float, sample: int) -> None:
    """In sums of products an infinity may become no number, but no finite number does."""
    arrays = drawn(5)
    arrays["x"][sample, 1] = number
    arrays["images"][sample, 1, 2, 2] = number
    found, wanted = both(graph(), 5, arrays)
    for result, value in wanted.items():
        if result.name.startswith(PRODUCTS):
            finite = np.isfinite(value)
            np.testing.assert_array_equal(np.isfinite(found[result]), finite, result.name)
            assert_close(found[result][finite], value[finite], result.name, 64)
        else:
            assert_close(found[result], value, result.name, 64)
