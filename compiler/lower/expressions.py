"""Expressions: what a formula means, as a tensor of the graph or a number known while compiling."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from .. import ast
from ..build import Value
from ..diagnostics import Span
from ..initialisers import INITIALISERS
from ..ir import N, Dim, Extent
from ..ops.op import ShapeError
from .context import Bound, Context, Failed, Frame, FunctionName, Initial, Poison, Val, nearest
from .origins import origin

_OPERATIONS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "@": "matmul", "^": "pow", "==": "eq", "!=": "ne",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "and": "and", "or": "or",
}  # fmt: skip
_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "^": operator.pow, "==": operator.eq,
    "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b,
}  # fmt: skip
CONSTANTS: dict[str, Val] = {
    "true": True, "false": False, "inf": math.inf, "pi": math.pi, "same": "same", "all": None, "none": None
}  # fmt: skip


def evaluate(context: Context, frame: Frame, expr: ast.Expr) -> Val:
    """The value of an expression. Raises Failed after recording what is wrong."""
    match expr:
        case ast.Number():
            return expr.value
        case ast.String():
            return expr.value
        case ast.Name():
            return name(context, frame, expr)
        case ast.Unary():
            return _unary(context, frame, expr)
        case ast.Binary():
            return _binary(context, frame, expr)
        case ast.Transpose():
            return _transpose(context, frame, expr)
        case ast.Index():
            return _index(context, frame, expr)
        case ast.ListExpr():
            return _list(context, frame, expr)
        case ast.Call():
            from .calls import call

            return call(context, frame, expr)
        case ast.Pinned():
            from .calls import call

            return call(context, frame, expr.call, pin=expr.pin)
        case ast.Pipe():
            from .calls import pipe

            return pipe(context, frame, expr)


def name(context: Context, frame: Frame, expr: ast.Name) -> Val:
    """What a name stands for."""
    found = lookup(context, frame, expr.text)
    if isinstance(found, Bound):
        if isinstance(found.value, Poison):
            raise Failed(expr.text)
        return found.value
    if found is not None:
        return found
    known = [*frame.values, *frame.library.dims, *frame.functions]
    notes: tuple[str, ...] = ()
    help = nearest(expr.text, known)
    if expr.text in ("loss", "step", "steps", "gradient", "param"):
        notes = (f"`{expr.text}` has a meaning inside an optimizer or schedule alone",) if expr.text != "loss" else ()
    if frame.path and not help:
        notes = (*notes, "a layer sees its own formals and bindings and the dims of its file, nothing else")
    title = f"there is no tensor or number called `{expr.text}` here"
    raise context.error("name", title, expr.span, "not known here", notes, help)


def lookup(context: Context, frame: Frame, text: str) -> Bound | Val:
    """A name in the order of sight: the frame, the file's dims, the constants, functions by name."""
    if text in frame.values:
        return frame.values[text]
    if text in frame.library.dims:
        return frame.library.dims[text]
    if text == "N":
        return N
    if text == "training":
        return context.training
    if text == "params":
        return tuple(context.leaves[v.name] for v in context.variables.values() if v.kind == "param")
    if text in CONSTANTS:
        return CONSTANTS[text] if CONSTANTS[text] is not None else "all" if text == "all" else "none"
    if text in context.leaves:
        return context.leaves[text]
    if text in frame.functions:
        function = frame.functions[text]
        return function if isinstance(function, Initial) else FunctionName(text)
    if text in INITIALISERS:
        return Initial(text)
    from .calls import is_function

    return FunctionName(text) if is_function(context, frame, text) else None


def apply(
    context: Context,
    frame: Frame,
    op: str,
    operands: Sequence[Val],
    parts: Sequence[ast.Expr],
    span: Span,
    **attrs: Any,
) -> Value:
    """One operation, with a shape error told in terms of the expressions that its operands came from."""
    values = [as_operand(context, o, p.span) for o, p in zip(operands, parts, strict=True)]
    try:
        with context.builder.within(span=span):
            return context.builder.apply(op, *values, **attrs)
    except ShapeError as error:
        raise shape_error(context, frame, error, operands, parts, span) from None


def shape_error(
    context: Context,
    frame: Frame,
    error: ShapeError,
    operands: Sequence[Val],
    parts: Sequence[ast.Expr],
    span: Span,
) -> Failed:
    """Record a refused operation: which operand has which size, and where it got it."""
    texts = [describe(o, p) for o, p in zip(operands, parts, strict=True)]
    dims: dict[str, object] = {**frame.library.dims, **{k: b for k, b in frame.values.items() if b.is_dim}}
    notes: list[str] = []
    help = error.help
    for operand, axis in error.axes:
        value = operands[operand] if operand < len(operands) else None
        if isinstance(value, Value):
            note = origin(context, value.id, axis % max(len(value.shape), 1), dims)
            notes += [note] if note and note not in notes else []
    if not help:
        help = _mend(context, frame, error, operands)
    try:
        title = error.title.format(*texts)
    except IndexError:
        title = error.title
    return context.error(error.code, title, span, error.label, tuple(notes), help)


def _mend(context: Context, frame: Frame, error: ShapeError, operands: Sequence[Val]) -> str:
    """The one edit of a declared tensor's dim that would make the sizes agree, where there is one."""
    if len(error.axes) != 2:
        return ""
    (a, i), (b, j) = error.axes
    left, right = operands[a], operands[b]
    if not (isinstance(left, Value) and isinstance(right, Value)):
        return ""
    for value, axis, wanted in ((right, j, left.shape[i]), (left, i, right.shape[j])):
        shaped = context.shapes.get(value.id)
        node = context.builder.graph[value.id]
        if shaped is None or shaped.shape is None or node.op != "param":
            continue
        texts = [d.span.text for d in shaped.shape.dims]
        same = [n for n, b in frame.library.dims.items() if b.value == wanted]
        texts[axis % len(texts)] = same[0] if len(same) == 1 else str(wanted)
        return f"write {shaped.name.text}[{', '.join(texts)}]"
    return ""


def describe(value: Val, expr: ast.Expr) -> str:
    """An operand as a message names it: h[N, 16]."""
    if not isinstance(value, Value):
        return expr.span.text
    text = " ".join(expr.span.text.split())
    plain = isinstance(expr, ast.Name | ast.Transpose | ast.Call | ast.Index)
    if not plain and len(text) > 30:
        return shape_text(value.shape)
    return (text if plain else f"({text})") + shape_text(value.shape)


def shape_text(shape: Sequence[Dim]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def as_operand(context: Context, value: Val, span: Span) -> Value | float:
    """A value where an operation wants a tensor or a number."""
    if isinstance(value, Value | bool | int | float):
        return value
    if isinstance(value, Extent):
        return context.builder.size(value)
    what = {str: "a text", tuple: "a list"}.get(type(value), "the name of a function")
    raise context.error("type", f"{span.text} is {what}, where a tensor or a number is wanted", span)


def tensor(context: Context, frame: Frame, expr: ast.Expr) -> Value:
    """An expression that must be a tensor; a number becomes a scalar."""
    value = as_operand(context, evaluate(context, frame, expr), expr.span)
    return value if isinstance(value, Value) else context.builder.constant(value)


def number(context: Context, frame: Frame, expr: ast.Expr, what: str) -> int | float:
    """An expression that must be a number known while compiling."""
    value = evaluate(context, frame, expr)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise context.error("type", f"{what} must be a number", expr.span, "not a number known while compiling")
    return value


def whole(context: Context, frame: Frame, expr: ast.Expr, what: str, low: int = 0) -> int:
    """An expression that must be a whole number, not below `low`."""
    value = number(context, frame, expr, what)
    if value != int(value) or value < low:
        raise context.error("type", f"{what} must be a whole number from {low} on, not {value}", expr.span)
    return int(value)


def dim(context: Context, frame: Frame, expr: ast.Expr) -> Dim:
    """An expression in a shape."""
    value = evaluate(context, frame, expr)
    if isinstance(value, Extent):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        title = f"{expr.span.text} is no size: an axis has a whole number of elements"
        raise context.error("type", title, expr.span)
    if value < 0:
        raise context.error("shape", f"an axis cannot have {value} elements", expr.span, f"this is {value}")
    return int(value)


def dims(context: Context, frame: Frame, shape: ast.Shape | None) -> tuple[Dim, ...]:
    """A declared shape; `...` stands for the axes that the layer's pattern matched."""
    found: list[Dim] = []
    for d in shape.dims if shape else ():
        found += frame.ellipsis if isinstance(d, ast.Ellipsis_) else (dim(context, frame, d),)
    return tuple(found)


def _list(context: Context, frame: Frame, expr: ast.ListExpr) -> Val:
    """The elements in a row; `...` stands for the sizes that the layer's pattern matched with it."""
    found: list[Val] = []
    for item in expr.items:
        found += frame.ellipsis if isinstance(item, ast.Ellipsis_) else [evaluate(context, frame, item)]
    return tuple(found)


def _unary(context: Context, frame: Frame, expr: ast.Unary) -> Val:
    value = evaluate(context, frame, expr.operand)
    if isinstance(value, bool | int | float | Extent):
        if expr.op == "not":
            return not value
        return value * -1 if isinstance(value, Extent) else -value
    return apply(context, frame, {"-": "neg", "not": "not"}[expr.op], [value], [expr.operand], expr.span)


def _binary(context: Context, frame: Frame, expr: ast.Binary) -> Val:
    left, right = _both(context, frame, expr)
    sizes = bool | int | float | Extent
    if isinstance(left, str) and isinstance(right, str) and expr.op in ("==", "!="):
        return (left == right) == (expr.op == "==")
    if isinstance(left, sizes) and isinstance(right, sizes) and expr.op != "@":
        return _arithmetic(context, expr, left, right)
    if expr.op == "@":
        for value, part in ((left, expr.left), (right, expr.right)):
            if isinstance(value, bool | int | float):
                raise context.error("type", f"@ multiplies matrices, and {part.span.text} is a number", part.span)
    return apply(
        context, frame, _OPERATIONS[expr.op], [left, right], [expr.left, expr.right], expr.span
    )


def _both(context: Context, frame: Frame, expr: ast.Binary) -> tuple[Val, Val]:
    """Both operands, so that a mistake in each is told."""
    try:
        left = evaluate(context, frame, expr.left)
    except Failed:
        evaluate(context, frame, expr.right)
        raise
    return left, evaluate(context, frame, expr.right)


def _arithmetic(context: Context, expr: ast.Binary, left: Any, right: Any) -> Val:
    try:
        if expr.op == "/":
            if isinstance(left, Extent) or isinstance(right, Extent):
                from ..ir import divide

                quotient = divide(left, right)
                if quotient is None:
                    title = f"{left} is not divisible by {right}"
                    raise context.error("type", title, expr.span)
                return quotient
            exact = isinstance(left, int) and isinstance(right, int) and left % right == 0
            return left // right if exact else left / right
        if expr.op == "^" and isinstance(right, int | float) and abs(right) > 1024:
            raise context.error("type", "this power is out of range", expr.span, f"to the {right}")
        if isinstance(left, Extent) or isinstance(right, Extent):
            if expr.op not in ("+", "-", "*", "==", "!="):
                raise context.error("type", f"the batch size N is not known here: {expr.op} has no answer", expr.span)
            other = [v for v in (left, right) if not isinstance(v, Extent)]
            if any(isinstance(v, float) for v in other):
                return apply_sizes(context, expr, left, right)
        value = _NUMBERS[expr.op](left, right)
    except (ZeroDivisionError, OverflowError):
        raise context.error("type", "this has no finite value", expr.span) from None
    if isinstance(value, complex):
        raise context.error("type", "this root of a negative number is not real", expr.span)
    return value


def apply_sizes(context: Context, expr: ast.Binary, left: Any, right: Any) -> Value:
    """Arithmetic of N with a fraction: N is known when the program is planned."""
    operands = [context.builder.size(v) if isinstance(v, Extent) else v for v in (left, right)]
    return context.builder.apply(_OPERATIONS[expr.op], *operands)


def _transpose(context: Context, frame: Frame, expr: ast.Transpose) -> Val:
    value = tensor(context, frame, expr.operand)
    if len(value.shape) < 2:
        text = describe(value, expr.operand)
        raise context.error("shape", f"{text} has no two axes to swap", expr.span, ".T swaps the last two axes")
    with context.builder.within(span=expr.span):
        return value.T


def _index(context: Context, frame: Frame, expr: ast.Index) -> Val:
    operand = evaluate(context, frame, expr.operand)
    if isinstance(operand, tuple):
        position = whole(context, frame, expr.items[0], "the position in a list") if _plain(expr.items[0]) else 0
        if len(expr.items) != 1 or not _plain(expr.items[0]) or position >= len(operand):
            raise context.error("shape", f"this list has {len(operand)} elements", expr.span)
        return operand[position]
    value = as_operand(context, operand, expr.operand.span)
    if not isinstance(value, Value):
        raise context.error("type", f"{expr.operand.span.text} is a number and has no axes to index", expr.span)
    if len(expr.items) == 1 and _plain(expr.items[0]):
        index = evaluate(context, frame, expr.items[0])
        if isinstance(index, Value):
            return apply(context, frame, "take", [value, index], [expr.operand, expr.items[0]], expr.span)
    return _slices(context, frame, expr, value)


def _plain(item: ast.Expr | ast.Slice | ast.Ellipsis_) -> Any:
    return not isinstance(item, ast.Slice | ast.Ellipsis_)


def _slices(context: Context, frame: Frame, expr: ast.Index, value: Value) -> Value:
    """Slices and single positions, as one slice operation and a reshape that drops the single ones."""
    shape = value.shape
    items = list(expr.items)
    gaps = [i for i, item in enumerate(items) if isinstance(item, ast.Ellipsis_)]
    if len(gaps) > 1:
        raise context.error("syntax", "only one `...` can stand in an index", items[gaps[1]].span)
    if len(items) - len(gaps) > len(shape):
        title = f"{describe(value, expr.operand)} has {len(shape)} axes, and {len(items)} indices"
        raise context.error("shape", title, expr.span)
    full = [ast.Slice(expr.span, None, None, None)] * (len(shape) - len(items) + len(gaps))
    at = gaps[0] if gaps else len(items)
    items = items[:at] + full + items[at + 1 :]
    start: list[Dim] = []
    stop: list[Dim] = []
    step: list[int] = []
    kept: list[Dim] = []
    reverse: list[int] = []
    for axis, (item, size) in enumerate(zip(items, shape, strict=True)):
        if isinstance(item, ast.Slice):
            a, b, s = _range(context, frame, item, size)
            if s < 0:
                reverse.append(axis)
                s = -s
            kept.append(size if (a, b, s) == (0, size, 1) else _count(context, a, b, s, item.span))
        else:
            if isinstance(item, ast.Ellipsis_):
                continue
            a = _position(context, frame, item, size)
            b, s = a + 1, 1
        start.append(a)
        stop.append(b)
        step.append(s)
    with context.builder.within(span=expr.span):
        if reverse:
            value = value.op("flip", axes=tuple(reverse))
        whole_range = all(a == 0 and b == d and s == 1 for a, b, s, d in zip(start, stop, step, shape, strict=True))
        if not whole_range:
            value = value.op("slice", start=tuple(start), stop=tuple(stop), step=tuple(step))
        return value.reshape(kept)


def _range(context: Context, frame: Frame, item: ast.Slice, size: Dim) -> tuple[Dim, Dim, int]:
    """Start, stop and step of a slice, NumPy's rules; a size with N in it can only be taken whole or cut at ends."""
    by = number(context, frame, item.step, "a step") if item.step else 1
    if by != int(by) or by == 0 or (by < 0 and (item.start or item.stop)):
        title = "a step is a whole number, not 0; a negative one takes the whole axis, `::-1`"
        raise context.error("shape", title, item.span)
    low = _bound(context, frame, item.start, size, 0)
    high = _bound(context, frame, item.stop, size, size)
    return low, high, int(by)


def _bound(context: Context, frame: Frame, expr: ast.Expr | None, size: Dim, default: Dim) -> Dim:
    if expr is None:
        return default
    value = evaluate(context, frame, expr)
    if isinstance(value, Extent):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise context.error("type", f"{expr.span.text} is not a whole number", expr.span)
    value = int(value)
    if isinstance(size, int):
        return max(0, min(size, value + size if value < 0 else value))
    return size + value if value < 0 else value


def _count(context: Context, start: Dim, stop: Dim, step: int, span: Span) -> Dim:
    if isinstance(start, int) and isinstance(stop, int):
        return max(0, -(-(stop - start) // step))
    if step != 1:
        raise context.error("shape", "an axis whose size depends on N can only be stepped through whole", span)
    return stop - start


def _position(context: Context, frame: Frame, expr: ast.Expr, size: Dim) -> Dim:
    value = number(context, frame, expr, "an index")
    if value != int(value):
        raise context.error("type", f"an index is a whole number, not {value}", expr.span)
    value = int(value)
    if isinstance(size, int) and not -size <= value < size:
        raise context.error("shape", f"index {value} lies outside an axis of {size} elements", expr.span)
    return size + value if value < 0 else value
