"""Convolutions and their gradients as contractions: a window is one more loop that walks over the image.

Source: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import NamedTuple

from ...ir import Node, TensorType
from . import filtering
from .contraction import contraction, is_finished
from .copying import copy
from .filtered_weights import weight_gradient
from .layout import Axis, Factor, Layout, common
from .nest import Tensor
from .select import Selection, rule
from .text import item_bytes
from .tiling import Term, term
from .window import Pairs, Window
from .winograd import scheme_for, transformed_kernels

_FEW = 0.85  # of the taps: if fewer meet anything, the others are not worth their multiplications


def _none(axis: Axis) -> Axis:
    """A loop of as many places in which an operand stands still."""
    total = 1
    for f in axis:
        total *= f.extent
    return (Factor(total, 0),)


def _terms(out: Axis | None, a: Axis | None, b: Axis | None) -> list[Term]:
    """The loops of an axis that is summed over where the result does not have it."""
    known = next(axis for axis in (out, a, b) if axis is not None)
    spread = [axis if axis is not None else _none(known) for axis in (out, a, b)]
    return [term(lp, out is None) for lp in common(spread)]


def _split(axis: Axis, groups: int) -> tuple[Axis, Axis]:
    """A channel axis as groups, and the channels of one."""
    (loop,) = axis or (Factor(1, 0),)
    each = loop.extent // groups
    return (Factor(groups, loop.stride * each),), (Factor(each, loop.stride),)


def _stride(axis: Axis) -> int:
    return axis[0].stride if axis else 0


def _plain(selection: Selection, id: int) -> Tensor:
    """An image whose channel and spatial axes are one loop each."""
    tensor = selection.tensor(id)
    if all(len(axis) <= 1 for axis in tensor.layout.axes[1:]):
        return tensor
    return selection.plain(id)


def padded(selection: Selection, id: int, pad: Pairs, about: str, value: float = 0.0) -> Tensor:
    """An image with one number around it, which stays there from step to step."""
    image = _plain(selection, id)
    if not any(p for pair in pad for p in pair):
        return image
    type = selection.graph[id].type
    lead = type.rank - len(pad)
    sizes = [d + before + after for d, (before, after) in zip(image.layout.extents[lead:], pad, strict=True)]

    def make() -> Tensor:
        made = selection.filled(type.with_shape((*type.shape[:lead], *sizes)), value, f"borders of {about}")
        start = [0] * lead + [before for before, _ in pad]
        inner = made.layout.sliced(start, image.layout.extents, [1] * type.rank)
        selection.copy(image, made.seen(inner), f"pad {about}")
        return made

    return selection.shared(image, (pad, value), make)


def _sizes(image: Tensor, lanes: int = 1) -> tuple[int, Sequence[int]]:
    """The channels, as a multiple of the lanes, and the rows and columns."""
    channels, *space = image.layout.extents[1:]
    return -(-channels // lanes) * lanes, space


def _channels_last(selection: Selection, image: Tensor, about: str) -> Tensor:
    """[block, row, column, lane, channel], the channels filled up to whole vectors with what lies there, and
    zeros for the padding samples.
    """
    lanes, blocks = selection.isa.lanes, selection.batch.blocks
    _, channels, *space = image.layout.extents
    step = -(-channels // lanes) * lanes
    lead: list[Axis] = []
    size = lanes * step
    for extent in reversed(space):
        lead.insert(0, (Factor(extent, size),) if extent != 1 else ())
        size *= extent
    batch = (Factor(blocks, size, "block"), Factor(lanes, step, "lane"))
    axes = (batch, (Factor(channels, 1),) if channels != 1 else (), *lead)
    made = Tensor(selection.buffer(blocks * size * item_bytes(image.element)), Layout(axes), image.dtype)
    selection.run(copy(image, made, selection.batch, f"turn {about}", cleared=True))
    return made


def _filters_last(selection: Selection, type: TensorType) -> Tensor:
    """Memory for kernels, [in, row, column, out]."""
    *rest, last = selection.batch.layout(type.with_shape((*type.shape[1:], type.shape[0]))).axes
    return selection.new(type, Layout((last, *rest)))


@rule("conv")
def conv(selection: Selection, node: Node) -> None:
    """y[n, o, p] = Σ x[n, i, stride·p + dilation·k] w[o, i, k]."""
    of, by = selection.graph.operands(node.id)
    how, about = Window.of(node), selection.about(node)
    w, out = selection.tensor(by), selection.out(node)
    if how.is_small(w.layout.extents[2:]):
        image, before = _plain(selection, of), (how.pad[0][0], how.pad[1][0])
        if scheme := scheme_for(selection, image, w, *_sizes(out)):
            kernels = transformed_kernels(selection, w, scheme, about)
            filtering.convolve(selection, image, kernels, out, scheme, before, about)
            return
    x = padded(selection, of, how.pad, about)
    terms = _terms(out.layout.axes[0], x.layout.axes[0], None)
    groups_out, filters = _split(out.layout.axes[1], how.groups)
    groups_in, channels = _split(x.layout.axes[1], how.groups)
    groups_w, filters_w = _split(w.layout.axes[0], how.groups)
    terms += _terms(groups_out, groups_in, groups_w)
    terms += _terms(filters, None, filters_w)
    terms += _terms(None, channels, w.layout.axes[1] or (Factor(1, 0),))
    for axis, (stride, dilation) in enumerate(zip(how.stride, how.dilation, strict=True), 2):
        places, step = out.layout.axes[axis], _stride(x.layout.axes[axis])
        terms += _terms(places, tuple(Factor(f.extent, step * stride) for f in places), None)
        kernel = w.layout.axes[axis]
        terms += _terms(None, tuple(Factor(f.extent, step * dilation) for f in kernel), kernel)
    if selection.finish is not None and not is_finished(out, terms, selection.isa):
        out = selection.apart(out)
    selection.run(*contraction(selection, out, x, w, terms, about, selection.finish))


@rule("conv_weight_gradient")
def conv_weight_gradient(selection: Selection, node: Node) -> None:
    """∂w[o, i, k] = Σ x[n, i, stride·p + dilation·k] g[n, o, p]."""
    of, by = selection.graph.operands(node.id)
    how, about = Window.of(node), selection.about(node)
    g, out = _plain(selection, by), selection.out(node)
    if how.is_small(out.layout.extents[2:]):
        image, before = _plain(selection, of), (how.pad[0][0], how.pad[1][0])
        if scheme := scheme_for(selection, image, g, *_sizes(g, selection.isa.lanes)):
            if Factor(selection.isa.lanes, 1, "lane") not in g.layout.axes[0]:
                g = selection.plain(by)
            weight_gradient(selection, image, g, out, scheme, before, about)
            return
    x, sums = padded(selection, of, how.pad, about), out
    filters, *each = out.layout.extents
    if g.layout.in_lanes and filters // how.groups >= 2 * selection.isa.lanes and prod(each) >= 64:
        # Filters along the vectors: then chunks that fit into a cache can be summed, not only whole images.
        # With few products for each gradient it would not pay to turn these.
        g, sums = _channels_last(selection, g, about), _filters_last(selection, node.type)
    _sum_products(selection, node, how, x, g, sums)
    if sums is not out:
        selection.copy(sums, out, about)


def _sum_products(selection: Selection, node: Node, how: Window, x: Tensor, g: Tensor, out: Tensor) -> None:
    about = selection.about(node)
    terms = _terms(None, x.layout.axes[0], g.layout.axes[0])
    groups_out, filters = _split(out.layout.axes[0], how.groups)
    groups_in, channels = _split(x.layout.axes[1], how.groups)
    groups_g, filters_g = _split(g.layout.axes[1], how.groups)
    terms += _terms(groups_out, groups_in, groups_g)
    terms += _terms(filters, None, filters_g)
    terms += _terms(out.layout.axes[1] or (Factor(1, 0),), channels, None)
    for axis, (stride, dilation) in enumerate(zip(how.stride, how.dilation, strict=True), 2):
        places, step = g.layout.axes[axis], _stride(x.layout.axes[axis])
        terms += _terms(None, tuple(Factor(f.extent, step * stride) for f in places), places)
        kernel = out.layout.axes[axis]
        terms += _terms(kernel, tuple(Factor(f.extent, step * dilation) for f in kernel), None)
    selection.run(*contraction(selection, out, x, g, terms, about))


@rule("conv_input_gradient")
def conv_input_gradient(selection: Selection, node: Node) -> None:
    """∂x[n, i, q] = Σ g[n, o, (q + pad - dilation·k) / stride] w[o, i, k], where that is a place of g.

    The places q with one remainder by the stride meet the same part of the kernel: each remainder is a
    contraction of its own.
    """
    of, by = selection.graph.operands(node.id)
    how, about = Window.of(node), selection.about(node)
    w, out = selection.tensor(by), selection.out(node)
    if any(s > 1 and d > 1 for s, d in zip(how.stride, how.dilation, strict=True)):
        selection.fall_back(node)
        return
    space = out.layout.extents[2:]
    kernel = w.layout.extents[2:]
    if how.is_small(kernel):
        image, before = _plain(selection, of), (2 - how.pad[0][0], 2 - how.pad[1][0])
        if scheme := scheme_for(selection, image, w, *_sizes(out)):
            kernels = transformed_kernels(selection, w, scheme, about, flipped=True)
            filtering.convolve(selection, image, kernels, out, scheme, before, about, backwards=True)
            return
    count = selection.tensor(of).layout.extents[2:]
    parts = [
        _remainders(q, k, s, before, d)
        for q, k, s, (before, _), d in zip(space, kernel, how.stride, how.pad, how.dilation, strict=True)
    ]
    if how.stride[0] == 1:
        parts[0] = _rows(parts[0][0], count[0])
    margins: list[tuple[int, int]] = []
    for places, part in zip(count, parts, strict=True):
        lowest = min((p.first - p.step * (p.taps - 1) for p in part if p.taps), default=0)
        highest = max((p.first + p.places - 1 for p in part if p.taps), default=0)
        margins.append((max(0, -lowest), max(0, highest - places + 1)))
    g = padded(selection, of, tuple(margins), about)
    before = [before for before, _ in margins]
    sums = [
        _part(g, w, out, how, chosen, before)
        for chosen in product(*parts)
        if all(p.taps and p.places for p in chosen)
    ]
    everywhere = all(p.taps for part in parts for p in part)
    ends = everywhere and all(is_finished(part.out, part.terms, selection.isa) for part in sums)
    if selection.finish is not None and not ends:
        apart = selection.apart(out)
        sums = [part._replace(out=apart.later(part.out.layout.offset - out.layout.offset)) for part in sums]
        out = apart
    if not everywhere:
        selection.fill(out, 0, about)
    for part in sums:
        kernels = contraction(selection, *part, about, selection.finish)
        selection.run(*(replace(kernel, beside=out.buffer.id) for kernel in kernels))


@dataclass(frozen=True, slots=True)
class _Remainder:
    """The places q = start, start + stride, …: how many, and which taps reach them from g.

    Tap first_tap + j · tap_step reaches place i from g[first + i - j · step].
    """

    start: int
    places: int
    first_tap: int
    tap_step: int
    taps: int
    first: int
    step: int


def _remainders(size: int, kernel: int, stride: int, before: int, dilation: int) -> list[_Remainder]:
    if stride == 1:
        return [_Remainder(0, size, 0, 1, kernel, before, dilation)]
    found: list[_Remainder] = []
    for start in range(min(stride, size)):
        first = (start + before) % stride
        taps = len(range(first, kernel, stride))
        places = len(range(start, size, stride))
        found.append(_Remainder(start, places, first, stride, taps, (start + before - first) // stride, 1))
    return found


def _rows(whole: _Remainder, count: int) -> list[_Remainder]:
    """The same places in runs that the same taps reach: at the borders they are fewer. count: rows of g.

    Padding would do, if there were not as much of it.
    """
    reached = [
        [t for t in range(whole.taps) if 0 <= whole.first + i - t * whole.step < count]
        for i in range(whole.places)
    ]
    if sum(map(len, reached)) > _FEW * whole.places * whole.taps:
        return [whole]
    found: list[_Remainder] = []
    for i, taps in enumerate(reached):
        if i and taps == reached[i - 1]:
            found[-1] = replace(found[-1], places=found[-1].places + 1)
        else:
            first = taps[0] if taps else 0
            found.append(
                _Remainder(i, 1, first, 1, len(taps), whole.first + i - first * whole.step, whole.step)
            )
    return found


class _Sums(NamedTuple):
    """A sum of products."""

    out: Tensor
    a: Tensor
    b: Tensor
    terms: Sequence[Term]


def _part(
    g: Tensor, w: Tensor, out: Tensor, how: Window, chosen: Sequence[_Remainder], margin: Sequence[int]
) -> _Sums:
    """What reaches the places of some remainders."""
    groups_out, channels = _split(out.layout.axes[1], how.groups)
    groups_in, filters = _split(g.layout.axes[1], how.groups)
    groups_w, filters_w = _split(w.layout.axes[0], how.groups)
    terms = _terms(out.layout.axes[0], g.layout.axes[0], None)
    terms += _terms(groups_out, groups_in, groups_w)
    terms += _terms(channels, None, w.layout.axes[1] or (Factor(1, 0),))
    terms += _terms(None, filters, filters_w)
    starts = [0, 0, 0]
    for axis, (part, stride, before) in enumerate(zip(chosen, how.stride, margin, strict=True), 2):
        q, p, k = (_stride(t.layout.axes[axis]) for t in (out, g, w))
        terms.append(Term(part.places, q * stride, p, 0, False))
        terms.append(Term(part.taps, 0, -p * part.step, k * part.tap_step, True))
        for i, moved in enumerate((part.start * q, (part.first + before) * p, part.first_tap * k)):
            starts[i] += moved
    to, of, by = (t.later(s) for t, s in zip((out, g, w), starts, strict=True))
    return _Sums(to, of, by, terms)
