"""Operations applied to what expressions gave, and why they refuse it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ast
from ..build import Value
from ..diagnostics import Span
from ..ir import Dim, Extent
from ..ops.op import ShapeError
from .advice import of_classes
from .context import Context, Failed, Frame, Val
from .origins import origin


def apply(
    context: Context,
    frame: Frame,
    op: str,
    operands: Sequence[Val],
    parts: Sequence[ast.Expr],
    span: Span,
    point: Span | None = None,
    **attrs: Any,
) -> Value:
    """One operation, with a shape error told in terms of the expressions that its operands came from.

    point: the operator's place in the span, if it stands between its operands.
    """
    values = [as_operand(context, o, p.span) for o, p in zip(operands, parts, strict=True)]
    of_classes(context, op, values, span)
    try:
        with context.builder.within(span=span):
            return context.builder.apply(op, *values, **attrs)
    except ShapeError as error:
        raise refused(context, frame, error, operands, parts, span, point) from None


def as_operand(context: Context, value: Val, span: Span) -> Value | float:
    """A value where an operation wants a tensor or a number."""
    if isinstance(value, Value | bool | int | float):
        return value
    if isinstance(value, Extent):
        return context.builder.size(value)
    what = (
        "a text" if isinstance(value, str) else "a list" if isinstance(value, tuple) else "a function's name"
    )
    help = f"write {span.text}(…)" if what == "a function's name" else ""
    title = f"{span.text} is {what}, where a tensor or a number is wanted"
    raise context.error("type", title, span, "", (), help)


def refused(
    context: Context,
    frame: Frame,
    error: ShapeError,
    operands: Sequence[Val],
    parts: Sequence[ast.Expr],
    span: Span,
    point: Span | None = None,
) -> Failed:
    """Record a refused operation: which operand has which size, and where it got it."""
    texts = [describe(o, p) for o, p in zip(operands, parts, strict=True)]
    notes: list[str] = []
    for operand, axis in error.axes:
        value = operands[operand] if operand < len(operands) else None
        if isinstance(value, Value) and axis < len(value.shape):
            part = parts[operand]
            name = part.text if isinstance(part, ast.Name) else ""
            note = origin(context, value.id, axis % max(len(value.shape), 1), name)
            notes += [note] if note and note not in notes else []
    help = _mend(context, frame, error, operands) or error.help or _classes(context, error, operands)
    title, label = _filled(error.title, texts), _filled(error.label, texts)
    return context.error(error.code, title, span, label, tuple(notes), help, point)


def _classes(context: Context, error: ShapeError, operands: Sequence[Val]) -> str:
    """An input of plain numbers that stands where classes are wanted."""
    for value in operands if error.code == "dtype" else ():
        node = context.builder.graph[value.id] if isinstance(value, Value) else None
        if node is not None and node.op == "input":
            return f"declare input {node.name}{shape_text(node.type.shape)} : class(…)"
    return ""


def _filled(sentence: str, texts: Sequence[str]) -> str:
    """A sentence with {0}, {1} replaced. Of a list of tensors, given as one argument, the rest stays."""
    for position, text in enumerate(texts):
        sentence = sentence.replace(f"{{{position}}}", text)
    return sentence


def _mend(context: Context, frame: Frame, error: ShapeError, operands: Sequence[Val]) -> str:
    """The one edit of a declared parameter's dim that would make the sizes agree, where there is one."""
    if len(error.axes) != 2 or frame.library.standard:
        return ""
    (a, i), (b, j) = error.axes
    if max(a, b) >= len(operands):
        return ""
    left, right = operands[a], operands[b]
    if not (isinstance(left, Value) and isinstance(right, Value)):
        return ""
    if i >= len(left.shape) or j >= len(right.shape):
        return ""  # the operation refused what the function made of them
    for value, axis, wanted in ((right, j, left.shape[i]), (left, i, right.shape[j])):
        declared = context.shapes.get(value.id)
        if declared is None or declared.shaped.shape is None or declared.frame is not frame:
            continue
        if context.builder.graph[value.id].op != "param":
            continue
        texts = [d.span.text for d in declared.shaped.shape.dims]
        same = [n for n, b in frame.library.dims.items() if b.value == wanted]
        texts[axis % len(texts)] = same[0] if len(same) == 1 else str(wanted)
        return f"write {declared.shaped.name.text}[{', '.join(texts)}]"
    return ""


def describe(value: Val, expr: ast.Expr) -> str:
    """An operand as a message names it: h[N, 16]."""
    if not isinstance(value, Value):
        return expr.span.text
    text = " ".join(expr.span.text.split())
    plain = isinstance(expr, ast.Name | ast.Transpose | ast.Call | ast.Index)
    if len(text) > 30:
        return shape_text(value.shape)
    return (text if plain else f"({text})") + shape_text(value.shape)


def shape_text(shape: Sequence[Dim]) -> str:
    return f"[{', '.join(map(str, shape))}]"
