"""What a call gives to a layer's formals: hyper-parameters by name, tensors by patterns of their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .. import ast
from ..build import Value
from ..diagnostics import Span
from ..ir import Dim, Extent
from .advice import check_classes, of_twice
from .context import Bound, Context, Frame, FunctionName, Initial, SharedLayer, Val
from .expressions import dim, evaluate
from .operands import as_operand, describe, shape_text
from .signatures import check_arguments, formals


class Given(NamedTuple):
    """An argument and the expression that gave it."""

    value: Val
    part: ast.Expr


class _Tensor(NamedTuple):
    formal: ast.Formal
    pattern: ast.Shape
    value: Value
    part: ast.Expr


def bind(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    definition: ast.LayerDef,
    inner: Frame,
    positional: Sequence[Given],
    keywords: Mapping[str, tuple[Given, Span]],
) -> None:
    """Give every formal its value in the frame of the body, and the dims of the patterns theirs."""
    given = _by_name(context, expr, definition, positional, keywords)
    if inner.library.standard and positional:
        of_twice(context, definition.name.text, *positional[0])
        if len(positional) > 1:
            (first, left), (second, right) = positional[:2]
            check_classes(context, definition.name.text, first, second, (left, right))
    tensors: list[_Tensor] = []
    for formal in definition.formals:
        name = formal.name.text
        if name not in given:
            continue
        value, part = given[name]
        if formal.pattern is not None:
            tensors.append(_Tensor(formal, formal.pattern, _tensor(context, value, part), part))
        else:
            _hyper(inner, name, _handed(frame, value), part.span)
    for t in tensors:
        _bind_dims(inner, t)
    for formal in definition.formals:
        if formal.name.text not in given and formal.default is not None:
            _hyper(inner, formal.name.text, evaluate(context, inner, formal.default), formal.span)
    ellipses = [t for t in tensors if _gap(t.pattern) and _rest(t)]
    for t in tensors:
        _match(context, inner, expr, definition, t, ellipses[0] if ellipses else t)
        inner.values[t.formal.name.text] = Bound(t.value, t.part.span)


def _by_name(
    context: Context,
    expr: ast.Call,
    definition: ast.LayerDef,
    positional: Sequence[Given],
    keywords: Mapping[str, tuple[Given, Span]],
) -> dict[str, Given]:
    signature = formals(definition)
    if positional and len(positional) + len(keywords) < len(signature.required):
        value, part = positional[0]
        if definition.formals[0].pattern is not None and isinstance(value, int | float):
            title = f"{signature.name} needs its tensor {signature.known[0]}: write x -> {expr.span.text}"
            raise context.error("call", title, expr.span, f"{part.span.text} is a number", (signature.note,))
    spans = {key: span for key, (_, span) in keywords.items()}
    check_arguments(context, expr, signature, len(positional), spans)
    given = dict(zip(signature.known, positional, strict=False))
    return given | {key: argument for key, (argument, _) in keywords.items()}


def _hyper(inner: Frame, name: str, value: Val | SharedLayer, span: Span) -> None:
    if isinstance(value, FunctionName | Initial | SharedLayer):
        inner.functions[name] = value
    else:
        inner.values[name] = Bound(value, span, not isinstance(value, Value))


def _handed(frame: Frame, value: Val) -> Val | SharedLayer:
    """A layer that is handed on keeps the meaning that it has where it was named."""
    if isinstance(value, FunctionName):
        found = frame.functions.get(value.name)
        return value if found is None else found
    return value


def _tensor(context: Context, value: Val, part: ast.Expr) -> Value:
    """An argument as a tensor. Of a list, all elements in one row, as `l2(params)` needs them."""
    if isinstance(value, tuple):
        tensors = [as_operand(context, v, part.span) for v in value]
        flat = [t.reshape((t.type.elements,)) for t in tensors if isinstance(t, Value)]
        if len(flat) != len(tensors) or not flat:
            label = "this is empty" if not tensors else "this holds numbers"
            raise context.error("type", f"{part.span.text} is not a list of tensors", part.span, label)
        return flat[0] if len(flat) == 1 else context.builder.apply("concat", *flat, axis=0)
    operand = as_operand(context, value, part.span)
    return operand if isinstance(operand, Value) else context.builder.constant(operand)


def _gap(pattern: ast.Shape) -> bool:
    return any(isinstance(d, ast.Ellipsis_) for d in pattern.dims)


def _axes(pattern: ast.Shape, rank: int) -> list[tuple[ast.Expr, int]] | None:
    """Which dim of a pattern stands for which axis; None where the number of axes does not fit."""
    gaps = [i for i, d in enumerate(pattern.dims) if isinstance(d, ast.Ellipsis_)]
    named = len(pattern.dims) - len(gaps)
    if rank < named or (not gaps and rank != named):
        return None
    before = gaps[0] if gaps else named
    skipped = rank - named
    pairs: list[tuple[ast.Expr, int]] = []
    for i, d in enumerate(pattern.dims):
        if not isinstance(d, ast.Ellipsis_):
            pairs.append((d, i if i < before else i - 1 + skipped))
    return pairs


def _rest(t: _Tensor) -> tuple[Dim, ...]:
    """The sizes that `...` matched."""
    used = {axis for _, axis in _axes(t.pattern, len(t.value.shape)) or ()}
    return tuple(d for axis, d in enumerate(t.value.shape) if axis not in used)


def _bind_dims(inner: Frame, t: _Tensor) -> None:
    """Bind the dim names of a pattern that are new, so that defaults and later formals can use them."""
    for d, axis in _axes(t.pattern, len(t.value.shape)) or ():
        known = isinstance(d, ast.Name) and (d.text in inner.values or d.text in inner.library.dims)
        if isinstance(d, ast.Name) and not known:
            inner.values[d.text] = Bound(t.value.shape[axis], t.part.span, True)
    if _gap(t.pattern) and not inner.ellipsis:
        inner.ellipsis = _rest(t)


def _match(
    context: Context, inner: Frame, expr: ast.Call, definition: ast.LayerDef, t: _Tensor, first: _Tensor
) -> None:
    """Check a tensor against its pattern. The `...` of all patterns stand for the same axes, or for none."""
    wanted = f"{t.formal.name.text}[{', '.join(d.span.text for d in t.pattern.dims)}]"
    title = f"{definition.name.text} wants {wanted}, and was given {describe(t.value, t.part)}"
    pairs = _axes(t.pattern, len(t.value.shape))
    if pairs is None:
        count = len(t.pattern.dims) - _gap(t.pattern)
        least = "at least " if _gap(t.pattern) else ""
        label = f"{len(t.value.shape)} axes, where {least}{count} are wanted"
        help = _mend_axes(t.value, count, definition.name.text)
        raise context.error("shape", title, expr.span, label, (), help)
    for d, axis in pairs:
        expected = dim(context, inner, d)
        if expected != t.value.shape[axis]:
            what = f"{expected} are wanted" if isinstance(d, ast.Number) else f"{d.span.text} is {expected}"
            label = f"{what}, and axis {axis} here has {t.value.shape[axis]}"
            raise context.error("shape", title, expr.span, label)
    if _gap(t.pattern) and any(is_batch(t, d, axis) for d, axis in pairs):
        n, name = t.value.shape[0], next(d.span.text for d, axis in pairs if axis == 0)
        label = f"its only axis is the batch, and none is left for {name}"
        help = (
            f"give each sample an axis: reshape({t.part.span.text}, [{n}, 1])"
            if len(t.value.shape) == 1
            else ""
        )
        raise context.error("shape", title, expr.span, label, (), help)
    if _gap(t.pattern) and _rest(t) not in ((), _rest(first)):
        given = f"{describe(first.value, first.part)} and {describe(t.value, t.part)}"
        title = f"{definition.name.text} was given {given}, which do not go together"
        here = f"{shape_text(_rest(first))} in the one and {shape_text(_rest(t))} in the other"
        patterns = f"{first.formal.span.text} and {t.formal.span.text}"
        label = f"`...` in {patterns} is {here}"
        raise context.error("shape", title, expr.span, label, (), _mend_rest(t, first))


def is_batch(t: _Tensor, d: ast.Expr, axis: int) -> bool:
    """Whether a dim that is not the batch has the batch to stand for, as d in x[..., d] for an x[N]."""
    named = isinstance(d, ast.Name) and d.text != "N"
    return axis == 0 and named and isinstance(t.value.shape[0], Extent)


def _mend_axes(value: Value, wanted: int, name: str) -> str:
    if len(value.shape) > wanted == 2:
        return f"write flatten before it: … -> flatten -> {name}"
    if len(value.shape) == 3 and wanted == 4:
        n, *rest = map(str, value.shape)
        return f"add a channel axis: reshape(x, [{n}, 1, {', '.join(rest)}])"
    return ""


def _mend_rest(t: _Tensor, first: _Tensor) -> str:
    """For [N, 1] beside [N], which NumPy would spread to [N, N]."""
    for one, other in ((t, first), (first, t)):
        if _rest(one) == (*_rest(other), 1) and len(one.value.shape) == len(_rest(one)):
            return f"write squeeze({one.part.span.text}, axis = -1)"
    return ""
