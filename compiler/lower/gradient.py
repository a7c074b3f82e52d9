"""grad(e, t): a gradient as an expression."""

from __future__ import annotations

from collections.abc import Sequence

from .. import ast
from ..build import Value
from ..differentiate import differentiate
from .context import Context
from .operands import describe
from .patterns import Given
from .signatures import plural


def gradient(context: Context, expr: ast.Call, arguments: Sequence[Given]) -> Value:
    """The gradient of the scalar e with respect to the tensor t, in the shape of t."""
    if len(arguments) != 2:
        given = plural(len(arguments), "argument")
        title = f"grad takes a scalar and a tensor, grad(e, t), and was given {given}"
        raise context.error("call", title, expr.span)
    (scalar, of), (target, to) = arguments
    if not isinstance(scalar, Value) or not scalar.type.is_float:
        title = f"{of.span.text} is no tensor of fractions, and has no gradient"
        raise context.error("type", title, of.span)
    if scalar.shape:
        title = f"grad wants a scalar, and was given {describe(scalar, of)}"
        help = f"write grad(sum({of.span.text}), {to.span.text})"
        raise context.error("shape", title, of.span, "each of its elements has a gradient", (), help)
    if not isinstance(target, Value) or not target.type.is_float:
        title = f"there is no gradient with respect to {to.span.text}: it is no tensor of fractions"
        raise context.error("type", title, to.span)
    with context.builder.within(span=expr.span):
        (found,) = differentiate(context.builder, scalar.id, [target.id])
        if found is not None:
            return found
        context.warn("gradient", f"{of.span.text} does not depend on {to.span.text}", expr.span, "this is 0")
        return context.builder.constant(0.0, target.dtype).broadcast(target.shape)
