"""Movements that move nothing, that undo each other, or that one movement can do."""

from __future__ import annotations

from itertools import accumulate
from typing import cast

from ..build import Value
from ..ir import Dim, Extent
from .algebra import adds_leading_axes, mapped, with_operand
from .rewrite import Rewriter, Rules, Term, united


def _moved_number(term: Term) -> Value | None:
    """A number that is everywhere is there in any order."""
    value, source = term.operands[0], term.of(0)
    if source.op == "broadcast":
        value = source.operands[0]
    return None if value.shape else value.broadcast(term.type.shape)


def _reshape(term: Term) -> Value | None:
    x, inner = term.operands[0], term.of(0)
    if x.shape == term.type.shape:
        return x
    if inner.op == "reshape":
        return inner.operands[0].reshape(term.type.shape)
    position = mapped(inner)
    if position is not None and inner.of(position).op == "reshape":
        original = inner.of(position).operands[0]
        return with_operand(inner, position, original) if original.shape == term.type.shape else None
    return None


def _transpose(term: Term) -> Value | None:
    x, inner = term.operands[0], term.of(0)
    axes = term.axes("axes")
    if axes == tuple(range(len(axes))):
        return x
    if inner.op == "transpose":
        first = inner.axes("axes")
        return inner.operands[0].transpose([first[axis] for axis in axes])
    return None


def _transposed_product(term: Term) -> Value | None:
    """(a @ bᵀ)ᵀ is b @ aᵀ: fewer transposes, as in the gradient of x @ Wᵀ. Not where a @ bᵀ is needed too."""
    product, axes = term.of(0), term.axes("axes")
    swap = (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2)
    if product.op != "matmul" or axes != swap or not term.alone_reads(0):
        return None
    if not any(product.of(i).op == "transpose" for i in (0, 1)):
        return None
    a, b = product.operands
    return b.T @ a.T


def _broadcast(term: Term) -> Value | None:
    x, inner = term.operands[0], term.of(0)
    if x.shape == term.type.shape:
        return x
    if inner.op == "broadcast" or (inner.op == "reshape" and adds_leading_axes(inner)):
        return inner.operands[0].broadcast(term.type.shape)
    return x.reshape(term.type.shape) if x.shape and adds_leading_axes(term) else None


def _slice(term: Term) -> Value | None:
    x, inner = term.operands[0], term.of(0)
    start, step = term.dims("start"), term.axes("step")
    if x.shape == term.type.shape:
        return x
    if inner.op == "slice":
        return _slice_of_slice(term, inner)
    if inner.op == "embed" and inner.operands[0].shape == term.type.shape:
        same_places = inner.dims("start") == start and all(
            a == b or size == 1 for a, b, size in zip(inner.axes("step"), step, term.type.shape, strict=True)
        )
        return inner.operands[0] if same_places else None
    if inner.op == "pad" and inner.operands[0].shape == term.type.shape:
        return inner.operands[0] if inner.dims("before") == start and set(step) <= {1} else None
    if inner.op == "concat" and set(step) <= {1}:
        return _part(x, start, term.type.shape)
    position = mapped(inner)
    if position is not None and inner.of(position).op == "concat" and set(step) <= {1}:
        part = _part(inner.operands[position], start, term.type.shape)
        return with_operand(inner, position, part) if part is not None else None
    return None


def _slice_of_slice(term: Term, inner: Term) -> Value:
    cuts = zip(inner.dims("start"), inner.axes("step"), term.dims("start"), term.axes("step"), strict=True)
    starts: list[Dim] = []
    steps: list[int] = []
    for first, stride, then, step in cuts:
        starts.append(first + then * stride)
        steps.append(stride * step)
    stops = [a + (n - 1) * s + 1 for a, n, s in zip(starts, term.type.shape, steps, strict=True)]
    return inner.operands[0].op("slice", start=tuple(starts), stop=tuple(stops), step=tuple(steps))


def _part(joined: Value, start: tuple[Dim, ...], shape: tuple[Dim, ...]) -> Value | None:
    """The operand of a concat that begins at a place and has a shape."""
    build = cast(Rewriter, joined.builder)
    concat = build.term(joined)
    axis = cast(int, concat.attr("axis"))
    if joined.id not in build.parts:  # found once for all slices
        sizes = [part.shape[axis] for part in concat.operands]
        starts = accumulate(sizes[:-1], initial=cast(Dim, 0))
        build.parts[joined.id] = dict(zip(starts, concat.operands, strict=True))
    parts = build.parts[joined.id]
    part = parts.get(start[axis])
    others = start[:axis] + start[axis + 1 :]
    return part if part is not None and part.shape == shape and set(others) <= {0} else None


def _unmoved(term: Term) -> Value | None:
    """Padding by nothing, flipping no axis, placing in zeros of the same shape, joining a single tensor."""
    if len(term.operands) != 1 or term.operands[0].shape != term.type.shape:
        return None
    return term.operands[0]


def _flip(term: Term) -> Value | None:
    inner, axes = term.of(0), set(term.axes("axes"))
    if inner.op == "flip":
        axes ^= set(inner.axes("axes"))
        x = inner.operands[0]
        return x.op("flip", axes=tuple(sorted(axes))) if axes else x
    x = term.operands[0]
    turned = tuple(axis for axis in sorted(axes) if x.shape[axis] != 1)
    if axes and len(turned) == len(axes):
        return None
    return x.op("flip", axes=turned) if turned else x


def _put_along(term: Term) -> Value | None:
    """One number for each row, placed at an index, is the index's one-hot vector times that number."""
    g, at = term.operands
    axis, classes = term.attr("axis"), term.attr("size")
    source = term.of(0)
    if source.op != "broadcast" or source.operands[0].shape or axis != len(g.shape) - 1:
        return None
    if isinstance(classes, Extent) or at.shape != g.shape or g.shape[-1] != 1:
        return None
    one_hot = at.reshape(at.shape[:-1]).op("one_hot", classes=classes, dtype=g.dtype)
    return one_hot * source.operands[0]


def _after_maximum(term: Term) -> Value | None:
    """max(x + b) of windows in which b is the same is max(x) + b: there is less left to add b to."""
    found = _shifted(term.of(0))
    if found is None:
        return None
    x, b = found
    return x.op("maxpool", **dict(term.attrs)) + b


def _where_maximum(term: Term) -> Value | None:
    """The places of the maxima do not move with such a b."""
    found = _shifted(term.of(1))
    return None if found is None else term.operands[0].op("maxpool_scatter", found[0], **dict(term.attrs))


def _shifted(term: Term) -> tuple[Value, Value] | None:
    """x and b of an image x + b, b the same in all of a channel's pixels."""
    if term.op != "add":
        return None
    for x, b in (term.operands, term.operands[::-1]):
        if x.shape == term.type.shape and all(size == 1 for size in b.shape[-len(x.shape) + 2 :]):
            return x, b
    return None


RULES: Rules = united(
    dict.fromkeys(("reshape", "transpose", "slice", "flip", "take", "take_along"), (_moved_number,)),
    {
        "reshape": (_reshape,),
        "transpose": (_transpose, _transposed_product),
        "broadcast": (_broadcast,),
        "slice": (_slice,),
        "flip": (_flip,),
        "pad": (_unmoved,),
        "embed": (_unmoved,),
        "concat": (_unmoved,),
        "put_along": (_put_along,),
        "maxpool": (_after_maximum,),
        "maxpool_scatter": (_where_maximum,),
    },
)
