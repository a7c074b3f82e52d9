"""The functions of the language that are primitives, or a few of them in a row."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..build import Builder, Value
from ..ir import Dim, Extent, divide, product
from ..ops import REGISTRY
from ..ops.op import ShapeError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands: random draws are keyed by it."""

    path: tuple[str, ...]
    instance: Callable[[str], str]

    def key(self, function: str) -> str:
        return ".".join((*self.path, self.instance(function)))


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    required: bool
    tensor: bool
    many: bool


@dataclass(frozen=True, slots=True)
class Function:
    """build(builder, place, **arguments) adds nodes and returns the value."""

    name: str
    signature: str
    parameters: tuple[Parameter, ...]
    build: Callable[..., Any]


FUNCTIONS: dict[str, Function] = {}


def function(build: Callable[..., Any], name: str = "") -> Callable[..., Any]:
    """Make a Python function one of the language's: its parameters after builder and place are the call's."""
    name = name or build.__name__.rstrip("_")
    found: list[Parameter] = []
    texts: list[str] = []
    for p in list(inspect.signature(build).parameters.values())[2:]:
        required = p.default is inspect.Parameter.empty
        kind = str(p.annotation)
        found.append(Parameter(p.name, required, "Value" in kind, "Sequence" in kind))
        texts.append(p.name if required else f"{p.name} = {_text(p.default)}")
    FUNCTIONS[name] = Function(name, f"{name}({', '.join(texts)})", tuple(found), build)
    return build


def _text(value: object) -> str:
    return {True: "true", False: "false", None: "all"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)


Axes = int | tuple[int, ...] | str | None
_MATH: dict[str, Callable[..., float]] = {
    "exp": math.exp, "log": math.log, "log1p": math.log1p, "expm1": math.expm1, "sqrt": math.sqrt,
    "abs": abs, "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos,
    "atan": math.atan, "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "erf": math.erf,
    "floor": math.floor, "ceil": math.ceil, "round": round, "square": lambda x: x * x,
    "maximum": max, "minimum": min, "reciprocal": lambda x: 1 / x, "rsqrt": lambda x: 1 / math.sqrt(x),
}  # fmt: skip
_OPERATORS = {"add", "sub", "mul", "div", "neg", "pow", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "cast"}


def _elementwise(name: str, count: int) -> None:
    """One of the elementwise primitives; of numbers it is a number."""

    def build(builder: Builder, values: Sequence[Any]) -> Any:
        if name in _MATH and not any(isinstance(v, Value) for v in values):
            try:
                return _MATH[name](*values)
            except (ValueError, OverflowError, ZeroDivisionError):
                raise ShapeError(f"{name} of {', '.join(map(str, values))} is not a number", code="type") from None
        operands = [v if isinstance(v, Value) else builder.constant(v) if count == 1 else v for v in values]
        return builder.apply(name, *operands)

    match count:
        case 1:

            def unary(builder: Builder, place: Place, x: Value | float) -> Any:
                return build(builder, [x])

            function(unary, name)
        case 2:

            def binary(builder: Builder, place: Place, a: Value | float, b: Value | float) -> Any:
                return build(builder, [a, b])

            function(binary, name)
        case _:

            def ternary(
                builder: Builder, place: Place, c: Value | float, a: Value | float, b: Value | float
            ) -> Any:
                return build(builder, [c, a, b])

            function(ternary, name)


def _arity(name: str) -> int:
    return len(REGISTRY[name].samples[0].operands)


for _op in REGISTRY.values():
    if _op.kind == "elementwise" and _op.name not in _OPERATORS:
        _elementwise(_op.name, _arity(_op.name))


def _axis(x: Value, axis: object, what: str = "axis") -> int:
    rank = len(x.shape)
    if isinstance(axis, bool) or not isinstance(axis, int | float) or axis != int(axis):
        raise ShapeError(f"{what} must be a whole number", code="type")
    if not -rank <= axis < rank:
        raise ShapeError(f"{{0}} has no axis {int(axis)}", f"its axes are 0 to {rank - 1}", ())
    return int(axis) % rank


def _axes(x: Value, axis: Axes) -> tuple[int, ...]:
    if axis is None or axis in ("all", "none"):
        return tuple(range(len(x.shape)))
    found = tuple(_axis(x, a) for a in (axis if isinstance(axis, tuple) else (axis,)))
    if len(set(found)) < len(found):
        raise ShapeError("the same axis is named twice")
    return tuple(sorted(found))


def _tensor(builder: Builder, x: Value | float) -> Value:
    return x if isinstance(x, Value) else builder.constant(x)


def _pair(value: object, rank: int, what: str, low: int) -> tuple[int, ...]:
    """A number for every spatial axis, or a list of one for each."""
    values = value if isinstance(value, tuple) else (value,) * rank
    if len(values) != rank or any(isinstance(v, bool) or not isinstance(v, int) or v < low for v in values):
        raise ShapeError(f"{what} must be a whole number from {low} on, or a list of {rank}", f"it is {value}", code="type")
    return tuple(v for v in values if isinstance(v, int))


def _reduction(name: str) -> None:
    def build(builder: Builder, place: Place, x: Value | float, axis: Axes = None, keep: bool = False) -> Value:
        value = _tensor(builder, x)
        if name in ("any", "all"):
            value = value.cast("bool")
        elif value.dtype in ("bool", "uint8", "uint16") and name in ("sum", "prod"):
            value = value.cast("int64")
        return value.op(name, axis=_axes(value, axis), keep=bool(keep))

    function(build, name)


for _name in ("sum", "max", "min", "prod", "any", "all"):
    _reduction(_name)


def _place_of_extreme(name: str) -> None:
    def build(builder: Builder, place: Place, x: Value, axis: int = -1, keep: bool = False) -> Value:
        return x.op(name, axis=_axis(x, axis), keep=bool(keep))

    function(build, name)


_place_of_extreme("argmax")
_place_of_extreme("argmin")


def _float(x: Value) -> Value:
    return x if x.type.is_float else x.cast(x.builder.precision)


@function
def cumsum(builder: Builder, place: Place, x: Value, axis: int = -1) -> Value:
    return x.op("cumsum", axis=_axis(x, axis))


@function
def softmax(builder: Builder, place: Place, x: Value, axis: int = -1) -> Value:
    return _float(x).op("softmax", axis=_axis(x, axis))


@function
def log_softmax(builder: Builder, place: Place, x: Value, axis: int = -1) -> Value:
    return _float(x).op("log_softmax", axis=_axis(x, axis))


@function
def logsumexp(builder: Builder, place: Place, x: Value, axis: int = -1, keep: bool = False) -> Value:
    return _float(x).op("logsumexp", axis=_axis(x, axis), keep=bool(keep))


@function
def stop_gradient(builder: Builder, place: Place, x: Value) -> Value:
    return x.op("stop_gradient")


@function
def count(builder: Builder, place: Place, x: Value, axis: Axes = None) -> Value | int:
    """How many elements a reduction over these axes joins."""
    total = product([x.shape[a] for a in _axes(x, axis)])
    return builder.size(total)


def _whole_shape(shape: object) -> tuple[Dim, ...]:
    values = shape if isinstance(shape, tuple) else (shape,)
    if any(isinstance(d, bool) or not isinstance(d, int | Extent) for d in values):
        raise ShapeError("a shape is a list of sizes", f"this is {shape}", code="type")
    return tuple(d for d in values if isinstance(d, int | Extent))


@function
def reshape(builder: Builder, place: Place, x: Value, shape: tuple[Dim, ...]) -> Value:
    wanted = list(_whole_shape(shape))
    if wanted.count(-1) == 1:
        rest = divide(x.type.elements, product([d for d in wanted if d != -1]))
        if rest is not None:
            wanted[wanted.index(-1)] = rest
    return x.reshape(wanted)


@function
def flatten(builder: Builder, place: Place, x: Value, axis: int = 1) -> Value:
    """Every axis from `axis` on in one."""
    if isinstance(axis, bool) or not isinstance(axis, int) or not 0 <= axis <= len(x.shape):
        raise ShapeError("{0} has no such axis to flatten from", f"axis is {axis}")
    return x.reshape((*x.shape[:axis], product(x.shape[axis:])))


@function
def transpose(builder: Builder, place: Place, x: Value, axes: tuple[int, ...] | None = None) -> Value:
    rank = len(x.shape)
    order = tuple(reversed(range(rank))) if axes in (None, "all", "none") else axes
    if not isinstance(order, tuple) or sorted(a % rank for a in order if isinstance(a, int)) != list(range(rank)):
        raise ShapeError("the axes of transpose must name each axis of {0} once", f"it has {rank} axes")
    return x.transpose([a % rank for a in order])


def _tensors(builder: Builder, xs: object) -> list[Value]:
    values = list(xs) if isinstance(xs, tuple) else []
    if not values or not all(isinstance(v, Value) for v in values):
        raise ShapeError("a list of tensors is wanted: [a, b]", code="type")
    floats = [v for v in values if v.type.is_float]
    dtype = floats[0].dtype if floats else values[0].dtype
    return [v.cast(dtype) for v in values]


@function
def concat(builder: Builder, place: Place, xs: Sequence[Value], axis: int = 1) -> Value:
    values = _tensors(builder, xs)
    return builder.apply("concat", *values, axis=_axis(values[0], axis))


@function
def stack(builder: Builder, place: Place, xs: Sequence[Value], axis: int = 1) -> Value:
    values = [_expanded(v, axis) for v in _tensors(builder, xs)]
    return builder.apply("concat", *values, axis=_axis(values[0], axis))


def _expanded(x: Value, axis: int) -> Value:
    rank = len(x.shape) + 1
    if isinstance(axis, bool) or not isinstance(axis, int) or not -rank <= axis < rank:
        raise ShapeError("{0} cannot have a new axis there", f"axis must lie in 0 to {rank - 1}")
    at = axis % rank
    return x.reshape((*x.shape[:at], 1, *x.shape[at:]))


@function
def expand(builder: Builder, place: Place, x: Value, axis: int) -> Value:
    """A new axis of size 1."""
    return _expanded(x, axis)


@function
def squeeze(builder: Builder, place: Place, x: Value, axis: Axes = None) -> Value:
    """Axes of size 1 dropped: the named ones, or all."""
    ones = [i for i, d in enumerate(x.shape) if d == 1]
    dropped = ones if axis in (None, "all") else list(_axes(x, axis))
    if any(a not in ones for a in dropped):
        raise ShapeError("only axes of size 1 can be squeezed out of {0}")
    return x.reshape([d for i, d in enumerate(x.shape) if i not in dropped])


@function
def broadcast(builder: Builder, place: Place, x: Value | float, shape: tuple[Dim, ...]) -> Value:
    return _tensor(builder, x).broadcast(_whole_shape(shape))


@function
def flip(builder: Builder, place: Place, x: Value, axis: Axes = -1) -> Value:
    return x.op("flip", axes=_axes(x, axis))


@function
def tile(builder: Builder, place: Place, x: Value, times: tuple[int, ...]) -> Value:
    """The tensor repeated along each axis."""
    counts = _pair(times, len(x.shape), "times", 1)
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
    widths = width if isinstance(width, tuple) else (width,) * rank
    pairs = [w if isinstance(w, tuple) else (w, w) for w in widths]
    if len(pairs) != rank or any(len(p) != 2 or not all(isinstance(v, int) and v >= 0 for v in p) for p in pairs):
        raise ShapeError(f"pad wants a whole number, or a list of one for each of the {rank} axes of {{0}}")
    return x.op("pad", before=tuple(p[0] for p in pairs), after=tuple(p[1] for p in pairs), value=float(value))


@function
def one_hot(builder: Builder, place: Place, y: Value, classes: int) -> Value:
    return y.op("one_hot", classes=classes, dtype=builder.precision)


@function
def range_(builder: Builder, place: Place, size: int) -> Value:
    """0, 1, …, size - 1."""
    return builder.apply("range", size=size)


@function
def take_along(builder: Builder, place: Place, x: Value, i: Value, axis: int = -1) -> Value:
    """x[…, i, …]: for each place of i, the element of x at that index of the axis."""
    return x.op("take_along", i.cast("int64"), axis=_axis(x, axis))


@function
def crop_at(builder: Builder, place: Place, x: Value, offsets: Value, size: int | tuple[int, ...]) -> Value:
    """A window of each sample x[n, c, h, w], whose corner is offsets[n]."""
    return x.op("window_at", offsets.cast("int64"), size=_pair(size, 2, "size", 1))


@function
def matmul(builder: Builder, place: Place, a: Value, b: Value) -> Value:
    return a @ b


@function
def einsum(
    builder: Builder, place: Place, spec: str, a: Value, b: Value | None = None, c: Value | None = None
) -> Value:
    if not isinstance(spec, str):
        raise ShapeError('einsum wants its axes first, as a text: einsum("nij,njk->nik", a, b)', code="type")
    return builder.apply("einsum", *(v for v in (a, b, c) if v is not None), spec=spec)


def _paddings(pad: object, rank: int, kernel: Sequence[Dim], dilation: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Zeros before and after each spatial axis; `same` keeps the size at stride 1."""
    if pad == "same":
        if not all(isinstance(k, int) for k in kernel):
            raise ShapeError("pad = same wants a kernel of fixed size")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True) if isinstance(k, int)]
        return tuple((t // 2, t - t // 2) for t in totals)
    return tuple((p, p) for p in _pair(pad, rank, "pad", 0))


def _convolve(x: Value, w: Value, rank: int, stride: Any, pad: Any, dilation: Any, groups: Any) -> Value:
    for position, value in ((0, x), (1, w)):
        if len(value.shape) != rank + 2:
            raise ShapeError(
                f"{{{position}}} must have {rank + 2} axes: {'samples, channels' if position == 0 else 'channels out and in'}"
                f" and {rank} of space", f"it has {len(value.shape)}",
            )  # fmt: skip
    steps = _pair(stride, rank, "stride", 1)
    gaps = _pair(dilation, rank, "dilation", 1)
    pads = _paddings(pad, rank, w.shape[2:], gaps)
    (group,) = _pair(groups, 1, "groups", 1)
    return _float(x).op("conv", w, stride=steps, pad=pads, dilation=gaps, groups=group)


@function
def conv1d(
    builder: Builder, place: Place, x: Value, w: Value,
    stride: int = 1, pad: int = 0, dilation: int = 1, groups: int = 1,
) -> Value:  # fmt: skip
    return _convolve(x, w, 1, stride, pad, dilation, groups)


@function
def conv2d(
    builder: Builder, place: Place, x: Value, w: Value,
    stride: int = 1, pad: int = 0, dilation: int = 1, groups: int = 1,
) -> Value:  # fmt: skip
    return _convolve(x, w, 2, stride, pad, dilation, groups)


@function
def conv_transpose2d(
    builder: Builder, place: Place, x: Value, w: Value, stride: int = 1, pad: int = 0, dilation: int = 1
) -> Value:
    """The transpose of conv2d: w[channels in, channels out, kernel h, kernel w]."""
    if len(x.shape) != 4 or len(w.shape) != 4:
        raise ShapeError("conv_transpose2d wants {0} and {1} with 4 axes each")
    if x.shape[1] != w.shape[0]:
        label = f"{x.shape[1]} is not {w.shape[0]}"
        raise ShapeError("the channels of {0} are not those that {1} reads", label, ((0, 1), (1, 0)))
    steps, gaps = _pair(stride, 2, "stride", 1), _pair(dilation, 2, "dilation", 1)
    pads = _paddings(pad, 2, w.shape[2:], gaps)
    sizes = zip(x.shape[2:], steps, w.shape[2:], gaps, pads, strict=True)
    space = [(h - 1) * s + d * (k - 1) + 1 - p[0] - p[1] for h, s, k, d, p in sizes]
    if any(isinstance(d, int) and d < 1 for d in space):
        raise ShapeError("nothing is left of {0} after this padding")
    return _float(x).op(
        "conv_input_gradient", w, stride=steps, pad=pads, dilation=gaps, groups=1, space=tuple(space)
    )


def _pool(name: str) -> None:
    def build(
        builder: Builder, place: Place, x: Value, size: int, stride: int | None = None, pad: int = 0
    ) -> Value:
        rank = len(x.shape) - 2
        if rank not in (1, 2):
            raise ShapeError(f"{name} wants x[N, c, h, w] or x[N, c, w], and {{0}} has {len(x.shape)} axes")
        kernel = _pair(size, rank, "size", 1)
        steps = kernel if stride is None else _pair(stride, rank, "stride", 1)
        pads = _paddings(pad, rank, kernel, (1,) * rank)
        return _float(x).op(name, kernel=kernel, stride=steps, pad=pads)

    function(build, name)


_pool("maxpool")
_pool("avgpool")


def _random(name: str) -> None:
    def build(builder: Builder, place: Place, shape: tuple[Dim, ...]) -> Value:
        return builder.apply(name, shape=_whole_shape(shape), key=place.key(name), dtype=builder.precision)

    function(build, name)


_random("uniform")
_random("normal")
