"""Pooling: the maximum or the mean of each window, over the last axes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..ir import FLOATS, TensorType
from .op import Draw, Op, Sample, ShapeError, define
from .window import Pairs, Sizes, fit, spatial

if TYPE_CHECKING:
    from ..build import Value


def _pool_type(x: TensorType, *, kernel: Sizes, stride: Sizes, pad: Pairs) -> TensorType:
    """x[…, *space] -> […, *positions]."""
    rank = len(kernel)
    if x.rank < rank:
        raise ShapeError(f"a window of {rank} axes cannot slide over {{0}}", f"{{0}} has {x.rank} axes")
    for k, pair in zip(kernel, pad, strict=True):
        if max(pair) >= k:
            # Otherwise some windows would see padding alone, and have no maximum.
            raise ShapeError(
                "the padding is as large as the window", f"pad {max(pair)} is not less than {k}", code="value"
            )
    lead = x.rank - rank
    count = fit(spatial(x.shape[lead:], rank, 0, lead), kernel, stride, pad, (1,) * rank, lead)
    return x.with_shape((*x.shape[:lead], *count))


def _agree(of: TensorType, x: TensorType, operand: int, how: dict[str, Any]) -> None:
    expected = _pool_type(x, **how)
    if of.shape != expected.shape:
        raise ShapeError(f"{{{operand}}} does not fit the windows", f"{of} is not {expected}")


def _gather_type(h: TensorType, x: TensorType, **how: Any) -> TensorType:
    if h.shape != x.shape:
        raise ShapeError("{0} and {1} must have one shape", f"{h} is not {x}")
    return _pool_type(x, **how)


def _scatter_type(g: TensorType, x: TensorType, **how: Any) -> TensorType:
    _agree(g, x, 0, how)
    return x


def _avgpool_gradient_type(g: TensorType, *, space: Sizes, **how: Any) -> TensorType:
    x = g.with_shape((*g.shape[: g.rank - len(space)], *space))
    _agree(g, x, 0, how)
    return x


def _item(t: TensorType) -> int:
    return 4 if t.dtype == FLOATS[0] else 8


def _elements(t: TensorType) -> int:
    return prod(d for d in t.shape if isinstance(d, int))


def _maximum_work(a: TensorType, x: TensorType, **how: Any) -> int:
    """The maxima, and which windows still look for theirs: two truth values each, and one product."""
    y = _pool_type(x, **how)
    return _elements(y) * (2 * _item(y) + 2)


def _scaled_work(g: TensorType, **_: Any) -> int:
    return _elements(g) * _item(g)


def _avgpool_vjp(g: Value, y: Value, x: Value, **how: Any) -> tuple[Value]:
    return (g.op("avgpool_gradient", space=x.shape[len(x.shape) - len(how["kernel"]) :], **how),)


def _avgpool_gradient_vjp(h: Value, y: Value, g: Value, **how: Any) -> tuple[Value]:
    del how["space"]
    return (h.op("avgpool", **how),)


_HOW = "kernel={kernel}, stride={stride}, pad={pad}"
_TILES = {"kernel": (2, 3), "stride": (2, 3), "pad": ((0, 0), (0, 0))}
_OVERLAPS = {"kernel": (3, 2), "stride": (2, 1), "pad": ((1, 0), (1, 1))}
_LINE = {"kernel": (3,), "stride": (2,), "pad": ((1, 1),)}

maxpool = define(
    Op(
        "maxpool",
        "window",
        infer=_pool_type,
        vjp=lambda g, y, x, **how: (g.op("maxpool_scatter", x, **how),),
        math="maxpool({0})",
        numpy=f"maxpool({{0}}, out={{out}}, {_HOW})",
        promotion="float",
        samples=(
            Sample((Draw((2, 3, 5, 6)),), _TILES),
            Sample((Draw((2, 3, 6, 5)),), _OVERLAPS),
            Sample((Draw((2, 3, 8)),), _LINE),
        ),
    )
)
maxpool_gather = define(
    Op(
        "maxpool_gather",
        "window",
        infer=_gather_type,
        vjp=lambda g, y, h, x, **how: (g.op("maxpool_scatter", x, **how), None),
        math="{0} where maxpool({1}) found its maxima",
        numpy=f"maxpool_gather({{0}}, {{1}}, out={{out}}, work={{work}}, {_HOW})",
        promotion="float",
        workspace=_maximum_work,
        samples=(
            Sample((Draw((2, 3, 5, 6)), Draw((2, 3, 5, 6))), _TILES),
            Sample((Draw((2, 3, 6, 5)), Draw((2, 3, 6, 5))), _OVERLAPS),
            Sample((Draw((2, 3, 8)), Draw((2, 3, 8))), _LINE),
        ),
    )
)
maxpool_scatter = define(
    Op(
        "maxpool_scatter",
        "window",
        infer=_scatter_type,
        vjp=lambda h, y, g, x, **how: (h.op("maxpool_gather", x, **how), None),
        math="{0} at the maxima of {1}",
        numpy=f"maxpool_scatter({{0}}, {{1}}, out={{out}}, work={{work}}, {_HOW})",
        promotion="float",
        workspace=_maximum_work,
        samples=(
            Sample((Draw((2, 3, 2, 2)), Draw((2, 3, 5, 6))), _TILES),
            Sample((Draw((2, 3, 3, 6)), Draw((2, 3, 6, 5))), _OVERLAPS),
            Sample((Draw((2, 3, 4)), Draw((2, 3, 8))), _LINE),
        ),
    )
)
avgpool = define(
    Op(
        "avgpool",
        "window",
        infer=_pool_type,
        vjp=_avgpool_vjp,
        math="avgpool({0})",
        numpy=f"avgpool({{0}}, out={{out}}, {_HOW})",
        promotion="float",
        samples=(
            Sample((Draw((2, 3, 5, 6)),), _TILES),
            Sample((Draw((2, 3, 6, 5)),), _OVERLAPS),
            Sample((Draw((2, 3, 8)),), _LINE),
        ),
    )
)
avgpool_gradient = define(
    Op(
        "avgpool_gradient",
        "window",
        infer=_avgpool_gradient_type,
        vjp=_avgpool_gradient_vjp,
        math="{0} spread over its windows",
        numpy=f"avgpool_gradient({{0}}, out={{out}}, work={{work}}, {_HOW})",
        promotion="float",
        workspace=_scaled_work,
        samples=(
            Sample((Draw((2, 3, 2, 2)),), {**_TILES, "space": (5, 6)}),
            Sample((Draw((2, 3, 3, 6)),), {**_OVERLAPS, "space": (6, 5)}),
            Sample((Draw((2, 3, 4)),), {**_LINE, "space": (8,)}),
        ),
    )
)
