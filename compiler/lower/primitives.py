"""Calls of functions built from primitives: their arguments become operands, their refusals errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import ast
from ..build import Value
from ..diagnostics import Span
from ..ops.op import ShapeError
from .context import Context, Frame, Val
from .functions import Function, Parameter, Place
from .operands import as_operand, refused
from .patterns import Given
from .signatures import check_arguments, parameters


def build(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    target: Function,
    positional: Sequence[Given],
    keywords: Mapping[str, tuple[Given, Span]],
) -> Val:
    """A function built from primitives."""
    signature = parameters(target)
    spans = {key: span for key, (_, span) in keywords.items()}
    check_arguments(context, expr, signature, len(positional), spans)
    given = dict(zip(signature.known, positional, strict=False))
    given |= {key: argument for key, (argument, _) in keywords.items()}
    values: dict[str, Val] = {}
    for parameter in target.parameters:
        if parameter.name not in given:
            continue
        value, part = given[parameter.name]
        values[parameter.name] = _operand(context, parameter, value, part) if parameter.tensor else value
    if "shape" in given:
        _check_sizes(context, given["shape"])
    try:
        with context.builder.within(span=expr.span):
            place = Place(frame.prefix, frame.instance, context.draw, context.use == "data")
            return target.build(context.builder, place, **values)
    except ShapeError as error:
        operands, parts = _operands(target, given)
        raise refused(context, frame, error, operands, parts, expr.span) from None


def _check_sizes(context: Context, shape: Given) -> None:
    """Tell which size in a written list is a fraction."""
    if not isinstance(shape.part, ast.ListExpr) or not isinstance(shape.value, tuple):
        return
    if len(shape.part.items) != len(shape.value):
        return  # `...` stands for several
    for item, value in zip(shape.part.items, shape.value, strict=True):
        if isinstance(value, float) and not value.is_integer():
            title = f"{item.span.text} is {value:.6g}, and the size of an axis is a whole number"
            raise context.error("type", title, item.span)


def _operands(target: Function, given: Mapping[str, Given]) -> tuple[list[Val], list[ast.Expr]]:
    """The tensors among the arguments, those of a list one by one, as the operation has them."""
    operands: list[Val] = []
    parts: list[ast.Expr] = []
    for parameter in target.parameters:
        if parameter.name not in given or not parameter.tensor:
            continue
        value, part = given[parameter.name]
        if isinstance(value, tuple) and parameter.many:
            written = part.items if isinstance(part, ast.ListExpr) and len(part.items) == len(value) else ()
            operands += value
            parts += [p for p in written if not isinstance(p, ast.Ellipsis_)] or [part] * len(value)
        else:
            operands.append(value)
            parts.append(part)
    return operands, parts


def _operand(context: Context, parameter: Parameter, value: Val, part: ast.Expr) -> Val:
    """An argument where a tensor is wanted."""
    if parameter.many and isinstance(value, tuple):
        return value
    operand = as_operand(context, value, part.span)
    if isinstance(operand, Value) or parameter.number:
        return operand
    return context.builder.constant(operand)
