"""Movement to and from places that an integer tensor names. A gather's adjoint adds into zeros.

Indices count from 0 and must lie inside the axis: lowering and the data sources see to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir import Dim, DType, TensorType
from .op import Draw, Op, Sample, ShapeError, define
from .rules import bytes_of, check_axes, check_index

if TYPE_CHECKING:
    from ..build import Value

Pair = tuple[int, int]


def _take_type(x: TensorType, i: TensorType) -> TensorType:
    check_index(i, 1)
    if not x.rank:
        raise ShapeError("{0} has no rows to take", "this is a scalar")
    return x.with_shape((*i.shape, *x.shape[1:]))


def _put_type(g: TensorType, i: TensorType, *, rows: Dim) -> TensorType:
    check_index(i, 1)
    if g.shape[: i.rank] != i.shape:
        raise ShapeError("the rows of {0} do not match the indices {1}")
    return g.with_shape((rows, *g.shape[i.rank :]))


def _check_along(x: TensorType, i: TensorType, axis: int) -> None:
    check_index(i, 1)
    check_axes(x, (axis,))
    if i.rank != x.rank:
        title = "cannot index {0} by {1} along an axis"
        raise ShapeError(title, f"one has {x.rank} axes, the other {i.rank}")


def _take_along_type(x: TensorType, i: TensorType, *, axis: int) -> TensorType:
    _check_along(x, i, axis)
    for other in range(x.rank):
        if other != axis and i.shape[other] not in (1, x.shape[other]):
            title, label = (
                f"cannot index {{0}} by {{1}} along axis {axis}",
                f"{x.shape[other]} is not {i.shape[other]}",
            )
            raise ShapeError(title, label, ((0, other), (1, other)))
    return x.with_shape([i.shape[axis] if a == axis else d for a, d in enumerate(x.shape)])


def _put_along_type(g: TensorType, i: TensorType, *, axis: int, size: Dim) -> TensorType:
    _check_along(g, i, axis)
    for other in range(g.rank):
        if i.shape[other] != g.shape[other] and (other == axis or i.shape[other] != 1):
            title = f"cannot place {{0}} at {{1}} along axis {axis}"
            raise ShapeError(title, f"{g.shape[other]} is not {i.shape[other]}", ((0, other), (1, other)))
    return g.with_shape([size if a == axis else d for a, d in enumerate(g.shape)])


def _one_hot_type(y: TensorType, *, classes: int, dtype: DType) -> TensorType:
    check_index(y, 0)
    return TensorType(dtype, (*y.shape, classes))


def _check_window(x: TensorType, offsets: TensorType) -> None:
    check_index(offsets, 1)
    if x.rank != 4:
        raise ShapeError(
            "{0} is no batch of images", f"it has {x.rank} axes, not [N, channels, height, width]"
        )
    if offsets.shape != (x.shape[0], 2):
        raise ShapeError("{1} must hold a row and a column for each image of {0}", axes=((0, 0), (1, 0)))


def _window_at_type(x: TensorType, offsets: TensorType, *, size: Pair) -> TensorType:
    _check_window(x, offsets)
    for axis, (want, have) in enumerate(zip(size, x.shape[2:], strict=True), 2):
        if isinstance(have, int) and not 1 <= want <= have:
            raise ShapeError("the window does not fit into {0}", f"{want} of {have}", ((0, axis),))
    return x.with_shape((*x.shape[:2], *size))


def _window_put_type(g: TensorType, offsets: TensorType, *, size: Pair) -> TensorType:
    _check_window(g, offsets)
    return g.with_shape((*g.shape[:2], *size))


def _height_and_width(x: Value) -> tuple[Dim, Dim]:
    return x.shape[2], x.shape[3]


take = define(
    Op(
        "take",
        "movement",
        infer=_take_type,
        vjp=lambda g, y, x, i: (g.op("put", i, rows=x.shape[0]), None),
        math="{0}[{1}]",
        # "clip" keeps NumPy from copying the result to check the indices first.
        numpy="take({0}, {1}, out={out})",
        samples=(
            Sample((Draw((5, 3)), Draw((2, 4), 0, 5, "int64"))),
            Sample((Draw((5,)), Draw((7,), 0, 5, "uint8"))),
            Sample((Draw((5, 3, 2)), Draw((), 0, 5, "int64"))),
        ),
    )
)
put = define(
    Op(
        "put",
        "movement",
        infer=_put_type,
        vjp=lambda g, y, x, i, rows: (g.op("take", i), None),
        math="{0} added at rows {1}",
        numpy="put({0}, {1}, out={out}, work={work})",
        workspace=lambda g, i, rows: bytes_of("int64", g.shape),
        samples=(
            Sample((Draw((2, 4, 3)), Draw((2, 4), 0, 5, "int64")), {"rows": 5}),
            Sample((Draw((7,)), Draw((7,), 0, 5, "uint8")), {"rows": 5}),
            Sample((Draw((3, 2)), Draw((), 0, 5, "int64")), {"rows": 5}),
        ),
    )
)
take_along = define(
    Op(
        "take_along",
        "movement",
        infer=_take_along_type,
        vjp=lambda g, y, x, i, axis: (g.op("put_along", i, axis=axis, size=x.shape[axis]), None),
        math="{0} at {1}",
        numpy="take_along({0}, {1}, out={out}, axis={axis})",
        samples=(
            Sample((Draw((2, 5)), Draw((2, 1), 0, 5, "int64")), {"axis": 1}),
            Sample((Draw((5, 3, 2)), Draw((4, 1, 2), 0, 5, "int64")), {"axis": 0}),
        ),
    )
)
put_along = define(
    Op(
        "put_along",
        "movement",
        infer=_put_along_type,
        vjp=lambda g, y, x, i, axis, size: (g.op("take_along", i, axis=axis), None),
        math="{0} added at {1}",
        numpy="put_along({0}, {1}, out={out}, axis={axis})",
        samples=(
            Sample((Draw((2, 1)), Draw((2, 1), 0, 5, "int64")), {"axis": 1, "size": 5}),
            Sample((Draw((4, 3, 2)), Draw((4, 1, 2), 0, 5, "int64")), {"axis": 0, "size": 5}),
        ),
    )
)
one_hot = define(
    Op(
        "one_hot",
        "movement",
        infer=_one_hot_type,
        math="onehot({0})",
        numpy="np.equal({0}[..., None], np.arange({classes}), out={out})",
        samples=(
            Sample((Draw((2, 3), 0, 5, "int64"),), {"classes": 5, "dtype": "float32"}),
            Sample((Draw((), 0, 5, "uint8"),), {"classes": 5, "dtype": "bool"}),
        ),
    )
)
window_at = define(
    Op(
        "window_at",
        "movement",
        infer=_window_at_type,
        vjp=lambda g, y, x, at, size: (g.op("window_put", at, size=_height_and_width(x)), None),
        math="window {size} of {0} at {1}",
        numpy="window_at({0}, {1}, out={out})",
        samples=(Sample((Draw((3, 2, 5, 6)), Draw((3, 2), 0, 3, "int64")), {"size": (3, 4)}),),
    )
)
window_put = define(
    Op(
        "window_put",
        "movement",
        infer=_window_put_type,
        vjp=lambda g, y, x, at, size: (g.op("window_at", at, size=_height_and_width(x)), None),
        math="{0} at {1} in zeros {size}",
        numpy="window_put({0}, {1}, out={out})",
        samples=(Sample((Draw((3, 2, 3, 4)), Draw((3, 2), 0, 3, "int64")), {"size": (5, 6)}),),
    )
)
