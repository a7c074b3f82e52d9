"""The elementwise primitives as functions, and random tensors. Of numbers, a function is a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ...build import Builder, Value
from ...ir import Dim, N
from ...ops import REGISTRY
from ...ops.op import ShapeError
from .function import Place, function, sizes


def _square(x: float) -> float:
    return x * x


def _reciprocal(x: float) -> float:
    return 1 / x


def _rsqrt(x: float) -> float:
    return 1 / math.sqrt(x)


_OF_NUMBERS: dict[str, Callable[..., Any]] = {
    "exp": math.exp, "log": math.log, "log1p": math.log1p, "expm1": math.expm1, "sqrt": math.sqrt,
    "abs": abs, "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos,
    "atan": math.atan, "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "erf": math.erf,
    "floor": math.floor, "ceil": math.ceil, "round": round, "square": _square,
    "maximum": max, "minimum": min, "reciprocal": _reciprocal, "rsqrt": _rsqrt,
}  # fmt: skip
# Written with signs or words, or not for users.
_OPERATORS = [
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    "pow",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "not",
    "cast",
]


def _apply(name: str, builder: Builder, values: Sequence[Value | float]) -> Any:
    if any(isinstance(v, Value) for v in values):
        return builder.apply(name, *values)
    if name in _OF_NUMBERS:
        try:
            return _OF_NUMBERS[name](*values)
        except (ValueError, OverflowError, ZeroDivisionError):
            shown = ", ".join(map(str, values))
            raise ShapeError(f"{name} of {shown} is not a number", code="type") from None
    return builder.apply(name, *(v if isinstance(v, Value) else builder.constant(v) for v in values))


def _define(name: str, count: int) -> None:
    match count:
        case 1:

            def unary(builder: Builder, place: Place, x: Value | float) -> Any:
                return _apply(name, builder, [x])

            function(unary, name)
        case 2:

            def binary(builder: Builder, place: Place, a: Value | float, b: Value | float) -> Any:
                return _apply(name, builder, [a, b])

            function(binary, name)
        case _:

            def ternary(
                builder: Builder, place: Place, c: Value | float, a: Value | float, b: Value | float
            ) -> Any:
                return _apply(name, builder, [c, a, b])

            function(ternary, name)


for _op in REGISTRY.values():
    if _op.kind == "elementwise" and _op.name not in _OPERATORS:
        _define(_op.name, len(_op.samples[0].operands))


@function
def stop_gradient(builder: Builder, place: Place, x: Value) -> Value:
    return x.op("stop_gradient")


def _random(name: str) -> None:
    def build(builder: Builder, place: Place, shape: tuple[Dim, ...]) -> Value:
        found, key = sizes(shape), place.key(name)
        op = f"sample_{name}" if place.in_data and found[:1] == (N,) else name
        return builder.apply(op, shape=found, key=key, dtype=builder.precision)

    function(build, name)


_random("uniform")
_random("normal")
