"""The accuracy of functions in float32, against the same in double precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import special

from netc.compiler.build import Builder
from netc.compiler.ir import Graph, N, Result, TensorType

from .running import Array, by_native

REFERENCES: dict[str, Callable[[Array], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "square": np.square,
    "abs": np.abs,
    "sign": np.sign,
    "neg": np.negative,
    "relu": lambda x: np.where(x < 0, 0, x),
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "erf": special.erf,
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "sinh", "cosh")},
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
}


LEAST = np.finfo(np.float32).smallest_normal  # numbers below it count as 0
SPECIAL = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 2.0, -3.0, 88.72, -87.33, -103.9, 104.0])


def numbers() -> Array:
    """Of every size: random bits, numbers around 0 and 1, and the special ones."""
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2**32, 3000, dtype=np.uint32).view(np.float32)
    bits = bits[~np.isnan(bits)]
    usual = rng.normal(0, 1, 2000) * 10.0 ** rng.uniform(-6, 2.5, 2000)
    near = 1 + rng.normal(0, 1, 1000) * 10.0 ** rng.uniform(-7, -0.5, 1000)
    tiny = np.finfo(np.float32).smallest_subnormal * rng.integers(1, 2**23, 500)
    others = np.concatenate([usual, near, tiny, -tiny]).astype(np.float32)
    return np.concatenate([np.repeat(SPECIAL, len(SPECIAL)), bits, others])


TWO = {"pow": np.power, "maximum": np.maximum, "minimum": np.minimum, "div": np.divide}
TWO |= {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "ge": np.greater_equal}


@pytest.fixture(scope="module")
def computed() -> Mapping[str, tuple[Array, Array]]:
    """What each function gives, and its exact value in double precision, of subnormal numbers that of 0."""
    build = Builder(Graph())
    x = numbers()
    y = np.concatenate([np.tile(SPECIAL, len(SPECIAL)), np.random.default_rng(4).permutation(x)])[: len(x)]
    a, b = (build.add("input", (), TensorType("float32", (N,)), name=name) for name in "xy")
    for name in REFERENCES:
        build.graph.results[Result("value", name)] = a.op(name).id
    for name in TWO:
        build.graph.results[Result("value", name)] = a.op(name, b).id
    found = by_native(build.graph, len(x), {"x": x, "y": y})
    with np.errstate(all="ignore"):
        wide = [np.where(np.abs(v) < LEAST, np.copysign(0, v), v).astype(np.float64) for v in (x, y)]
        exact = {name: f(wide[0]) for name, f in REFERENCES.items()} | {k: f(*wide) for k, f in TWO.items()}
    return {name: (found[Result("value", name)], exact[name]) for name in exact}


@pytest.mark.parametrize("name", [*REFERENCES, *TWO])
def test_accuracy(name: str, computed: Mapping[str, tuple[Array, Array]]) -> None:
    """Three units in the last place at most; zeros with their sign, infinities and NaNs are exact."""
    found, exact = computed[name]
    if exact.dtype == bool:
        np.testing.assert_array_equal(found, exact)
        return
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        units = np.abs(found - exact) / np.spacing(np.abs(rounded)).astype(np.float64)
    zero = np.abs(rounded) < LEAST
    ordinary = np.isfinite(rounded) & ~zero
    assert units[ordinary].max() <= 3
    assert np.abs(found[zero]).max(initial=0) < LEAST
    np.testing.assert_array_equal(found[~ordinary & ~zero], rounded[~ordinary & ~zero])
    if name in REFERENCES:
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]))
