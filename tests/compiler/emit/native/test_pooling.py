"""Pooling of random sizes, and its gradients, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netc.compiler.build import Builder
from netc.compiler.ir import Dim, Graph, N, Result, TensorType, size_at

from .running import Array, assert_close, both


def windows(rng: np.random.Generator, rank: int) -> tuple[dict[str, Any], tuple[int, ...], tuple[int, ...]]:
    """A window, the size of an image and the places of the window on it: they may overlap or leave gaps."""
    kernel, stride = (tuple(int(d) for d in rng.integers(1, 4, rank)) for _ in "ks")
    pad = tuple((int(rng.integers(0, k)), int(rng.integers(0, k))) for k in kernel)
    space = tuple(k + int(rng.integers(0, 6)) for k in kernel)
    sizes = zip(space, kernel, stride, pad, strict=True)
    places = tuple((size + sum(around) - k) // s + 1 for size, k, s, around in sizes)
    return {"kernel": kernel, "stride": stride, "pad": pad}, space, places


@pytest.mark.parametrize("n", [1, 6, 16, 19])
def test_pooling(n: int) -> None:
    """Small whole numbers: windows have their maximum in several places, of which the first one counts."""
    rng = np.random.default_rng(n)
    build = Builder(Graph())
    arrays: dict[str, Array] = {}
    results = build.graph.results

    def drawn(name: str, shape: tuple[Dim, ...]) -> Any:
        arrays[name] = rng.integers(-3, 4, [size_at(d, n) for d in shape]).astype(np.float32)
        return build.add("input", (), TensorType("float32", shape), name=name)

    for i in range(8):
        how, space, places = windows(rng, 1 + i % 2)
        lead = (N, int(rng.integers(1, 5)))
        x, h, g = (
            drawn(f"{i}{k}", (*lead, *size)) for k, size in zip("xhg", (space, space, places), strict=True)
        )
        special = drawn(f"{i}s", (*lead, *space))
        spoilt = arrays[f"{i}s"]
        spoilt[rng.random(spoilt.shape) < 0.1] = np.nan
        spoilt[rng.random(spoilt.shape) < 0.1] = -np.inf
        found = {
            "maxpool": x.op("maxpool", **how),
            "maxpool of numbers that are not finite": special.op("maxpool", **how),
            "avgpool of numbers that are not finite": special.op("avgpool", **how),
            "maxpool_gather": h.op("maxpool_gather", x, **how),
            "maxpool_scatter": g.op("maxpool_scatter", x, **how),
            "avgpool": x.op("avgpool", **how),
            "avgpool_gradient": g.op("avgpool_gradient", **how, space=space),
        }
        results |= {Result("value", f"{name} {space} {how}"): value.id for name, value in found.items()}
    native, wanted = both(build.graph, n, arrays)
    for result, value in wanted.items():
        assert_close(native[result], value, result.name)
