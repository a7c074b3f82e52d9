"""Shape rules that several primitives share."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ..diagnostics import InternalError
from ..ir import Dim, DType, TensorType
from .op import Infer, ShapeError

if TYPE_CHECKING:
    from ..build import Value

ITEMSIZE: dict[DType, int] = {
    "bool": 1,
    "uint8": 1,
    "uint16": 2,
    "int32": 4,
    "int64": 8,
    "float32": 4,
    "float64": 8,
}
_ALIGNMENT = "axes are matched from the last one; use reshape to give the other one its missing axes"


def same_type(x: TensorType, **_: Any) -> TensorType:
    return x


def broadcasted(verb: str, result: DType | None = None) -> Infer:
    """NumPy's broadcasting of all operands; verb completes "cannot …", as in "add {0} and {1}".

    The result has the dtype `result`, or else that of the last operand (where's first is its condition).
    """

    def infer(*types: TensorType, **_: Any) -> TensorType:
        if not result and types[-1].dtype != types[-2].dtype:
            raise InternalError(f"{types[-2]} and {types[-1]} meet without a common dtype")
        rank = max(t.rank for t in types)
        shape: list[Dim] = []
        for right in range(rank, 0, -1):
            size: Dim = 1
            first: tuple[int, int] | None = None
            for i, t in enumerate(types):
                axis = t.rank - right
                if axis < 0 or t.shape[axis] == 1:
                    continue
                if first and t.shape[axis] != size:
                    mend = "" if t.rank == types[first[0]].rank else _ALIGNMENT
                    raise ShapeError(
                        f"cannot {verb}", f"{size} is not {t.shape[axis]}", (first, (i, axis)), mend
                    )
                size, first = t.shape[axis], first or (i, axis)
            shape.append(size)
        return TensorType(result or types[-1].dtype, tuple(shape))

    return infer


def check_axes(x: TensorType, axes: Sequence[int]) -> None:
    """Each of the axes must be one of x's, and stand once."""
    for axis in axes:
        if not 0 <= axis < x.rank:
            has = "is a scalar" if x.rank == 0 else f"has the axes 0 to {x.rank - 1}"
            raise ShapeError(f"there is no axis {axis} in {{0}}", f"this {has}", code="axis")
    if len(set(axes)) != len(axes):
        raise ShapeError(f"an axis stands twice in {list(axes)}", code="axis")


def check_index(i: TensorType, operand: int) -> None:
    if i.is_float or i.dtype == "bool":
        title = f"{{{operand}}} cannot be an index"
        raise ShapeError(title, f"this is {i.dtype}, and an index is an integer", code="dtype")


def kept_shape(shape: Sequence[Dim], axes: Sequence[int]) -> tuple[Dim, ...]:
    """The shape with 1 for each of the axes."""
    return tuple(1 if i in axes else d for i, d in enumerate(shape))


def reduced(x: TensorType, *, axis: tuple[int, ...] | int, keep: bool) -> TensorType:
    """Without the axes, or with 1 for each of them where keep is true."""
    axes = (axis,) if isinstance(axis, int) else axis
    check_axes(x, axes)
    if keep:
        return x.with_shape(kept_shape(x.shape, axes))
    return x.with_shape([d for i, d in enumerate(x.shape) if i not in axes])


def along(x: TensorType, *, axis: int) -> TensorType:
    """x's own type, for what works along an axis that x must have."""
    check_axes(x, (axis,))
    return x


def unreduced(g: Value, x: Value, axis: tuple[int, ...] | int) -> Value:
    """A reduction's result with 1 for each reduced axis, so that it broadcasts against the operand x."""
    return g.reshape(kept_shape(x.shape, (axis,) if isinstance(axis, int) else axis))


def bytes_of(dtype: DType, shape: Sequence[Dim]) -> int:
    """Memory of a tensor whose sizes are all numbers."""
    return ITEMSIZE[dtype] * prod(d for d in shape if isinstance(d, int))
