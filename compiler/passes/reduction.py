"""Sums of what repeats, of what is mostly 0, and of what adds up to 1; products with what repeats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ..build import Value
from ..ir import Dim, product
from ..ops.rules import kept_shape
from .algebra import mapped, with_operand
from .rewrite import Rewriter, Rules, Term, united

_MOST_FACTORS = 4
_MOVES = ("reshape", "transpose", "flip")


def _over_nothing(term: Term) -> Value | None:
    """Axes of size 1 need no sum, maximum or product."""
    x = term.operands[0]
    return x.reshape(term.type.shape) if all(x.shape[axis] == 1 for axis in term.axes()) else None


def _sum_of_sum(term: Term) -> Value | None:
    """One sum over the axes of both."""
    inner = term.of(0)
    if inner.op != "sum":
        return None
    x = inner.operands[0]
    left = [axis for axis in range(len(x.shape)) if inner.attr("keep") or axis not in inner.axes()]
    axes = sorted({*inner.axes(), *(left[axis] for axis in term.axes())})
    return x.sum(axes, keep=inner.attr("keep") is True).reshape(term.type.shape)


def _sum_of_all(term: Term) -> Value | None:
    """The order of numbers that are all added does not matter, nor where they stood before a function."""
    inner, x = term.of(0), term.operands[0]
    if len(term.axes()) < len(x.shape):
        return None
    position = mapped(inner)
    if inner.op in _MOVES:
        x = inner.operands[0]
    elif position is not None and inner.of(position).op in _MOVES and term.alone_reads(0):
        x = with_operand(inner, position, inner.of(position).operands[0])
    else:
        return None
    return x.sum(range(len(x.shape))).reshape(term.type.shape)


def _sum_of_parts(term: Term) -> Value | None:
    """The sum of what was joined along one of the axes, or of a function of it: no need to join it."""
    inner = term.of(0)
    position = mapped(inner) if term.alone_reads(0) else None
    joined = inner if position is None else inner.of(position)
    if joined.op != "concat" or joined.attr("axis") not in term.axes():
        return None
    parts = (
        joined.operands if position is None else [with_operand(inner, position, p) for p in joined.operands]
    )
    sums = [part.sum(term.axes(), keep=term.attr("keep") is True) for part in parts]
    return reduce(Value.__add__, sums)


def _sum_of_transpose(term: Term) -> Value | None:
    """Sum first: less is left to be moved."""
    inner = term.of(0)
    if inner.op != "transpose":
        return None
    x, order, axes = inner.operands[0], inner.axes("axes"), term.axes()
    summed = sorted(order[axis] for axis in axes)
    left = [axis for axis in range(len(order)) if axis not in summed]
    moved = [left.index(source) for axis, source in enumerate(order) if axis not in axes]
    return x.sum(summed).transpose(moved).reshape(term.type.shape)


def _sum_of_known(term: Term) -> Value | None:
    """The sum of something that `_short_sum` knows, times scalars; of anything else, the sign last."""
    factors: list[Term] = []
    inner, value = term.of(0), term.operands[0]
    while len(factors) < _MOST_FACTORS and (position := _scaled(inner)) is not None:
        factors.append(inner)
        value, inner = inner.operands[position], inner.of(position)
    total = _short_sum(inner, value, term.axes())
    if total is None:
        negative = term.of(0)
        if negative.op != "neg" or not term.alone_reads(0):
            return None
        return -negative.operands[0].sum(term.axes(), keep=term.attr("keep") is True)
    for factor in reversed(factors):
        position = _scaled(factor) or 0
        operands = [total if i == position else v for i, v in enumerate(factor.operands)]
        total = term.build.apply(factor.op, *operands)
    return total.reshape(term.type.shape)


def _sum_of_scaled(term: Term) -> Value | None:
    """What is the same along the axes multiplies the sum, once: two sums may so become one.

    Not scalars, which belong to what is summed: the mean's 1 / N to the gradient of every sample.
    """
    if not term.type.is_float:
        return None
    whole = term.operands[0]
    scales: list[tuple[str, Value]] = []
    varying = _varying(whole, term.axes(), len(whole.shape), scales, _MOST_FACTORS)
    if not scales or varying is None or varying.shape != whole.shape:
        return None
    total = varying.sum(term.axes(), keep=term.attr("keep") is True)
    for op, scale in scales:
        total = term.build.apply(op, total, _summed_shape(scale, term, len(whole.shape)))
    return total


def _summed_shape(value: Value, term: Term, rank: int) -> Value:
    """A value that is the same along the axes of a sum, without them where the sum drops them."""
    if term.attr("keep"):
        return value
    lost = rank - len(value.shape)
    return value.reshape([size for axis, size in enumerate(value.shape, lost) if axis not in term.axes()])


def _varying(
    value: Value, axes: tuple[int, ...], rank: int, scales: list[tuple[str, Value]], depth: int
) -> Value | None:
    """A product's factors that change along the axes, multiplied; None if none does. The others are added to
    scales, each with the operation that brings it in."""
    if _is_alike(value, axes, rank):
        scales.append(("mul", value))
        return None
    inner = value.builder.term(value) if isinstance(value.builder, Rewriter) else None
    if inner is None or not depth or inner.op not in ("mul", "div"):
        return value
    a, b = inner.operands
    if inner.op == "div":
        if not _is_alike(b, axes, rank):
            return value
        scales.append(("div", b))
        return _varying(a, axes, rank, scales, depth - 1)
    before = len(scales)
    left, right = (_varying(x, axes, rank, scales, depth - 1) for x in (a, b))
    if len(scales) == before:
        return value
    return left * right if left is not None and right is not None else left or right


def _is_alike(value: Value, axes: tuple[int, ...], rank: int) -> bool:
    """Whether a tensor, spread over a shape of that rank, is the same along the axes."""
    shape = (1,) * (rank - len(value.shape)) + tuple(value.shape)
    return bool(value.shape) and all(shape[axis] == 1 for axis in axes)


def _scaled(term: Term) -> int | None:
    """Which operand the term is a scalar multiple of."""
    if term.op == "neg":
        return 0
    if term.op in ("mul", "div") and not term.operands[1].shape:
        return 0
    return 1 if term.op == "mul" and not term.operands[0].shape else None


def _short_sum(term: Term, value: Value, axes: tuple[int, ...]) -> Value | None:
    """The sum over axes that are kept, without adding everything up; None where there is no such way."""
    match term.op:
        case "broadcast":
            return _sum_of_broadcast(term, axes)
        case "softmax" if term.attr("axis") in axes:
            return _sum_of_ones(value, axes, term.attr("axis"))
        case "one_hot" if len(value.shape) - 1 in axes:
            return _sum_of_ones(value, axes, len(value.shape) - 1)
        case "put_along" if term.attr("axis") in axes:
            return term.operands[0].sum(axes, keep=True)
        case "maxpool_scatter" if {*range(2, len(value.shape))} <= {*axes}:
            return term.operands[0].sum(axes, keep=True)
        case "embed" if _grows_along(term, axes):
            return term.operands[0].sum(axes, keep=True)
        case "pad" if term.attr("value") == 0 and _grows_along(term, axes):
            return term.operands[0].sum(axes, keep=True)
        case _:
            return None


def _grows_along(term: Term, axes: tuple[int, ...]) -> bool:
    """Whether these are all the axes whose size changes."""
    sizes = zip(term.operands[0].shape, term.type.shape, strict=True)
    return all(a == b or i in axes for i, (a, b) in enumerate(sizes))


def _size(like: Value, sizes: Sequence[Dim]) -> Value:
    return like.builder.apply("size", dim=product(sizes), dtype=like.dtype)


def _sum_of_ones(value: Value, axes: tuple[int, ...], axis: object) -> Value:
    """Rows that add up to 1, summed along them and further axes: as many ones as those have places."""
    return _size(value, [value.shape[a] for a in axes if a != axis]).broadcast(kept_shape(value.shape, axes))


def _sum_of_broadcast(term: Term, axes: tuple[int, ...]) -> Value | None:
    """As often as it was repeated."""
    source, shape = term.operands[0], term.type.shape
    if not term.type.is_float:
        return None
    added = len(shape) - len(source.shape)
    repeated = [i for i in axes if i < added or source.shape[i - added] != shape[i]]
    if not repeated:
        return None
    rest = [i - added for i in axes if i not in repeated]
    count = _size(source, [shape[i] for i in repeated])
    return (source.sum(rest, keep=True) * count).broadcast(kept_shape(shape, axes))


def _product_with_rows_alike(term: Term) -> Value | None:
    """a @ b where all rows of b are alike, or all columns of a: a sum and a product by element."""
    a, b = term.operands
    if (row := _repeated(term.of(1), -2)) is not None:
        return (a.sum((len(a.shape) - 1,), keep=True) * row).broadcast(term.type.shape)
    if (column := _repeated(term.of(0), -1)) is not None:
        return (column * b.sum((len(b.shape) - 2,), keep=True)).broadcast(term.type.shape)
    return None


def _repeated(term: Term, axis: int) -> Value | None:
    """What is repeated along an axis, counted from the last."""
    if term.op != "broadcast":
        return None
    source = term.operands[0]
    return source if len(source.shape) < -axis or source.shape[axis] == 1 else None


RULES: Rules = united(
    dict.fromkeys(("sum", "max", "min", "prod", "any", "all"), (_over_nothing,)),
    {
        "sum": (_sum_of_known, _sum_of_scaled, _sum_of_sum, _sum_of_parts, _sum_of_all, _sum_of_transpose),
        "matmul": (_product_with_rows_alike,),
    },
)
