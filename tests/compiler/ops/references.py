"""Every primitive once more, with `math`, SciPy or plain loops: slow, and independent of its NumPy text."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from scipy import special

from .references_window import REFERENCES_WINDOW

Array = np.ndarray[Any, Any]
Reference = Callable[..., Any]


def each(f: Callable[..., Any]) -> Reference:
    """f of each number, with broadcasting."""
    return lambda *xs, **_: np.vectorize(f)(*xs)


def rows(f: Callable[[list[Any]], Any]) -> Reference:
    """f of the list of numbers along the axes."""

    def reduce(x: Array, axis: int | tuple[int, ...], keep: bool) -> Array:
        axes = (axis,) if isinstance(axis, int) else axis
        others = [i for i in range(x.ndim) if i not in axes]
        found = np.empty([x.shape[i] for i in others], object)
        for place in np.ndindex(*found.shape):
            at: list[Any] = [slice(None)] * x.ndim
            for i, position in zip(others, place, strict=True):
                at[i] = position
            found[place] = f(list(np.asarray(x[tuple(at)]).flat))
        kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
        return np.array(found.tolist()).reshape(kept if keep else found.shape)

    return reduce


def cumsum(x: Array, axis: int) -> Array:
    return np.apply_along_axis(lambda row: np.array(list(accumulate(row))), axis, x)


def transpose(x: Array, axes: tuple[int, ...]) -> Array:
    y = np.empty([x.shape[a] for a in axes])
    for place in np.ndindex(*x.shape):
        y[tuple(place[a] for a in axes)] = x[place]
    return y


def cut(x: Array, start: Sequence[int], stop: Sequence[int], step: Sequence[int]) -> Array:
    for axis, places in enumerate(map(range, start, stop, step)):
        x = np.stack([x.take(i, axis) for i in places], axis)
    return x


def flip(x: Array, axes: tuple[int, ...]) -> Array:
    for axis in axes:
        x = np.stack([x.take(i, axis) for i in reversed(range(x.shape[axis]))], axis)
    return x


def embed(x: Array, shape: tuple[int, ...], start: Sequence[int], step: Sequence[int]) -> Array:
    y = np.zeros(shape)
    for place in np.ndindex(*x.shape):
        y[tuple(a + i * s for a, i, s in zip(start, place, step, strict=True))] = x[place]
    return y


def concat(*xs: Array, axis: int) -> Array:
    return np.stack([x.take(i, axis) for x in xs for i in range(x.shape[axis])], axis)


def take(x: Array, i: Array) -> Array:
    return np.array([x[j] for j in i.flat]).reshape(*i.shape, *x.shape[1:])


def put(g: Array, i: Array, rows: int) -> Array:
    y = np.zeros((rows, *g.shape[i.ndim :]))
    for place in np.ndindex(*i.shape):
        y[i[place]] += g[place]
    return y


def _along(place: tuple[int, ...], i: Array, axis: int) -> tuple[int, ...]:
    chosen = i[tuple(p if n > 1 else 0 for p, n in zip(place, i.shape, strict=True))]
    return (*place[:axis], int(chosen), *place[axis + 1 :])


def take_along(x: Array, i: Array, axis: int) -> Array:
    y = np.empty([*x.shape[:axis], i.shape[axis], *x.shape[axis + 1 :]])
    for place in np.ndindex(*y.shape):
        y[place] = x[_along(place, i, axis)]
    return y


def put_along(g: Array, i: Array, axis: int, size: int) -> Array:
    y = np.zeros([*g.shape[:axis], size, *g.shape[axis + 1 :]])
    for place in np.ndindex(*g.shape):
        y[_along(place, i, axis)] += g[place]
    return y


def window_at(x: Array, offsets: Array, size: tuple[int, int]) -> Array:
    y = np.empty((*x.shape[:2], *size))
    for n, c, i, j in np.ndindex(*y.shape):
        y[n, c, i, j] = x[n, c, offsets[n, 0] + i, offsets[n, 1] + j]
    return y


def window_put(g: Array, offsets: Array, size: tuple[int, int]) -> Array:
    y = np.zeros((*g.shape[:2], *size))
    for n, c, i, j in np.ndindex(*g.shape):
        y[n, c, offsets[n, 0] + i, offsets[n, 1] + j] = g[n, c, i, j]
    return y


REFERENCES: dict[str, Reference] = {
    "neg": each(operator.neg),
    "exp": each(math.exp),
    "log": each(math.log),
    "log1p": each(math.log1p),
    "expm1": each(math.expm1),
    "sqrt": each(math.sqrt),
    "rsqrt": each(lambda x: x**-0.5),
    "square": each(lambda x: x * x),
    "abs": each(lambda x: -x if x < 0 else x),
    "sign": each(lambda x: math.copysign(1.0, x)),
    "reciprocal": each(lambda x: x**-1.0),
    "sin": each(math.sin),
    "cos": each(math.cos),
    "tan": each(math.tan),
    "asin": each(math.asin),
    "acos": each(math.acos),
    "atan": each(math.atan),
    "sinh": each(math.sinh),
    "cosh": each(math.cosh),
    "tanh": each(math.tanh),
    "erf": each(math.erf),
    "floor": each(math.floor),
    "ceil": each(math.ceil),
    "round": each(round),
    "sigmoid": lambda x: special.expit(x),
    "relu": each(lambda x: max(x, 0.0)),
    "softplus": each(lambda x: math.log(1 + math.exp(x))),
    "not": each(operator.not_),
    "cast": lambda x, dtype: x.astype(dtype),
    "add": each(operator.add),
    "sub": each(operator.sub),
    "mul": each(operator.mul),
    "div": each(operator.truediv),
    "pow": each(math.pow),
    "maximum": each(max),
    "minimum": each(min),
    "eq": each(operator.eq),
    "ne": each(operator.ne),
    "lt": each(operator.lt),
    "le": each(operator.le),
    "gt": each(operator.gt),
    "ge": each(operator.ge),
    "and": each(lambda a, b: a and b),
    "or": each(lambda a, b: a or b),
    "where": each(lambda c, a, b: a if c else b),
    "sum": rows(math.fsum),
    "max": rows(max),
    "min": rows(min),
    "prod": rows(math.prod),
    "any": rows(any),
    "all": rows(all),
    "argmax": rows(lambda row: row.index(max(row))),
    "argmin": rows(lambda row: row.index(min(row))),
    "cumsum": cumsum,
    "softmax": special.softmax,
    "log_softmax": special.log_softmax,
    "logsumexp": lambda x, axis, keep: special.logsumexp(x, axis=axis, keepdims=keep),
    "reshape": lambda x, shape: np.fromiter(x.flat, x.dtype).reshape(shape),
    "transpose": transpose,
    "broadcast": lambda x, shape: x + np.zeros(shape),
    "slice": cut,
    "flip": flip,
    "stop_gradient": lambda x: x,
    "embed": embed,
    "pad": lambda x, before, after, value: np.pad(
        x, list(zip(before, after, strict=True)), constant_values=value
    ),
    "concat": concat,
    "take": take,
    "put": put,
    "take_along": take_along,
    "put_along": put_along,
    "one_hot": lambda y, classes, dtype: np.eye(classes)[y],
    "window_at": window_at,
    "window_put": window_put,
} | REFERENCES_WINDOW
