"""What a function is, and how the arguments of all of them are checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...build import Builder, Value
from ...ir import Dim, Extent
from ...ops.op import ShapeError

Axes = int | tuple[int, ...] | str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands: random draws are keyed by it, and in a data block by the sample."""

    path: tuple[str, ...]
    instance: Callable[[str], str]
    draw: Callable[[str], str]
    in_data: bool

    def key(self, function: str) -> str:
        return self.draw(".".join((*self.path, self.instance(function))))


@dataclass(frozen=True, slots=True)
class Parameter:
    """tensor: it wants a tensor; number: or a number; many: a list of tensors."""

    name: str
    required: bool
    tensor: bool
    number: bool
    many: bool


@dataclass(frozen=True, slots=True)
class Function:
    """build(builder, place, **arguments) adds nodes and returns the value. It raises ShapeError."""

    name: str
    signature: str
    parameters: tuple[Parameter, ...]
    build: Callable[..., Any]


FUNCTIONS: dict[str, Function] = {}


def function(build: Callable[..., Any], name: str = "") -> Callable[..., Any]:
    """Make a Python function one of the language's: its parameters after builder and place are the call's."""
    name = name or build.__name__.rstrip("_")
    parameters: list[Parameter] = []
    texts: list[str] = []
    for p in list(inspect.signature(build).parameters.values())[2:]:
        required = p.default is inspect.Parameter.empty
        kind = str(p.annotation)
        parameters.append(Parameter(p.name, required, "Value" in kind, "float" in kind, "Sequence" in kind))
        texts.append(p.name if required else f"{p.name} = {_written(p.default)}")
    FUNCTIONS[name] = Function(name, f"{name}({', '.join(texts)})", tuple(parameters), build)
    return build


def _written(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case None:
            return "none"
        case _:
            return str(default)


def as_tensor(builder: Builder, x: Value | float) -> Value:
    return x if isinstance(x, Value) else builder.constant(x)


def as_float(x: Value) -> Value:
    return x if x.type.is_float else x.cast(x.builder.precision)


def axis_of(x: Value, axis: object) -> int:
    """An axis counted from 0. Raises ShapeError."""
    rank = len(x.shape)
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise ShapeError("axis must be a whole number", f"it is {axis}", code="type")
    if not -rank <= axis < rank:
        raise ShapeError(f"{{0}} has no axis {axis}", f"its axes are 0 to {rank - 1}")
    return axis % rank


def axes_of(x: Value, axis: Axes) -> tuple[int, ...]:
    """Axes counted from 0, in order; all of them where none is named."""
    if axis is None or axis in ("all", "none"):
        return tuple(range(len(x.shape)))
    found = [axis_of(x, a) for a in (axis if isinstance(axis, tuple) else (axis,))]
    if len(set(found)) < len(found):
        raise ShapeError("the same axis is named twice")
    return tuple(sorted(found))


def numbers(value: object, count: int, what: str, low: int) -> tuple[int, ...]:
    """A whole number for every one of `count` axes, or a list of one for each. Raises ShapeError."""
    values: tuple[object, ...] = value if isinstance(value, tuple) else (value,) * count
    whole = [v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= low]
    if len(values) != count or len(whole) != count:
        title = f"{what} must be a whole number from {low} on, or a list of {count}"
        raise ShapeError(title, f"it is {_listed(value)}", code="type")
    return tuple(whole)


def sizes(shape: object) -> tuple[Dim, ...]:
    """A list of sizes, or one alone. Raises ShapeError."""
    values: tuple[object, ...] = shape if isinstance(shape, tuple) else (shape,)
    found = [d for d in values if isinstance(d, int | Extent) and not isinstance(d, bool)]
    fractions = [v for v in values if isinstance(v, float)]
    if fractions:
        title = f"{fractions[0]:.6g} is no size: an axis has a whole number of elements"
        raise ShapeError(title, "a size must divide without rest")
    if len(found) != len(values):
        raise ShapeError("a shape is a list of sizes", f"this is {_listed(shape)}", code="type")
    return tuple(found)


def _listed(value: object) -> str:
    if isinstance(value, Value):
        return "a tensor"
    return f"[{', '.join(map(_listed, value))}]" if isinstance(value, tuple) else str(value)
