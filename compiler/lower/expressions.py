"""Expressions: what a formula means, as a tensor of the graph or a number known while compiling."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeGuard

from .. import ast
from ..build import Value
from ..initialisers import INITIALISERS
from ..ir import Dim, Extent, N, divide
from ..limits import most, raising
from .context import Bound, Context, Failed, Frame, FunctionName, Initial, Poison, Val
from .operands import apply, as_operand, describe
from .suggest import bound_elsewhere, nearest

_OPERATIONS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "@": "matmul", "^": "pow", "==": "eq", "!=": "ne",
    "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "and": "and", "or": "or",
}  # fmt: skip
_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "^": operator.pow, "==": operator.eq,
    "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "and": lambda a, b: bool(a and b), "or": lambda a, b: bool(a or b),
}  # fmt: skip
_KINDS: dict[type, str] = {
    Value: "a tensor",
    str: "a text",
    tuple: "a list",
    FunctionName: "a function's name",
}
CONSTANTS: dict[str, Val] = {
    "true": True, "false": False, "inf": math.inf, "pi": math.pi, "same": "same", "all": "all", "none": "none"
}  # fmt: skip


def evaluate(context: Context, frame: Frame, expr: ast.Expr, direct: bool = False) -> Val:
    """The value of an expression. Raises Failed after recording what is wrong.

    direct: it is the whole of a binding, so that a call gives its parameters the binding's name.
    """
    from .calls import call, pipe  # calls evaluate their arguments
    from .indexing import index

    match expr:
        case ast.Number() | ast.String():
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
            return index(context, frame, expr)
        case ast.ListExpr():
            return _list(context, frame, expr)
        case ast.Call():
            return call(context, frame, expr, direct=direct)
        case ast.Pinned():
            return call(context, frame, expr.call, pin=expr.pin)
        case ast.Pipe():
            return pipe(context, frame, expr, direct)


def name(context: Context, frame: Frame, expr: ast.Name) -> Val:
    """What a name stands for."""
    found = lookup(context, frame, expr.text)
    if isinstance(found, Bound):
        if isinstance(found.value, Poison):
            raise Failed(expr.text)
        return found.value
    if found is not None:
        if expr.text == "params":
            context.params_read = expr.span
            if not found and context.is_wrong:
                raise Failed(expr.text)  # those that should be in it may have failed
        return found
    if context.incomplete or expr.text in frame.unknown:
        raise Failed(expr.text)
    frame.unknown.add(expr.text)
    notes: tuple[str, ...] = ()
    inside = "optimizer" if "gradient" in frame.values else "layer" if frame.path else ""
    title, help = bound_elsewhere(context.module, expr.text, expr.span, inside)
    if title:
        pass
    elif expr.text in ("step", "steps", "gradient", "param"):
        title = f"`{expr.text}` has a meaning inside an optimizer or schedule alone"
    else:
        title = f"there is no tensor or number called `{expr.text}` here"
        inside = [name for name in context.leaves if "." in name] if "." in expr.text else []
        sight = [*frame.values, *frame.library.dims, *frame.functions, *inside, "params", "training"]
        help = nearest(expr.text, sight)
        if not help:
            sight = list(dict.fromkeys((*frame.values, *frame.library.dims)))
            notes = (
                (f"known here: {', '.join(sight[:12])}{', …' if len(sight) > 12 else ''}",) if sight else ()
            )
        if frame.path and not help:
            seen = "a layer sees its own formals and bindings and the dims of its file, nothing else"
            notes = (*notes, seen)
    raise context.error("name", title, expr.span, "not known here", notes, help)


def lookup(context: Context, frame: Frame, text: str) -> Bound | Val:
    """A name in the order of sight: the frame, the file's dims, the constants, functions by name."""
    from .calls import is_function

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
        return CONSTANTS[text]
    full = ".".join((*frame.path, text))
    if "." in text and full in context.leaves:
        return context.leaves[full]
    if text in frame.functions:
        function = frame.functions[text]
        return function if isinstance(function, Initial) else FunctionName(text)
    if text in INITIALISERS:
        return Initial(text)
    return FunctionName(text) if is_function(context, frame, text) else None


def tensor(context: Context, frame: Frame, expr: ast.Expr, direct: bool = False) -> Value:
    """An expression that must be a tensor; a number becomes a scalar."""
    value = as_operand(context, evaluate(context, frame, expr, direct), expr.span)
    return value if isinstance(value, Value) else context.builder.constant(value)


def number(context: Context, frame: Frame, expr: ast.Expr, what: str) -> int | float:
    """An expression that must be a number known while compiling."""
    value = evaluate(context, frame, expr)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise context.error(
            "type", f"{what} must be a number", expr.span, "not a number known while compiling"
        )
    return value


def whole(context: Context, frame: Frame, expr: ast.Expr, what: str, low: int = 0) -> int:
    """An expression that must be a whole number, not below `low`."""
    value = number(context, frame, expr, what)
    if not is_whole(value) or value < low:
        raise context.error("type", f"{what} must be a whole number from {low} on, not {value}", expr.span)
    return int(value)


def is_whole(value: object) -> TypeGuard[int | float]:
    """Whether a value is a whole number known while compiling."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0


def condition(context: Context, frame: Frame, expr: ast.Expr) -> bool:
    """The condition of an `if`: a number known while compiling."""
    value = evaluate(context, frame, expr)
    if isinstance(value, bool | int | float):
        return bool(value)
    title = "a condition is decided while compiling: from dims, hyper-parameters and `training`"
    help = "choose between tensors with where(condition, a, b)"
    raise context.error("type", title, expr.span, "not known then", (), help)


def dim(context: Context, frame: Frame, expr: ast.Expr) -> Dim:
    """An expression in a shape."""
    value = evaluate(context, frame, expr)
    if isinstance(value, Extent):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(expr, ast.Number):
            title = f"{expr.span.text} is no size: an axis has a whole number of elements"
            raise context.error("type", title, expr.span)
        what = f"{value:.6g}" if isinstance(value, int | float) else _KINDS.get(type(value), "no number")
        title = f"{expr.span.text} is {what}, and the size of an axis is a whole number"
        help = "use a dim or a number known while compiling" if isinstance(value, Value) else ""
        raise context.error("type", title, expr.span, "", (), help)
    if value > most("elements"):
        title = f"an axis of {value:,} elements is longer than {most('elements'):,}"
        raise context.error("limit", title, expr.span, "", (), raising("elements"))
    if value < 1:
        what = "" if expr.span.text == str(value) else f"{expr.span.text} is {value}, and "
        title = f"{what}an axis has 1 element at least" + ("" if what else f", not {value}")
        known = frame.library.dims.get(expr.text) if isinstance(expr, ast.Name) else None
        raise context.error("shape", title, known.span if known else expr.span)
    return value


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
    op = "neg" if expr.op == "-" else "not"
    return apply(context, frame, op, [value], [expr.operand], expr.span)


def _binary(context: Context, frame: Frame, expr: ast.Binary) -> Val:
    left, right = _both(context, frame, expr)
    # A text such as `none` is equal to no number, list or tensor: so a layer sees what was not given.
    if expr.op in ("==", "!=") and (isinstance(left, str) or isinstance(right, str)):
        alike = isinstance(left, str) and isinstance(right, str) and left == right
        return alike == (expr.op == "==")
    sizes = bool | int | float | Extent
    if expr.op == "@":
        for value, part in ((left, expr.left), (right, expr.right)):
            if isinstance(value, sizes):
                title = f"@ multiplies matrices, and {part.span.text} is a number: write * instead of @"
                raise context.error("type", title, part.span)
    if isinstance(left, sizes) and isinstance(right, sizes):
        return _arithmetic(context, frame, expr, left, right)
    op, parts = _OPERATIONS[expr.op], [expr.left, expr.right]
    return apply(context, frame, op, [left, right], parts, expr.span, expr.op_span)


def _both(context: Context, frame: Frame, expr: ast.Binary) -> tuple[Val, Val]:
    """Both operands, so that a mistake in each is told."""
    try:
        left = evaluate(context, frame, expr.left)
    except Failed:
        evaluate(context, frame, expr.right)
        raise
    return left, evaluate(context, frame, expr.right)


def _arithmetic(context: Context, frame: Frame, expr: ast.Binary, left: Any, right: Any) -> Val:
    """Of numbers and sizes: a number or size, or a scalar tensor where it depends on N in another way."""
    symbolic = isinstance(left, Extent) or isinstance(right, Extent)
    if expr.op == "^" and isinstance(right, int | float) and abs(right) > 1024:
        raise context.error("limit", "this power is out of range", expr.span, f"to the {right}")
    try:
        if expr.op == "/":
            return _quotient(context, expr, left, right)
        if symbolic and (expr.op not in ("+", "-", "*", "==", "!=") or float in (type(left), type(right))):
            return _of_sizes(context, expr, left, right)
        value = _NUMBERS[expr.op](left, right)
    except (ZeroDivisionError, OverflowError):
        known = frame.dims()
        names = [n for n in (expr.left, expr.right) if isinstance(n, ast.Name) and n.text in known]
        notes = tuple(
            f"{n.text} is {known[n.text].value}, from line {known[n.text].span.line}" for n in names
        )
        raise context.error("type", f"{expr.span.text} has no finite value", expr.span, "", notes) from None
    if isinstance(value, int) and value.bit_length() > 63:
        raise context.error("limit", "this number is out of range", expr.span, "whole numbers end at 2^63")
    if isinstance(value, complex):
        raise context.error("type", "this root of a negative number is not real", expr.span)
    return value


def _quotient(context: Context, expr: ast.Binary, left: Any, right: Any) -> Val:
    if isinstance(left, Extent) or isinstance(right, Extent):
        quotient = None if float in (type(left), type(right)) else divide(left, right)
        return _of_sizes(context, expr, left, right) if quotient is None else quotient
    exact = isinstance(left, int) and isinstance(right, int) and left % right == 0
    return left // right if exact else left / right


def _of_sizes(context: Context, expr: ast.Binary, left: Any, right: Any) -> Value:
    """N is known when the program is planned."""
    operands = [context.builder.size(v) if isinstance(v, Extent) else v for v in (left, right)]
    with context.builder.within(span=expr.span):
        return context.builder.apply(_OPERATIONS[expr.op], *operands)


def _transpose(context: Context, frame: Frame, expr: ast.Transpose) -> Val:
    value = tensor(context, frame, expr.operand)
    if len(value.shape) < 2:
        text = describe(value, expr.operand)
        title = f"{text} has no two axes to swap"
        raise context.error("shape", title, expr.span, ".T swaps the last two axes")
    with context.builder.within(span=expr.span):
        return value.T
