"""Many numbers become one, along axes; and the running sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir import DType, TensorType
from .op import Draw, Infer, Op, Promotion, Sample, Vjp, define
from .rules import along, reduced, unreduced

if TYPE_CHECKING:
    from ..build import Value


def _sum_vjp(g: Value, y: Value, x: Value, axis: tuple[int, ...], keep: bool) -> tuple[Value]:
    return (unreduced(g, x, axis).broadcast(x.shape),)


def _extremum_vjp(g: Value, y: Value, x: Value, axis: tuple[int, ...], keep: bool) -> tuple[Value]:
    """Those that are the extremum share equally."""
    hit = x.op("eq", unreduced(y, x, axis)).cast(x.dtype)
    return (hit * (unreduced(g, x, axis) / hit.sum(axis, keep=True)),)


def _prod_vjp(g: Value, y: Value, x: Value, axis: tuple[int, ...], keep: bool) -> tuple[Value]:
    """The product of the others: y / x, but next to a 0 it is 0, and for a single 0 what the rest gives.

    The second derivative is right where no entry is 0.
    """
    zero = x.op("eq", 0)
    zeros = zero.cast(x.dtype).sum(axis, keep=True)
    rest = zero.op("where", 1, x)
    others = rest.op("prod", axis=axis, keep=True) / rest
    alone = zeros.op("eq", zero.cast(x.dtype))
    return (alone.op("where", unreduced(g, x, axis) * others, 0),)


def _reduction(
    name: str,
    math: str,
    vjp: Vjp | None,
    promotion: Promotion = "arithmetic",
    dtype: DType = "float64",
) -> None:
    low = 0 if dtype == "bool" else -2
    cases: tuple[tuple[tuple[int, ...], tuple[int, ...], bool], ...] = (
        ((2, 3), (1,), False),
        ((2, 3, 4), (0, 2), True),
        ((2, 3), (0, 1), False),
    )
    samples = tuple(Sample((Draw(s, low, 2, dtype),), {"axis": a, "keep": k}) for s, a, k in cases)
    numpy = f"np.{name}({{0}}, axis={{axis}}, keepdims={{keep}}, out={{out}})"
    define(Op(name, "reduction", reduced, math, numpy, vjp, samples, promotion))


_reduction("sum", "Σ {0}", _sum_vjp)
_reduction("max", "max {0}", _extremum_vjp, "none")
_reduction("min", "min {0}", _extremum_vjp, "none")
_reduction("prod", "Π {0}", _prod_vjp)
_reduction("any", "any {0}", None, "logical", "bool")
_reduction("all", "all {0}", None, "logical", "bool")


def _position(x: TensorType, *, axis: int, keep: bool) -> TensorType:
    return reduced(x, axis=axis, keep=keep).with_dtype("int64")


def _arg(name: str, infer: Infer) -> None:
    samples = (
        Sample((Draw((2, 3)),), {"axis": 1, "keep": False}),
        Sample((Draw((2, 3, 4)),), {"axis": 0, "keep": True}),
    )
    numpy = f"np.{name}({{0}}, axis={{axis}}, keepdims={{keep}}, out={{out}})"
    define(Op(name, "reduction", infer, f"{name} {{0}}", numpy, samples=samples))


_arg("argmax", _position)
_arg("argmin", _position)


def _cumsum_vjp(g: Value, y: Value, x: Value, axis: int) -> tuple[Value]:
    """Each entry is in all the sums from its place on."""
    from_the_end = g.op("flip", axes=(axis,)).op("cumsum", axis=axis)
    return (from_the_end.op("flip", axes=(axis,)),)


cumsum = define(
    Op(
        "cumsum",
        "reduction",
        infer=along,
        vjp=_cumsum_vjp,
        math="running Σ {0}",
        numpy="np.cumsum({0}, axis={axis}, out={out})",
        promotion="arithmetic",
        samples=(Sample((Draw((2, 3)),), {"axis": 1}), Sample((Draw((2, 3, 4)),), {"axis": 0})),
    )
)
