"""Convolution (cross-correlation, as everywhere in this field) and its two gradients.

stride, dilation and kernel hold one number for each spatial axis, pad one pair (before, after).
Places that a window takes: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning",
relationship 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ..ir import Dim, TensorType
from .op import Draw, Op, Sample, ShapeError, define

if TYPE_CHECKING:
    from ..build import Value

Sizes = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]

_NAMES = {1: ("length",), 2: ("height", "width")}


def positions(space: Sizes, kernel: Sizes, stride: Sizes, pad: Pairs, dilation: Sizes) -> Sizes:
    """How many places the window takes along each axis; 0 or less where it does not fit."""
    return tuple(
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(space, kernel, stride, pad, dilation, strict=True)
    )


def spatial(shape: Sequence[Dim], rank: int, operand: int, first: int) -> Sizes:
    """The axes of an operand from `first` on, as numbers; they must be `rank` axes."""
    sizes: list[int] = []
    for axis, d in enumerate(shape):
        if not isinstance(d, int):
            title = f"a window cannot slide over an axis of {{{operand}}} that depends on the batch"
            raise ShapeError(title, f"this axis has {d} places", ((operand, first + axis),))
        sizes.append(d)
    if len(sizes) != rank:
        raise ShapeError(f"{{{operand}}} has {len(sizes)} spatial axes, and the window {rank}")
    return tuple(sizes)


def fit(
    space: Sizes,
    kernel: Sizes,
    stride: Sizes,
    pad: Pairs,
    dilation: Sizes,
    first: int,
) -> Sizes:
    """The result's spatial sizes, where the window slides over the axes of operand 0 from `first` on."""
    if min((*stride, *dilation, *kernel)) < 1 or min(p for pair in pad for p in pair) < 0:
        raise ShapeError("kernel, stride and dilation are at least 1, pad at least 0", code="value")
    count = positions(space, kernel, stride, pad, dilation)
    for i, places in enumerate(count):
        if places < 1:
            extent = dilation[i] * (kernel[i] - 1) + 1
            padded = space[i] + sum(pad[i])
            side = _NAMES.get(len(space), ("size",) * len(space))[i]
            raise ShapeError(
                f"a window of {' × '.join(map(str, kernel))} does not fit into {{0}}",
                f"{side} {extent} of the window is larger than {padded}"
                + (", padding included" if sum(pad[i]) else ""),
                ((0, first + i),),
                help=f"take a kernel of at most {padded}, or pad by {extent - padded} more"
                if dilation[i] == 1
                else "take a smaller kernel or dilation, or pad more",
            )
    return count


def _conv_type(
    x: TensorType, w: TensorType, *, stride: Sizes, pad: Pairs, dilation: Sizes, groups: int
) -> TensorType:
    """x[N, c, …space], w[k, c / groups, …kernel] -> [N, k, …]."""
    title = "cannot convolve {0} with {1}"
    if x.rank < 3:
        mend = "reshape it to [N, channels, length] or [N, channels, height, width]"
        raise ShapeError(title, f"{{0}} has {x.rank} axes, and the image needs at least 3", help=mend)
    if w.rank != x.rank:
        raise ShapeError(title, f"{{1}} has {w.rank} axes, and {{0}} has {x.rank}")
    channels, filters = x.shape[1], w.shape[0]
    if not isinstance(channels, int) or not isinstance(filters, int) or not isinstance(w.shape[1], int):
        raise ShapeError(title, "the channels depend on the batch", ((0, 1), (1, 0), (1, 1)))
    for operand, axis, size in ((0, 1, channels), (1, 0, filters)):
        if groups < 1 or size % groups:
            split = f"cannot split the channels of {{{operand}}} into {groups} groups"
            raise ShapeError(split, f"{size} is not a multiple of {groups}", ((operand, axis),))
    if channels != w.shape[1] * groups:
        each = f" in each of {groups} groups" if groups > 1 else ""
        label = f"{channels // groups} channels{each} are not {w.shape[1]}"
        raise ShapeError(title, label, ((0, 1), (1, 1)))
    kernel = spatial(w.shape[2:], len(stride), 1, 2)
    space = spatial(x.shape[2:], len(stride), 0, 2)
    return x.with_shape((x.shape[0], filters, *fit(space, kernel, stride, pad, dilation, 2)))


def _conv_input_gradient_type(
    g: TensorType, w: TensorType, *, stride: Sizes, pad: Pairs, dilation: Sizes, groups: int, space: Sizes
) -> TensorType:
    """g[N, k, …], w[k, c / groups, …kernel] -> [N, c, …space]."""
    title = "{0} is not the gradient of a convolution with {1}"
    if g.rank != w.rank:
        raise ShapeError(title, f"{{0}} has {g.rank} axes, and {{1}} has {w.rank}")
    if g.shape[1] != w.shape[0]:
        raise ShapeError(title, f"{g.shape[1]} channels are not {w.shape[0]}", ((0, 1), (1, 0)))
    x = g.with_shape((g.shape[0], w.shape[1] * groups, *space))
    result = _conv_type(x, w, stride=stride, pad=pad, dilation=dilation, groups=groups)
    _agree(title, g, result)
    return x


def _conv_weight_gradient_type(
    x: TensorType, g: TensorType, *, stride: Sizes, pad: Pairs, dilation: Sizes, groups: int, kernel: Sizes
) -> TensorType:
    """x[N, c, …space], g[N, k, …] -> [k, c / groups, …kernel]."""
    channels = x.shape[1]
    each = channels // groups if isinstance(channels, int) else channels
    w = x.with_shape((g.shape[1], each, *kernel))
    result = _conv_type(x, w, stride=stride, pad=pad, dilation=dilation, groups=groups)
    _agree("{1} is not the gradient of a convolution of {0}", g, result)
    return w


def _agree(title: str, found: TensorType, expected: TensorType) -> None:
    if found.shape != expected.shape:
        raise ShapeError(title, f"{found} is not {expected}")


def _conv_vjp(g: Value, y: Value, x: Value, w: Value, **how: Any) -> tuple[Value, Value]:
    return (
        g.op("conv_input_gradient", w, space=x.shape[2:], **how),
        x.op("conv_weight_gradient", g, kernel=w.shape[2:], **how),
    )


def _conv_input_gradient_vjp(h: Value, y: Value, g: Value, w: Value, **how: Any) -> tuple[Value, Value]:
    del how["space"]
    return h.op("conv", w, **how), h.op("conv_weight_gradient", g, kernel=w.shape[2:], **how)


def _conv_weight_gradient_vjp(h: Value, y: Value, x: Value, g: Value, **how: Any) -> tuple[Value, Value]:
    del how["kernel"]
    return g.op("conv_input_gradient", h, space=x.shape[2:], **how), x.op("conv", h, **how)


_CACHE = 1 << 22  # bytes of patches at a time; measured: half or twice as many differ by a few per cent


def _numbers(t: TensorType) -> list[int]:
    return [d for d in t.shape if isinstance(d, int)]


def _bytes(samples: int, elements: int, t: TensorType) -> int:
    """Scratch memory for as many samples as the cache holds, at least one, of so many elements each."""
    size = elements * (8 if t.dtype == "float64" else 4)
    return size * max(1, min(samples, _CACHE // size))


def _patches(w: TensorType, y: TensorType, groups: int) -> int:
    """Elements of the patches that one sample is cut into: for each place, what the kernel covers there."""
    return prod(_numbers(w)[1:]) * groups * prod(_numbers(y)[2:])


def _conv_work(x: TensorType, w: TensorType, **how: Any) -> int:
    y = _conv_type(x, w, **how)
    return _bytes(_numbers(x)[0], _patches(w, y, how["groups"]), x)


def _conv_input_gradient_work(g: TensorType, w: TensorType, *, groups: int, **_: Any) -> int:
    return _bytes(_numbers(g)[0], _patches(w, g, groups), g)


def _conv_weight_gradient_work(x: TensorType, g: TensorType, **how: Any) -> int:
    """The patches, the gradients in the same order, and one product as large as the kernel."""
    w = _conv_weight_gradient_type(x, g, **how)
    each = _patches(w, g, how["groups"]) + prod(_numbers(g)[1:])
    return _bytes(_numbers(x)[0], each, x) + _bytes(1, prod(_numbers(w)), x)


_HOW = "stride={stride}, pad={pad}, dilation={dilation}, groups={groups}"
_UNPADDED_2D = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
_STRIDED_2D = {"stride": (2, 1), "pad": ((1, 0), (1, 2)), "dilation": (1, 2), "groups": 2}
_PADDED_1D = {"stride": (2,), "pad": ((2, 1),), "dilation": (2,), "groups": 1}

conv = define(
    Op(
        "conv",
        "window",
        infer=_conv_type,
        vjp=_conv_vjp,
        math="{0} ∗ {1}",
        numpy=f"conv({{0}}, {{1}}, out={{out}}, work={{work}}, {_HOW})",
        promotion="float",
        workspace=_conv_work,
        samples=(
            Sample((Draw((2, 3, 5, 6)), Draw((4, 3, 2, 3))), _UNPADDED_2D),
            Sample((Draw((3, 4, 6, 5)), Draw((2, 2, 3, 2))), _STRIDED_2D),
            Sample((Draw((2, 3, 9)), Draw((4, 3, 3))), _PADDED_1D),
        ),
    )
)
conv_input_gradient = define(
    Op(
        "conv_input_gradient",
        "window",
        infer=_conv_input_gradient_type,
        vjp=_conv_input_gradient_vjp,
        math="{0} ∗ᵀ {1}",
        numpy=f"conv_input_gradient({{0}}, {{1}}, out={{out}}, work={{work}}, {_HOW})",
        promotion="float",
        workspace=_conv_input_gradient_work,
        samples=(
            Sample((Draw((2, 4, 4, 4)), Draw((4, 3, 2, 3))), {**_UNPADDED_2D, "space": (5, 6)}),
            Sample((Draw((3, 2, 3, 6)), Draw((2, 2, 3, 2))), {**_STRIDED_2D, "space": (6, 5)}),
            Sample((Draw((2, 4, 4)), Draw((4, 3, 3))), {**_PADDED_1D, "space": (9,)}),
        ),
    )
)
conv_weight_gradient = define(
    Op(
        "conv_weight_gradient",
        "window",
        infer=_conv_weight_gradient_type,
        vjp=_conv_weight_gradient_vjp,
        math="{0} ⋆ {1}",
        numpy=f"conv_weight_gradient({{0}}, {{1}}, out={{out}}, work={{work}}, {_HOW})",
        promotion="float",
        workspace=_conv_weight_gradient_work,
        samples=(
            Sample((Draw((2, 3, 5, 6)), Draw((2, 4, 4, 4))), {**_UNPADDED_2D, "kernel": (2, 3)}),
            Sample((Draw((3, 4, 6, 5)), Draw((3, 2, 3, 6))), {**_STRIDED_2D, "kernel": (3, 2)}),
            Sample((Draw((2, 3, 9)), Draw((2, 4, 4))), {**_PADDED_1D, "kernel": (3,)}),
        ),
    )
)
