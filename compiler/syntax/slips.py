"""Mistakes that a finished rule of the grammar shows, each with its mend."""

from __future__ import annotations

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


def stage(value: ast.Expr, pin: ast.Name | None) -> ast.Stage:
    """What stands to the right of an arrow, `[count *] call [as pin]`; raises Slip for anything else."""
    span = value.span.to(pin.span) if pin else value.span
    match value:
        case ast.Call():
            return ast.Stage(span, value, None, pin)
        case ast.Name() if "." not in value.text:
            return ast.Stage(span, bare(value), None, pin)
        case ast.Binary(op="*", left=count, right=ast.Call() | ast.Name() as layer):
            if isinstance(layer, ast.Name):
                layer = bare(layer)
            return ast.Stage(span, layer, count, pin)
        case _:
            raise _stage_slip(value)


def bare(name: ast.Name) -> ast.Call:
    """A layer's name without brackets, as a call."""
    if "." in name.text:
        raise callee_slip(name, ())
    return ast.Call(name.span, name, (), (), bare=True)


def _stage_slip(value: ast.Expr) -> Slip:
    first = value
    while True:
        match first:
            case ast.Binary(op="*", left=ast.Call() | ast.Name() as layer, right=ast.Number() as count):
                help = f"the number of copies comes first: {count.span.text} * {layer.span.text}"
                return Slip(value.span, "an arrow leads into a layer", "this is a product", help)
            case ast.Binary(left=left, op_span=op):
                first = left
                if isinstance(left, ast.Call | ast.Name):
                    help = f"put the chain in brackets: (… -> {left.span.text}) {op.text} …"
                    title = f"`->` binds loosest, so `{op.text}` cannot follow a chain"
                    return Slip(op, title, "this would belong to the layer", help)
            case ast.Index(operand=operand):
                help = f"put the chain in brackets: (… -> {operand.span.text})[…]"
                return Slip(value.span, "an arrow leads into a layer", "this takes a part of one", help)
            case ast.Transpose(operand=operand):
                help = f"put the chain in brackets: (… -> {operand.span.text}).T"
                return Slip(value.span, "an arrow leads into a layer", "this transposes one", help)
            case ast.Pipe():
                help = "leave the brackets out; for several copies of a chain define a layer of it"
                return Slip(value.span, "an arrow leads into a layer, not into a chain in brackets", "", help)
            case ast.Name():
                return callee_slip(value, ())
            case _:
                help = "write a layer or function that takes the value as its first argument: x -> dense(10)"
                return Slip(value.span, "an arrow leads into a layer", "this is not a layer", help)


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
            help = "name one, such as glorot, zeros or normal(0, 0.02)"
            raise Slip(value.span, "`~` wants a distribution to draw from", "this is not one", help)


def call(value: ast.Expr, what: str) -> ast.Call:
    """A call, or a name alone that stands for one; raises Slip that says `what` belongs here."""
    if isinstance(value, ast.Name):
        return bare(value)
    if not isinstance(value, ast.Call):
        raise Slip(value.span, f"expected {what}", "this is not a call")
    return value


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
            help = "write input y[N] : class(10) for integers 0..9, and nothing for ordinary numbers"
            raise Slip(kind.span, "an input is of the kind class(…) or of none", "this is not class(…)", help)


def callee_slip(function: ast.Expr, arguments: Sequence[object]) -> Slip:
    """For what is called but cannot be: a dotted name, or no name at all."""
    if not isinstance(function, ast.Name):
        return Slip(function.span, "only a name can be called", "this is not a layer or function")
    owner, _, method = function.text.rpartition(".")
    if owner.split(".")[0] == "self":
        help = "a layer has no self: its parameters are plain names"
    elif owner in _LIBRARIES:
        help = (
            f"layers and functions are plain names here: {_LIBRARIES[owner].get(method, method.lower())}(…)"
        )
    else:
        rest = ", …" if arguments else ""
        help = f"write {method}({owner}{rest}), or {owner} -> {method}"
    return Slip(
        function.span,
        f"`{function.text}` is not a layer or function",
        "names of functions have no dots",
        help,
    )


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
    "matmul": "a @ b, not matmul",
}
_LIBRARIES: dict[str, dict[str, str]] = {
    name: _MODULES
    for name in (
        "nn torch torch.nn torch.nn.functional F tf tf.nn keras layers keras.layers tf.keras.layers "
        "np numpy math jnp jax jax.nn optim torch.optim"
    ).split()
}


def order_slip(argument: ast.Expr, keywords: Sequence[ast.Keyword]) -> Slip:
    """For a positional argument behind a keyword argument; `lr = 0,1` is a decimal comma."""
    last = keywords[-1].value.span
    text = argument.span.source.text
    if text[last.end : argument.span.start] == "," and last.text.isdigit() and argument.span.text.isdigit():
        return Slip(
            last.to(argument.span),
            "a number is written with a point, not a comma",
            "read as two numbers",
            f"write {last.text}.{argument.span.text}",
        )
    return Slip(
        argument.span,
        "an argument without a name stands behind one with a name",
        "this has no name",
        f"move it before {keywords[0].name.text} = …, or name it",
    )


def sign_in_name(span: Span, normal: str) -> Slip:
    """For a name with ² or ₁ in it; `normal` is the name in plain digits."""
    head = next((i for i, c in enumerate(span.text) if not span.text[: i + 1].isidentifier()), 0)
    sign = span.text[head]
    if sign in "²³¹⁰⁴⁵⁶⁷⁸⁹" and head:
        help = f"for a power write {span.text[:head]} ^ {normal[head:]}"
    elif normal.isidentifier():
        help = f"write {normal}"
    else:
        help = "names are letters, digits and _"
    return Slip(span, f"a name cannot have `{sign}` in it", help=help)
