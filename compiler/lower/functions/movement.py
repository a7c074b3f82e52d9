"""Functions that put elements elsewhere: shapes, parts, copies, look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...build import Builder, Value
from ...ir import Dim, divide, product
from ...ops.op import ShapeError
from .function import Axes, Place, as_tensor, axes_of, axis_of, function, numbers, sizes


@function
def reshape(builder: Builder, place: Place, x: Value, shape: tuple[Dim, ...]) -> Value:
    """One size may be -1: what is left."""
    wanted = list(sizes(shape))
    if wanted.count(-1) == 1:
        rest = divide(x.type.elements, product([d for d in wanted if d != -1]))
        wanted[wanted.index(-1)] = -1 if rest is None else rest
    return x.reshape(wanted)


@function
def flatten(builder: Builder, place: Place, x: Value, axis: int = 1) -> Value:
    """Every axis from `axis` on in one."""
    at = len(x.shape) if axis == len(x.shape) else axis_of(x, axis)
    return x.reshape((*x.shape[:at], product(x.shape[at:])))


@function
def transpose(builder: Builder, place: Place, x: Value, axes: tuple[int, ...] | None = None) -> Value:
    """Without axes, all in reverse."""
    order = axes if isinstance(axes, tuple) else range(len(x.shape))[::-1]
    return x.transpose([axis_of(x, a) for a in order])


def _tensors(builder: Builder, xs: object) -> list[Value]:
    given: tuple[object, ...] = xs if isinstance(xs, tuple) else ()
    values = [builder.constant(v) if isinstance(v, int | float) else v for v in given]
    values = [v for v in values if isinstance(v, Value)]
    if not values or len(values) != len(given):
        raise ShapeError("the tensors to join stand in a list, [a, b]", code="type")
    floats = [v for v in values if v.type.is_float]
    dtype = floats[0].dtype if floats else values[0].dtype
    return [v.cast(dtype) for v in values]


@function
def concat(builder: Builder, place: Place, xs: Sequence[Value], axis: int = 1) -> Value:
    values = _tensors(builder, xs)
    return builder.apply("concat", *values, axis=axis_of(values[0], axis))


@function
def stack(builder: Builder, place: Place, xs: Sequence[Value], axis: int = 1) -> Value:
    values = [expand(builder, place, v, axis) for v in _tensors(builder, xs)]
    return builder.apply("concat", *values, axis=axis_of(values[0], axis))


@function
def expand(builder: Builder, place: Place, x: Value, axis: int) -> Value:
    """A new axis of size 1."""
    rank = len(x.shape) + 1
    (given,) = numbers(axis, 1, "axis", -rank)
    if given >= rank:
        raise ShapeError("{0} cannot have a new axis there", f"axis lies in 0 to {rank - 1}")
    at = given % rank
    return x.reshape((*x.shape[:at], 1, *x.shape[at:]))


@function
def squeeze(builder: Builder, place: Place, x: Value, axis: Axes = None) -> Value:
    """Axes of size 1 dropped: the named ones, or all."""
    ones = [i for i, d in enumerate(x.shape) if d == 1]
    dropped = ones if axis in (None, "all") else list(axes_of(x, axis))
    for a in dropped:
        if a not in ones:
            raise ShapeError(f"axis {a} of {{0}} cannot be dropped", f"it has {x.shape[a]} elements")
    return x.reshape([d for i, d in enumerate(x.shape) if i not in dropped])


@function
def broadcast(builder: Builder, place: Place, x: Value | float, shape: tuple[Dim, ...]) -> Value:
    return as_tensor(builder, x).broadcast(sizes(shape))


@function
def flip(builder: Builder, place: Place, x: Value, axis: Axes = -1) -> Value:
    return x.op("flip", axes=axes_of(x, axis))


@function
def tile(builder: Builder, place: Place, x: Value, times: tuple[int, ...]) -> Value:
    """The tensor repeated along each axis."""
    counts = numbers(times, len(x.shape), "times", 1)
    apart: list[Dim] = []
    ones: list[Dim] = []
    for n, d in zip(counts, x.shape, strict=True):
        apart += [n, d]
        ones += [1, d]
    return x.reshape(ones).broadcast(apart).reshape([n * d for n, d in zip(counts, x.shape, strict=True)])


@function
def pad(builder: Builder, place: Place, x: Value, width: int | tuple[Any, ...], value: float = 0.0) -> Value:
    """`width` elements on both sides of every axis, or a list of one number, or pair, for each axis."""
    rank = len(x.shape)
    widths: tuple[object, ...] = width if isinstance(width, tuple) else (width,) * rank
    if len(widths) != rank:
        title = "pad wants a whole number, or a list of one for each axis of {0}"
        raise ShapeError(title, f"{{0}} has {rank} axes", code="type")
    pairs = [numbers(w, 2, "each width of pad", 0) for w in widths]
    return x.op(
        "pad", before=tuple(p[0] for p in pairs), after=tuple(p[1] for p in pairs), value=float(value)
    )


@function
def one_hot(builder: Builder, place: Place, y: Value, classes: int) -> Value:
    (size,) = numbers(classes, 1, "classes", 1)
    return y.op("one_hot", classes=size, dtype=builder.precision)


@function
def range_(builder: Builder, place: Place, size: int) -> Value:
    """0, 1, …, size - 1."""
    (total,) = sizes(size) if not isinstance(size, tuple) else (None,)
    if total is None:
        raise ShapeError("range takes one size", code="type")
    return builder.apply("range", size=total)


@function
def take_along(builder: Builder, place: Place, x: Value, i: Value, axis: int = -1) -> Value:
    """x[…, i, …]: for each place of i, the element of x at that index of the axis."""
    if i.type.is_float:
        title = "{1} cannot be an index: it holds fractions"
        raise ShapeError(title, "classes or other whole numbers are wanted", code="dtype")
    return x.op("take_along", i.cast("int64"), axis=axis_of(x, axis))


@function
def crop_at(builder: Builder, place: Place, x: Value, offsets: Value, size: int | tuple[int, ...]) -> Value:
    """A window of each sample x[n, c, h, w], whose corner is offsets[n]."""
    return x.op("window_at", offsets.cast("int64"), size=numbers(size, 2, "size", 1))
