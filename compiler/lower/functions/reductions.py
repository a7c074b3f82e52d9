"""Functions that join elements along axes, and those that treat each row as a whole."""

from __future__ import annotations

from ...build import Builder, Value
from ...ir import product
from ...ops.op import ShapeError
from .function import Axes, Place, as_float, as_tensor, axes_of, axis_of, function


def _reduction(name: str) -> None:
    def build(
        builder: Builder, place: Place, x: Value | float, axis: Axes = None, keep: bool = False
    ) -> Value:
        value = as_tensor(builder, x)
        if name in ("any", "all"):
            value = value.cast("bool")
        elif value.dtype in ("bool", "uint8", "uint16") and name in ("sum", "prod"):
            value = value.cast("int64")
        return value.op(name, axis=axes_of(value, axis), keep=bool(keep))

    function(build, name)


for _name in ("sum", "max", "min", "prod", "any", "all"):
    _reduction(_name)


def _place_of_extreme(name: str) -> None:
    def build(builder: Builder, place: Place, x: Value, axis: int = -1, keep: bool = False) -> Value:
        return x.op(name, axis=axis_of(x, axis), keep=bool(keep))

    function(build, name)


_place_of_extreme("argmax")
_place_of_extreme("argmin")


@function
def cumsum(builder: Builder, place: Place, x: Value, axis: int = -1) -> Value:
    return x.op("cumsum", axis=axis_of(x, axis))


@function
def softmax(builder: Builder, place: Place, x: Value, axis: int = -1) -> Value:
    return as_float(x).op("softmax", axis=axis_of(x, axis))


@function
def log_softmax(builder: Builder, place: Place, x: Value, axis: int = -1) -> Value:
    return as_float(x).op("log_softmax", axis=axis_of(x, axis))


@function
def logsumexp(builder: Builder, place: Place, x: Value, axis: int = -1, keep: bool = False) -> Value:
    return as_float(x).op("logsumexp", axis=axis_of(x, axis), keep=bool(keep))


@function
def count(builder: Builder, place: Place, x: Value | float, axis: Axes = None) -> Value:
    """How many elements a reduction over these axes joins."""
    value = as_tensor(builder, x)
    return builder.size(product([value.shape[a] for a in axes_of(value, axis)]))


@function
def matmul(builder: Builder, place: Place, a: Value, b: Value) -> Value:
    return a @ b


@function
def einsum(
    builder: Builder, place: Place, spec: object, a: Value, b: Value | None = None, c: Value | None = None
) -> Value:
    if not isinstance(spec, str):
        mend = 'write einsum("nij,njk->nik", a, b)'
        raise ShapeError("einsum wants its axes first, as a text", help=mend, code="type")
    return builder.apply("einsum", *(v for v in (a, b, c) if v is not None), spec=spec)
