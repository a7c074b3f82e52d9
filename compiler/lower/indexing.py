"""x[…]: rows by an integer tensor, single positions and slices, elements of a list."""

from __future__ import annotations

from .. import ast
from ..build import Value
from ..diagnostics import Span
from ..ir import Dim, Extent, size_at
from .context import Context, Frame, Val
from .expressions import evaluate, is_whole, number, whole
from .operands import apply, as_operand, describe
from .signatures import plural


def index(context: Context, frame: Frame, expr: ast.Index) -> Val:
    operand = evaluate(context, frame, expr.operand)
    if isinstance(operand, tuple):
        return _element(context, frame, expr, operand)
    value = as_operand(context, operand, expr.operand.span)
    if not isinstance(value, Value):
        title = f"{expr.operand.span.text} is a number and has no axes to index"
        raise context.error("type", title, expr.span)
    first = expr.items[0]
    if len(expr.items) == 1 and not isinstance(first, ast.Slice | ast.Ellipsis_):
        rows = evaluate(context, frame, first)
        if isinstance(rows, Value):
            return apply(context, frame, "take", [value, rows], [expr.operand, first], expr.span)
    return _slices(context, frame, expr, value)


def _element(context: Context, frame: Frame, expr: ast.Index, values: tuple[Val, ...]) -> Val:
    first = expr.items[0]
    if len(expr.items) == 1 and not isinstance(first, ast.Slice | ast.Ellipsis_):
        position = whole(context, frame, first, "the position in a list")
        if position < len(values):
            return values[position]
    label = f"its positions are 0 to {len(values) - 1}"
    raise context.error("shape", f"this list has {len(values)} elements", expr.span, label)


def _slices(context: Context, frame: Frame, expr: ast.Index, value: Value) -> Value:
    """Slices and single positions, as one slice operation and a reshape that drops the single ones."""
    shape = value.shape
    start: list[Dim] = []
    stop: list[Dim] = []
    step: list[int] = []
    single: list[int] = []
    reverse: list[int] = []
    for axis, (item, size) in enumerate(zip(_by_axis(context, expr, value), shape, strict=True)):
        a, b, s = 0, size, 1
        if isinstance(item, ast.Slice):
            a, b, s = _range(context, frame, item, size)
            if s < 0:
                reverse.append(axis)
        elif item is not None:
            a = _position(context, frame, item, size)
            b = a + 1
            single.append(axis)
        start.append(a)
        stop.append(b)
        step.append(abs(s))
    if reverse:
        value = apply(context, frame, "flip", [value], [expr.operand], expr.span, axes=tuple(reverse))
    if (start, stop, step) != ([0] * len(shape), list(shape), [1] * len(shape)):
        value = apply(
            context, frame, "slice", [value], [expr.operand], expr.span,
            start=tuple(start), stop=tuple(stop), step=tuple(step),
        )  # fmt: skip
    with context.builder.within(span=expr.span):
        return value.reshape([d for axis, d in enumerate(value.shape) if axis not in single])


def _by_axis(context: Context, expr: ast.Index, value: Value) -> list[ast.Expr | ast.Slice | None]:
    """What is written for each axis; None for the axes of `...` and those behind the last."""
    given = [i for i in expr.items if not isinstance(i, ast.Ellipsis_)]
    gaps = [at for at, i in enumerate(expr.items) if isinstance(i, ast.Ellipsis_)]
    rest = len(value.shape) - len(given)
    if len(gaps) > 1:
        raise context.error("syntax", "only one `...` can stand in an index", expr.items[gaps[1]].span)
    if rest < 0:
        title = f"{describe(value, expr.operand)} has {len(value.shape)} axes, and {len(given)} indices"
        raise context.error("shape", title, expr.span)
    at = gaps[0] if gaps else len(given)
    return [*given[:at], *[None] * rest, *given[at:]]


def _range(context: Context, frame: Frame, item: ast.Slice, size: Dim) -> tuple[Dim, Dim, int]:
    """Start, stop and step of a slice, by NumPy's rules. One of an axis with N in it must fit every batch."""
    step = number(context, frame, item.step, "a step") if item.step else 1
    if not is_whole(step) or step == 0 or (step < 0 and (item.start or item.stop)):
        title = "a step is a whole number, not 0; a negative one takes the whole axis, `::-1`"
        raise context.error("shape", title, item.span)
    low = _bound(context, frame, item.start, size, 0)
    high = _bound(context, frame, item.stop, size, size)
    if isinstance(size, int) and isinstance(low, int) and isinstance(high, int) and low >= high:
        title = f"the slice {item.span.text} takes nothing of an axis of {plural(size, 'element')}"
        raise context.error("shape", title, item.span)
    if not isinstance(size, int) and not 0 <= size_at(low, 1) <= size_at(high, 1) <= size_at(size, 1):
        _refuse_batch(context, item.span, size)
    return low, high, int(step)


def _bound(context: Context, frame: Frame, expr: ast.Expr | None, size: Dim, default: Dim) -> Dim:
    if expr is None:
        return default
    value = evaluate(context, frame, expr)
    if isinstance(value, Extent) and not isinstance(size, int):
        return value
    if not is_whole(value):
        raise context.error("type", f"{expr.span.text} is not a whole number", expr.span)
    value = int(value)
    if isinstance(size, int):
        return max(0, min(size, value + size if value < 0 else value))
    return size + value if value < 0 else value


def _position(context: Context, frame: Frame, expr: ast.Expr, size: Dim) -> Dim:
    value = evaluate(context, frame, expr)
    if isinstance(value, Value):
        title = "an integer tensor stands alone in an index: it takes rows, along the first axis"
        raise context.error(
            "type", title, expr.span, "", (), "write take_along(x, i, axis = …) for another axis"
        )
    if not is_whole(value):
        raise context.error("type", "an index is a whole number known while compiling", expr.span)
    value = int(value)
    if isinstance(size, int) and not -size <= value < size:
        title = f"index {value} lies outside an axis of {plural(size, 'element')}, counted from 0"
        raise context.error("shape", title, expr.span)
    if not isinstance(size, int) and not -size_at(size, 1) <= value < size_at(size, 1):
        _refuse_batch(context, expr.span, size)
    return size + value if value < 0 else value


def _refuse_batch(context: Context, span: Span, size: Dim) -> None:
    title = f"an axis of {size} elements may have {size_at(size, 1)} alone, and this wants more"
    raise context.error("shape", title, span, "the batch may hold one sample")
