"""Softmax and its kin: rows along one axis, shifted by their maximum so that no exponential overflows.

A row of -inf alone, all of it masked, has the softmax 0 and the logsumexp -inf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir import TensorType
from .op import Draw, Op, Sample, define
from .rules import along, bytes_of, kept_shape, reduced, unreduced

if TYPE_CHECKING:
    from ..build import Value


def _one_a_row(x: TensorType, *, axis: int, **_: Any) -> int:
    return bytes_of(x.dtype, kept_shape(x.shape, (axis,)))


def _softmax_vjp(g: Value, y: Value, x: Value, axis: int) -> tuple[Value]:
    return (y * (g - (g * y).sum((axis,), keep=True)),)


def _log_softmax_vjp(g: Value, y: Value, x: Value, axis: int) -> tuple[Value]:
    return (g - y.op("exp") * g.sum((axis,), keep=True),)


def _logsumexp_vjp(g: Value, y: Value, x: Value, axis: int, keep: bool) -> tuple[Value]:
    return (unreduced(g, x, axis) * x.op("softmax", axis=axis),)


_SAMPLES = (
    Sample((Draw((2, 3)),), {"axis": 1}),
    Sample((Draw((2, 5, 3), -40, 40),), {"axis": 1}),
    Sample((Draw((4,)),), {"axis": 0}),
)

softmax = define(
    Op(
        "softmax",
        "row",
        infer=along,
        vjp=_softmax_vjp,
        math="softmax({0})",
        numpy="softmax({0}, out={out}, work={work}, axis={axis})",
        workspace=_one_a_row,
        promotion="float",
        samples=_SAMPLES,
    )
)
log_softmax = define(
    Op(
        "log_softmax",
        "row",
        infer=along,
        vjp=_log_softmax_vjp,
        math="log softmax({0})",
        numpy="log_softmax({0}, out={out}, work={work}, axis={axis})",
        workspace=lambda x, axis: 2 * _one_a_row(x, axis=axis),
        promotion="float",
        samples=_SAMPLES,
    )
)
logsumexp = define(
    Op(
        "logsumexp",
        "row",
        infer=reduced,
        vjp=_logsumexp_vjp,
        math="log Σ exp({0})",
        numpy="logsumexp({0}, out={out}, work={work}, axis={axis}, keep={keep})",
        workspace=lambda x, axis, keep: bytes_of(x.dtype, x.shape) + _one_a_row(x, axis=axis),
        promotion="float",
        samples=(
            Sample((Draw((2, 3)),), {"axis": 1, "keep": False}),
            Sample((Draw((2, 5, 3), -40, 40),), {"axis": 1, "keep": True}),
            Sample((Draw((4,)),), {"axis": 0, "keep": False}),
        ),
    )
)
