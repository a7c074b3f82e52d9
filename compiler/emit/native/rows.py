"""Softmax and its kin, running sums, and where the largest number of a row is.

Each keeps the row's maximum apart so that no exponential overflows; a row of -inf alone has the softmax 0
and the logsumexp -inf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ...ir import Node
from . import math
from .layout import Factor, Layout, Loop, common, merged
from .nest import Tensor, Writer, along, divided, moved, walk
from .pointwise import combined, identity
from .scalar import UNSIGNED, extremum
from .select import Selection, rule
from .text import FLOATS, Function, Index, Value, number


def _row_loops(x: Tensor, out: Tensor, axis: int) -> tuple[list[Loop], list[Loop]]:
    """The loops over rows, and those along one; strides of x, the result, and the place in the row."""
    axes = list(out.layout.axes)
    if len(axes) < len(x.layout.axes):
        axes.insert(axis, ())
    extents = x.layout.extents
    spread = Layout(tuple(axes)).broadcast(extents)
    place = Layout(tuple((Factor(e, int(a == axis)),) for a, e in enumerate(extents)))
    loops: list[Loop] = []
    inner: list[Loop] = []
    for a in range(len(extents)):
        found = common([x.layout.axes[a], spread.axes[a], place.axes[a]])
        (inner if a == axis else loops).extend(found)
    return merged(sorted(loops, key=lambda lp: -abs(lp.strides[1]))), inner


def _rows(
    selection: Selection, node: Node, x: Tensor, out: Tensor, axis: int, body: Callable[..., None]
) -> None:
    """Write body(writer, offsets, loops along the row, width, mask) for every row, or vector of rows."""
    lanes = selection.isa.lanes
    writer = Writer([x, out], lanes)
    fn = writer.fn
    loops, inner = _row_loops(x, out, axis)
    vector = None
    if loops and loops[-1].strides[1] == 1 and loops[-1].strides[0] == 1:
        vector = loops.pop()
    outer, rest = divided(loops)
    starts: list[Index] = [*writer.starts, 0]
    with writer.tasks(outer, starts) as at, walk(fn, rest, at) as there:
        if vector is None:
            body(writer, there, inner, 0, 0)
        else:
            along(
                fn,
                vector.extent,
                lanes,
                lambda i, mask: body(writer, moved(fn, there, i, vector), inner, lanes, mask),
            )
    tasks = prod(lp.extent for lp in outer)
    selection.run(writer.kernel(1, tasks, selection.about(node), 4 * x.layout.elements))


def _maximum(writer: Writer, at: Sequence[Index], inner: Sequence[Loop], width: int, mask: int) -> Value:
    fn, element = writer.fn, writer.tensors[0].element
    largest = fn.variable(number(float("-inf"), element, width))
    with walk(fn, inner, at) as there:
        fn.set(largest, extremum(fn, "maximum", fn.get(largest), _x(writer, there, width, mask)))
    return fn.get(largest)


def _x(writer: Writer, at: Sequence[Index], width: int, mask: int) -> Value:
    return writer.load(0, at[0], 1, width, mask)


def _shift(fn: Function, largest: Value) -> Value:
    """What is subtracted: 0 for a row of -inf, where the difference would be no number."""
    lowest = number(float("-inf"), largest.element, largest.lanes)
    return fn.select(fn.compare("oeq", largest, lowest), number(0, largest.element, largest.lanes), largest)


def _exponentials(
    writer: Writer,
    at: Sequence[Index],
    inner: Sequence[Loop],
    width: int,
    mask: int,
    shift: Value,
    keep: bool,
) -> Value:
    """The sum of exp(x - shift) along a row; the terms are kept in the result if asked."""
    fn = writer.fn
    total = fn.variable(number(0, shift.element, width))
    with walk(fn, inner, at) as there:
        e = math.exp(fn, fn.binary("fsub", _x(writer, there, width, mask), shift))
        if keep:
            writer.store(1, e, there[1], 1, mask)
        fn.set(total, fn.binary("fadd", fn.get(total), e))
    return fn.get(total)


def _softmax(writer: Writer, at: list[Index], inner: Sequence[Loop], width: int, mask: int) -> None:
    fn = writer.fn
    shift = _shift(fn, _maximum(writer, at, inner, width, mask))
    total = _exponentials(writer, at, inner, width, mask, shift, keep=True)
    zero = number(0, total.element, width)
    one = number(1, total.element, width)
    share = fn.binary("fdiv", one, fn.select(fn.compare("oeq", total, zero), one, total))
    with walk(fn, inner, at) as there:
        e = writer.load(1, there[1], 1, width, mask)
        writer.store(1, fn.binary("fmul", e, share), there[1], 1, mask)


def _log_softmax(writer: Writer, at: list[Index], inner: Sequence[Loop], width: int, mask: int) -> None:
    fn = writer.fn
    shift = _maximum(writer, at, inner, width, mask)
    total = math.log(fn, _exponentials(writer, at, inner, width, mask, shift, keep=False))
    with walk(fn, inner, at) as there:
        centred = fn.binary("fsub", _x(writer, there, width, mask), shift)
        writer.store(1, fn.binary("fsub", centred, total), there[1], 1, mask)


def _logsumexp(writer: Writer, at: list[Index], inner: Sequence[Loop], width: int, mask: int) -> None:
    fn = writer.fn
    largest = _maximum(writer, at, inner, width, mask)
    total = _exponentials(writer, at, inner, width, mask, _shift(fn, largest), keep=False)
    found = fn.binary("fadd", _shift(fn, largest), math.log(fn, total))
    writer.store(1, found, at[1], 1, mask)


@rule("softmax", "log_softmax", "logsumexp")
def row(selection: Selection, node: Node) -> None:
    (x,) = selection.operands(node)
    if _over_samples(x, node):
        selection.fall_back(node)
        return
    body = {"softmax": _softmax, "log_softmax": _log_softmax, "logsumexp": _logsumexp}[node.op]
    _rows(selection, node, x, selection.out(node), _axis(node), body)


@rule("argmax", "argmin")
def position(selection: Selection, node: Node) -> None:
    """The first place of the largest or smallest number of a row; a NaN is taken for it."""
    (x,) = selection.operands(node)
    if _over_samples(x, node):
        selection.fall_back(node)
        return
    is_float, unsigned = x.element in FLOATS, x.dtype in UNSIGNED
    better = ("gt" if node.op == "argmax" else "lt").rjust(3, "u" if is_float or unsigned else "s")

    def body(writer: Writer, at: list[Index], inner: Sequence[Loop], width: int, mask: int) -> None:
        fn = writer.fn
        best = fn.variable(number(identity(node.op[3:], x.dtype), x.element, width))
        found = fn.variable(number(0, "i64", width))
        with walk(fn, inner, at) as there:
            value, known = _x(writer, there, width, mask), fn.get(best)
            wins = fn.compare(better, value, known)
            if is_float:
                # An unordered comparison is true where one is no number: then the known one must be one.
                wins = fn.binary("and", wins, fn.compare("ord", known, known))
            here = fn.splat(fn.index(there[2]), width)
            fn.set(best, fn.select(wins, value, known))
            fn.set(found, fn.select(wins, here, fn.get(found)))
        writer.store(1, fn.get(found), at[1], 1, mask)

    _rows(selection, node, x, selection.out(node), _axis(node), body)


@rule("cumsum")
def running_sum(selection: Selection, node: Node) -> None:
    (x,) = selection.operands(node)

    def body(writer: Writer, at: list[Index], inner: Sequence[Loop], width: int, mask: int) -> None:
        fn = writer.fn
        total = fn.variable(number(0, x.element, width))
        with walk(fn, inner, at) as there:
            fn.set(total, combined(fn, "sum", fn.get(total), _x(writer, there, width, mask)))
            writer.store(1, fn.get(total), there[1], 1, mask)

    _rows(selection, node, x, selection.out(node), _axis(node), body)


def _over_samples(x: Tensor, node: Node) -> bool:
    """Whether the rows go through the batch, where padding samples would take part."""
    return any(f.kind for f in x.layout.axes[_axis(node)])


def _axis(node: Node) -> int:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return axis
