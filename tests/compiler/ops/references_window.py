"""The references of contractions, windows, leaves and random tensors: sums written out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Sizes = Sequence[int]
Pairs = Sequence[tuple[int, int]]


def matmul(a: Array, b: Array) -> Array:
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2)


def einsum(*operands: Array, spec: str) -> Array:
    """Every product, one after the other."""
    left, result = spec.split("->")
    terms = left.split(",")
    sizes = {c: n for t, x in zip(terms, operands, strict=True) for c, n in zip(t, x.shape, strict=True)}
    out = np.zeros([sizes[c] for c in result])
    for places in product(*map(range, sizes.values())):
        at = dict(zip(sizes, places, strict=True))
        factors = [x[tuple(at[c] for c in t)] for t, x in zip(terms, operands, strict=True)]
        out[tuple(at[c] for c in result)] += np.prod(factors)
    return out


def padded(x: Array, pad: Pairs, value: float) -> Array:
    lead = [(0, 0)] * (x.ndim - len(pad))
    return np.pad(x, [*lead, *pad], constant_values=value)


def windows(x: Array, kernel: Sizes, stride: Sizes, dilation: Sizes) -> list[tuple[Sizes, tuple[slice, ...]]]:
    """Every place of the window, with the last axes' slices that it covers."""
    rank = len(kernel)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    counts = [len(range(0, n - r + 1, s)) for n, r, s in zip(x.shape[-rank:], reach, stride, strict=True)]
    return [
        (
            at,
            tuple(slice(i * s, i * s + r, d) for i, s, r, d in zip(at, stride, reach, dilation, strict=True)),
        )
        for at in product(*map(range, counts))
    ]


def conv(x: Array, w: Array, stride: Sizes, pad: Pairs, dilation: Sizes, groups: int) -> Array:
    x = padded(x, pad, 0)
    places = windows(x, w.shape[2:], stride, dilation)
    out = np.empty((len(x), len(w), *(i + 1 for i in places[-1][0])))
    ins, outs = x.shape[1] // groups, len(w) // groups
    for n, k, (at, cut) in product(range(len(x)), range(len(w)), places):
        first = k // outs * ins
        out[(n, k, *at)] = (x[(n, slice(first, first + ins), *cut)] * w[k]).sum()
    return out


def adjoint(linear: Callable[[Array], Array], shape: Sizes, g: Array) -> Array:
    """The transpose of a linear map, applied to g: its inner products with the images of the unit arrays."""
    result = np.empty(shape)
    for at in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[at] = 1
        result[at] = (linear(unit) * g).sum()
    return result


def conv_input_gradient(g: Array, w: Array, space: Sizes, groups: int, **how: Any) -> Array:
    shape = (len(g), w.shape[1] * groups, *space)
    return adjoint(lambda x: conv(x, w, groups=groups, **how), shape, g)


def conv_weight_gradient(x: Array, g: Array, kernel: Sizes, groups: int, **how: Any) -> Array:
    shape = (g.shape[1], x.shape[1] // groups, *kernel)
    return adjoint(lambda w: conv(x, w, groups=groups, **how), shape, g)


def pooled(
    x: Array, kernel: Sizes, stride: Sizes, pad: Pairs, value: float, f: Callable[[Array], Any]
) -> Array:
    """f of each window, flattened."""
    x, ones = padded(x, pad, value), (1,) * len(kernel)
    lead = x.shape[: -len(kernel)]
    places = windows(x, kernel, stride, ones)
    out = np.empty((*lead, *(i + 1 for i in places[-1][0])))
    for first, (at, cut) in product(np.ndindex(*lead), places):
        out[(*first, *at)] = f(x[(*first, *cut)].ravel())
    return out


def maxpool_gather(h: Array, x: Array, kernel: Sizes, stride: Sizes, pad: Pairs) -> Array:
    """h is looked up by its number in x, which the windows of the numbers and of x tell."""
    numbers = np.arange(x.size, dtype=float).reshape(x.shape)
    values = dict(zip(numbers.ravel(), zip(x.ravel(), h.ravel(), strict=True), strict=True))

    def found(window: Array) -> float:
        inside = [values[i] for i in window if i >= 0]
        return max(inside, key=lambda pair: pair[0])[1]

    return pooled(numbers, kernel, stride, pad, -1, found)


def maxpool_scatter(g: Array, x: Array, **how: Any) -> Array:
    return adjoint(lambda h: maxpool_gather(h, x, **how), x.shape, g)


def avgpool(x: Array, **how: Any) -> Array:
    return pooled(x, **how, value=0, f=lambda window: window.mean())


def avgpool_gradient(g: Array, space: Sizes, **how: Any) -> Array:
    return adjoint(lambda x: avgpool(x, **how), (*g.shape[: g.ndim - len(space)], *space), g)


def uniform(found: Array, shape: Sizes, key: str, dtype: str) -> None:
    assert found.shape == shape
    assert found.dtype == dtype
    assert ((found >= 0) & (found < 1)).all()
    assert np.unique(found).size == found.size


def normal(found: Array, shape: Sizes, key: str, dtype: str) -> None:
    assert found.shape == shape
    assert found.dtype == dtype
    assert (np.abs(found) < 6).all()
    assert np.unique(found).size == found.size


REFERENCES_WINDOW: dict[str, Callable[..., Any]] = {
    "size": lambda dim: dim,
    "counter": lambda which: {"step": 3, "steps": 10}[which],
    "range": lambda size: list(range(size)),
    "uniform": uniform,
    "normal": normal,
    "sample_uniform": uniform,
    "sample_normal": normal,
    "matmul": matmul,
    "einsum": einsum,
    "conv": conv,
    "conv_input_gradient": conv_input_gradient,
    "conv_weight_gradient": conv_weight_gradient,
    "maxpool": lambda x, **how: pooled(x, **how, value=-np.inf, f=max),
    "maxpool_gather": maxpool_gather,
    "maxpool_scatter": maxpool_scatter,
    "avgpool": avgpool,
    "avgpool_gradient": avgpool_gradient,
}
