"""Convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...build import Builder, Value
from ...ir import Dim
from ...ops.op import ShapeError
from .function import Place, as_float, function, numbers


def _paddings(
    pad: object, rank: int, kernel: Sequence[Dim], dilation: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Zeros before and after each spatial axis; `same` keeps the size at stride 1."""
    if pad == "same":
        fixed = [k for k in kernel if isinstance(k, int)]
        totals = [d * (k - 1) for k, d in zip(fixed, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    return tuple((p, p) for p in numbers(pad, rank, "pad", 0))


_SPACE = {1: "w", 2: "h, w"}


def _check_rank(x: Value, w: Value, rank: int) -> None:
    if len(w.shape) != rank + 2:
        title = f"this convolution wants a kernel [out, in, {_SPACE[rank]}], and was given {{1}}"
        raise ShapeError(title, f"it has {len(w.shape)} axes", help="the layer conv has a kernel of its own")
    if len(x.shape) != rank + 2:
        title = f"this convolution wants x[N, c, {_SPACE[rank]}], and was given {{0}}"
        raise ShapeError(title, f"it has {len(x.shape)} axes")


def _convolve(x: Value, w: Value, rank: int, stride: Any, pad: Any, dilation: Any, groups: Any) -> Value:
    _check_rank(x, w, rank)
    steps = numbers(stride, rank, "stride", 1)
    gaps = numbers(dilation, rank, "dilation", 1)
    pads = _paddings(pad, rank, w.shape[2:], gaps)
    (group,) = numbers(groups, 1, "groups", 1)
    return as_float(x).op("conv", w, stride=steps, pad=pads, dilation=gaps, groups=group)


@function
def conv1d(
    builder: Builder, place: Place, x: Value, w: Value,
    stride: int = 1, pad: int = 0, dilation: int = 1, groups: int = 1,
) -> Value:  # fmt: skip
    return _convolve(x, w, 1, stride, pad, dilation, groups)


@function
def conv2d(
    builder: Builder, place: Place, x: Value, w: Value,
    stride: int = 1, pad: int = 0, dilation: int = 1, groups: int = 1,
) -> Value:  # fmt: skip
    return _convolve(x, w, 2, stride, pad, dilation, groups)


@function
def conv_transpose2d(
    builder: Builder, place: Place, x: Value, w: Value, stride: int = 1, pad: int = 0, dilation: int = 1
) -> Value:
    """The transpose of conv2d: w[channels in, channels out, kernel h, kernel w]."""
    _check_rank(x, w, 2)
    if x.shape[1] != w.shape[0]:
        label = f"{x.shape[1]} is not {w.shape[0]}"
        raise ShapeError("the channels of {0} are not those that {1} reads", label, ((0, 1), (1, 0)))
    steps, gaps = numbers(stride, 2, "stride", 1), numbers(dilation, 2, "dilation", 1)
    pads = _paddings(pad, 2, w.shape[2:], gaps)
    space = [
        (h - 1) * s + d * (k - 1) + 1 - p[0] - p[1]
        for h, s, k, d, p in zip(x.shape[2:], steps, w.shape[2:], gaps, pads, strict=True)
    ]
    if any(isinstance(d, int) and d < 1 for d in space):
        raise ShapeError("nothing is left of {0} after this padding")
    how = {"stride": steps, "pad": pads, "dilation": gaps, "groups": 1, "space": tuple(space)}
    return as_float(x).op("conv_input_gradient", w, **how)


def _pool(name: str) -> None:
    def build(
        builder: Builder, place: Place, x: Value, size: int, stride: int | None = None, pad: int = 0
    ) -> Value:
        rank = len(x.shape) - 2
        if rank not in (1, 2):
            title = f"{name} wants x[N, c, h, w] or x[N, c, w], and was given {{0}}"
            raise ShapeError(title, f"{{0}} has {len(x.shape)} axes")
        kernel = numbers(size, rank, "size", 1)
        steps = kernel if stride is None else numbers(stride, rank, "stride", 1)
        return as_float(x).op(
            name, kernel=kernel, stride=steps, pad=_paddings(pad, rank, kernel, (1,) * rank)
        )

    function(build, name)


_pool("maxpool")
_pool("avgpool")
