"""Operations that put numbers elsewhere and change none: views, and copies into a larger or joint tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..ir import Dim, TensorType, divide, product
from .op import Draw, Op, Sample, ShapeError, define
from .rules import check_axes, same_type

if TYPE_CHECKING:
    from ..build import Value

Dims = tuple[Dim, ...]
Ints = tuple[int, ...]


def _listed(shape: Sequence[Dim]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _reshape_type(x: TensorType, *, shape: Dims) -> TensorType:
    if product(shape) != x.elements:
        label = f"{x.elements} numbers cannot fill {product(shape)} places"
        raise ShapeError(f"cannot reshape {{0}} to {_listed(shape)}", label)
    return x.with_shape(shape)


def _transpose_type(x: TensorType, *, axes: Ints) -> TensorType:
    check_axes(x, axes)
    if len(axes) != x.rank:
        missing = ", ".join(str(i) for i in range(x.rank) if i not in axes)
        raise ShapeError(
            f"cannot transpose {{0}} by {_listed(axes)}", f"axis {missing} is missing", code="axis"
        )
    return x.with_shape([x.shape[axis] for axis in axes])


def _broadcast_type(x: TensorType, *, shape: Dims) -> TensorType:
    title = f"cannot broadcast {{0}} to {_listed(shape)}"
    lead = len(shape) - x.rank
    if lead < 0:
        raise ShapeError(title, f"it has {x.rank} axes, the shape {len(shape)}")
    for axis, d in enumerate(x.shape):
        if d not in (1, shape[lead + axis]):
            raise ShapeError(title, f"{d} is neither 1 nor {shape[lead + axis]}", ((0, axis),))
    return x.with_shape(shape)


def _slice_type(x: TensorType, *, start: Dims, stop: Dims, step: Ints) -> TensorType:
    return x.with_shape([_count(x, *cut) for cut in zip(range(x.rank), start, stop, step, strict=True)])


def _count(x: TensorType, axis: int, start: Dim, stop: Dim, step: int) -> Dim:
    """How many places start, start + step, … lie before stop."""
    title, where = f"cannot take {start}:{stop}:{step} of axis {axis} of {{0}}", ((0, axis),)
    size, length = x.shape[axis], stop - start
    outside = isinstance(start, int) and start < 0
    outside |= isinstance(stop, int) and isinstance(size, int) and stop > size
    if outside or (isinstance(length, int) and length < 1):
        raise ShapeError(title, f"it has the places 0 to {size - 1}" if outside else "nothing is left", where)
    if isinstance(length, int):
        return -(-length // step)
    count = divide(length, step)
    if count is None:
        raise ShapeError(title, f"{length} is not always a multiple of {step}", where)
    return count


def _slice_vjp(g: Value, y: Value, x: Value, start: Dims, stop: Dims, step: Ints) -> tuple[Value]:
    return (g.op("embed", shape=x.shape, start=start, step=step),)


def _flip_type(x: TensorType, *, axes: Ints) -> TensorType:
    check_axes(x, axes)
    return x


def _embed_type(x: TensorType, *, shape: Dims, start: Dims, step: Ints) -> TensorType:
    for axis, (size, first, s) in enumerate(zip(shape, start, step, strict=True)):
        end = first + (x.shape[axis] - 1) * s
        if isinstance(end, int) and isinstance(size, int) and end >= size:
            title = f"cannot place {{0}} in {_listed(shape)} from {first} on in steps of {s}"
            raise ShapeError(title, f"it ends at {end}", ((0, axis),))
    return x.with_shape(shape)


def _cut(g: Value, start: Dims, sizes: Dims, step: Ints) -> Value:
    """As many places as `sizes` from start on."""
    stop = tuple(first + (n - 1) * s + 1 for first, n, s in zip(start, sizes, step, strict=True))
    return g.op("slice", start=start, stop=stop, step=step)


def _embed_vjp(g: Value, y: Value, x: Value, shape: Dims, start: Dims, step: Ints) -> tuple[Value]:
    return (_cut(g, start, x.shape, step),)


def _pad_type(x: TensorType, *, before: Ints, after: Ints, value: float) -> TensorType:
    if min((*before, *after), default=0) < 0:
        raise ShapeError("cannot pad {0} by less than 0", help="use a slice to cut places off", code="value")
    return x.with_shape([a + d + b for a, d, b in zip(before, x.shape, after, strict=True)])


def _pad_vjp(g: Value, y: Value, x: Value, before: Ints, after: Ints, value: float) -> tuple[Value]:
    return (_cut(g, before, x.shape, (1,) * len(before)),)


def _concat_type(*operands: TensorType, axis: int) -> TensorType:
    first = operands[0]
    check_axes(first, (axis,))
    total: Dim = first.shape[axis]
    for i, t in enumerate(operands[1:], 1):
        title = f"cannot join {{0}} and {{{i}}} along axis {axis}"
        if t.rank != first.rank:
            raise ShapeError(title, f"one has {first.rank} axes, the other {t.rank}")
        for other in range(t.rank):
            if other != axis and t.shape[other] != first.shape[other]:
                label = f"{first.shape[other]} is not {t.shape[other]}"
                raise ShapeError(title, label, ((0, other), (i, other)))
        total = total + t.shape[axis]
    return first.with_shape([total if i == axis else d for i, d in enumerate(first.shape)])


def _concat_vjp(g: Value, y: Value, *operands: Value, axis: int) -> tuple[Value, ...]:
    shares: list[Value] = []
    at: Dim = 0
    for x in operands:
        start = tuple(at if i == axis else 0 for i in range(len(x.shape)))
        shares.append(_cut(g, start, x.shape, (1,) * len(start)))
        at = at + x.shape[axis]
    return tuple(shares)


def _inverse(axes: Ints) -> Ints:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


reshape = define(
    Op(
        "reshape",
        "movement",
        infer=_reshape_type,
        vjp=lambda g, y, x, shape: (g.reshape(x.shape),),
        math="reshape({0}, {shape})",
        numpy="{0}.reshape({shape})",
        view=True,
        samples=(Sample((Draw((2, 3, 4)),), {"shape": (6, 4)}), Sample((Draw((1, 1)),), {"shape": ()})),
    )
)
transpose = define(
    Op(
        "transpose",
        "movement",
        infer=_transpose_type,
        vjp=lambda g, y, x, axes: (g.transpose(_inverse(axes)),),
        math="{0}ᵀ",
        numpy="{0}.transpose({axes})",
        view=True,
        samples=(Sample((Draw((2, 3)),), {"axes": (1, 0)}), Sample((Draw((2, 3, 4)),), {"axes": (1, 2, 0)})),
    )
)
broadcast = define(
    Op(
        "broadcast",
        "movement",
        infer=_broadcast_type,
        vjp=lambda g, y, x, shape: (g.sum_to(x.shape),),
        math="{0}",
        numpy="np.broadcast_to({0}, {shape})",
        view=True,
        samples=(
            Sample((Draw((3, 1)),), {"shape": (2, 3, 4)}),
            Sample((Draw(()),), {"shape": (2, 3)}),
        ),
    )
)
slice_ = define(
    Op(
        "slice",
        "movement",
        infer=_slice_type,
        vjp=_slice_vjp,
        math="{0}[{start} : {stop}]",
        numpy="{0}[tuple(map(slice, {start}, {stop}, {step}))]",
        view=True,
        samples=(
            Sample((Draw((4, 7)),), {"start": (1, 0), "stop": (3, 7), "step": (1, 1)}),
            Sample((Draw((4, 7)),), {"start": (0, 1), "stop": (4, 6), "step": (1, 2)}),
        ),
    )
)
flip = define(
    Op(
        "flip",
        "movement",
        infer=_flip_type,
        vjp=lambda g, y, x, axes: (g.op("flip", axes=axes),),
        math="flip({0})",
        numpy="np.flip({0}, {axes})",
        view=True,
        samples=(Sample((Draw((2, 3, 4)),), {"axes": (0, 2)}),),
    )
)
stop_gradient = define(
    Op(
        "stop_gradient",
        "movement",
        infer=same_type,
        math="{0}",
        numpy="{0}",
        view=True,
        samples=(Sample((Draw((2, 3)),)),),
    )
)
embed = define(
    Op(
        "embed",
        "movement",
        infer=_embed_type,
        vjp=_embed_vjp,
        math="{0} at {start} in zeros {shape}",
        numpy="embed({0}, out={out}, start={start}, step={step})",
        samples=(
            Sample((Draw((2, 7)),), {"shape": (4, 7), "start": (1, 0), "step": (1, 1)}),
            Sample((Draw((4, 3)),), {"shape": (4, 7), "start": (0, 1), "step": (1, 2)}),
        ),
    )
)
pad = define(
    Op(
        "pad",
        "movement",
        infer=_pad_type,
        vjp=_pad_vjp,
        math="pad({0})",
        numpy="pad({0}, out={out}, before={before}, value={value})",
        samples=(Sample((Draw((2, 3)),), {"before": (0, 2), "after": (1, 1), "value": 0.5}),),
    )
)
concat = define(
    Op(
        "concat",
        "movement",
        infer=_concat_type,
        vjp=_concat_vjp,
        math="concat({operands})",
        numpy="np.concatenate([{operands}], axis={axis}, out={out})",
        promotion="compare",
        samples=(
            Sample((Draw((2, 3)), Draw((2, 4)), Draw((2, 1))), {"axis": 1}),
            Sample((Draw((2, 3)),), {"axis": 0}),
        ),
    )
)
