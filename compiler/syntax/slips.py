"""Mistakes that a finished rule of the grammar shows, each with its mend."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .. import ast
from ..diagnostics import Diagnostic, Span


class Slip(Exception):
    """A mistake within one statement, raised where it is seen and collected by the parser."""

    def __init__(
        self, span: Span, title: str, label: str = "", help: str = "", notes: tuple[str, ...] = ()
    ) -> None:
        super().__init__(title)
        self.diagnostic = Diagnostic("syntax", title, span, label, notes, help)


def stage(head: ast.Expr, value: ast.Expr, pin: ast.Name | None) -> ast.Stage:
    """What stands to the right of an arrow, `[count *] call [as pin]`; raises Slip for anything else."""
    span = value.span.to(pin.span) if pin else value.span
    match value:
        case ast.Call():
            return ast.Stage(span, value, None, pin)
        case ast.Name():
            return ast.Stage(span, bare(value), None, pin)
        case ast.Binary(op="*", left=count, right=ast.Call() as layer):
            return ast.Stage(span, layer, count, pin)
        case ast.Binary(op="*", left=count, right=ast.Name() as layer) if not isinstance(count, ast.Call):
            return ast.Stage(span, bare(layer), count, pin)
        case _:
            raise _stage_slip(head, value)


def bare(name: ast.Name) -> ast.Call:
    """A layer's name without brackets, as a call."""
    if "." in name.text:
        raise callee_slip(name, ())
    return ast.Call(name.span, name, (), (), bare=True)


def _stage_slip(head: ast.Expr, value: ast.Expr) -> Slip:
    title = "an arrow leads into a layer"
    first = value
    while isinstance(first, ast.Binary) and isinstance(first.left, ast.Binary):
        first = first.left
    match first:
        case ast.Binary(op="*", left=ast.Call() | ast.Name() as layer, right=ast.Number() as count):
            title = f"the number of copies comes first: {count.span.text} * {layer.span.text}"
            return Slip(value.span, title, "an arrow leads into a layer, and this is a product")
        case ast.Binary(left=ast.Call() | ast.Name() as layer, op_span=op, right=right):
            help = f"write {_chain(head, layer)} {op.text} {right.span.text}"
            title = f"a chain before `{op.text}` stands in brackets, as `->` binds loosest"
            return Slip(op, title, "this would belong to the layer", help)
        case ast.Index(operand=layer):
            subscript = value.span.text[layer.span.end - value.span.start :]
            help = f"write {_chain(head, layer)}{subscript}"
            return Slip(value.span, f"{title}, not into a part of one", "", help)
        case ast.Transpose(operand=layer):
            help = f"write {_chain(head, layer)}.T"
            return Slip(value.span, f"{title}, not into its transpose", "", help)
        case ast.Pipe():
            help = "leave the brackets out; for several copies of a chain define a layer of it"
            return Slip(value.span, f"{title}, not into a chain in brackets", "", help)
        case _:
            help = "write a layer or function that takes the value as its first argument: x -> dense(10)"
            return Slip(value.span, f"{title}, and {_quoted(value.span)} is none", "", help)


def _chain(head: ast.Expr, layer: ast.Expr) -> str:
    """The source from the head to the layer in brackets, in one line."""
    text = " ".join(head.span.to(layer.span).text.split())
    return f"({text})" if len(text) < 60 else f"(… -> {layer.span.text})"


def initialiser(value: ast.Expr) -> ast.Call | ast.Number:
    """What stands behind `~`; raises Slip where it is no distribution."""
    match value:
        case ast.Call() | ast.Number():
            return value
        case ast.Name():
            return bare(value)
        case ast.Unary(op="-", operand=ast.Number(value=number)):
            return ast.Number(value.span, -number)
        case _:
            title = f"{_quoted(value.span)} is not a distribution, such as zeros, glorot or normal(0, 0.02)"
            raise Slip(value.span, title)


def call(value: ast.Expr, what: str) -> ast.Call:
    """A call, or a name alone that stands for one; raises Slip that says `what` belongs here."""
    if isinstance(value, ast.Name):
        return bare(value)
    if not isinstance(value, ast.Call):
        raise Slip(value.span, f"{_quoted(value.span)} is not {what}")
    return value


def _quoted(span: Span) -> str:
    """The text of a span in one line, shortened."""
    text = " ".join(span.text.split())
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"


def named(word: str, value: ast.Expr) -> ast.Name:
    """The name of an output or metric that gives itself none: that of its outermost, last call."""
    match value:
        case ast.Name():
            return value
        case ast.Call():
            return value.function
        case ast.Pinned():
            return value.pin
        case ast.Pipe(stages=(*_, last)):
            return last.pin or last.call.function
        case _:
            raise Slip(value.span, f"this {word} needs a name", "", f"write {word} NAME = {value.span.text}")


def classes(kind: ast.Expr) -> ast.Expr:
    """The number of classes in `: class(10)`."""
    match kind:
        case ast.Call(function=ast.Name(text="class"), positional=(count,), keywords=()):
            return count
        case _:
            title = (
                f"behind `:` an input has class(…), the number of its classes, and not {_quoted(kind.span)}"
            )
            help = "write input y[N] : class(10) for integers 0..9, and nothing for ordinary numbers"
            raise Slip(kind.span, title, "", help)


def callee_slip(function: ast.Expr, arguments: Sequence[object]) -> Slip:
    """For what is called but cannot be: a dotted name, or no name at all."""
    if not isinstance(function, ast.Name):
        help = "for a product write *"
        return Slip(function.span, "only a layer or function, by its name, can be called", "", help)
    owner, _, method = function.text.rpartition(".")
    if owner.split(".")[0] == "self":
        title = "a layer has no self: what it calls are plain names"
    elif _LIBRARIES.fullmatch(owner):
        title = f"`{function.text}` is written {_MODULES.get(method, method.lower())}(…)"
    else:
        rest = ", …" if arguments else ""
        title = f"`{function.text}` is written {method}({owner}{rest}) or {owner} -> {method}"
    return Slip(function.span, title, "names of functions have no dots")


FOREIGN = {"True": "true", "False": "false", "None": "none"}
_MODULES = {
    "Linear": "dense",
    "Dense": "dense",
    "Conv2d": "conv",
    "Conv2D": "conv",
    "BatchNorm2d": "batchnorm",
    "BatchNorm1d": "batchnorm",
    "LayerNorm": "layernorm",
    "MaxPool2d": "maxpool",
    "AvgPool2d": "avgpool",
    "CrossEntropyLoss": "cross_entropy",
    "MSELoss": "mse",
}
_LIBRARIES = re.compile(r"((torch|tf|nn|keras|F|layers|np|numpy|math|jnp|jax|optim)(\.\w+)*)")


def order_slip(argument: ast.Expr, keywords: Sequence[ast.Keyword]) -> Slip:
    """For a positional argument behind a keyword argument; `lr = 0,1` is a decimal comma."""
    last = keywords[-1].value
    numbers = isinstance(last, ast.Number) and isinstance(argument, ast.Number)
    if numbers and last.span.end + 1 == argument.span.start:
        return decimal_comma(argument.span, last.span.text)
    title = "an argument without a name stands behind one with a name"
    help = f"move it before {keywords[0].name.text} = …, or name it"
    return Slip(argument.span, title, "this has no name", help)


def decimal_comma(fraction: Span, whole: str) -> Slip:
    """For `0,1` without a space, where one number is meant; `whole` is what stands before the comma."""
    span = Span(fraction.source, fraction.start - len(whole) - 1, fraction.end)
    title = "a number is written with a point, not a comma"
    return Slip(span, title, "read as two numbers", f"write {whole}.{fraction.text}")


def sign_in_name(span: Span, normal: str) -> Slip:
    """For a name with ² or ₁ in it; `normal` is the name in plain digits."""
    head = next((i for i in range(len(span.text)) if not span.text[: i + 1].isidentifier()), 0)
    sign = span.text[head]
    if sign in "²³¹⁰⁴⁵⁶⁷⁸⁹" and head:
        return Slip(span, f"a power is written {span.text[:head]} ^ {normal[head:]}")
    help = f"write {normal}" if normal.isidentifier() else ""
    return Slip(span, f"a name cannot have `{sign}` in it: names are letters, digits and _", help=help)
