"""Calls: layers written in .net, functions built from primitives, and pipes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ast, library
from ..build import Value
from ..diagnostics import Span
from ..ir import Dim, Extent, Scope
from ..ops.op import ShapeError
from . import functions
from .context import (
    Bound,
    Context,
    Frame,
    FunctionName,
    Initial,
    LayerHere,
    Library,
    Poison,
    SharedLayer,
    Val,
    nearest,
)
from .expressions import as_operand, describe, dim, evaluate, lookup, shape_error, shape_text, whole

MAXIMUM_DEPTH = 60


def pipe(context: Context, frame: Frame, expr: ast.Pipe) -> Val:
    """The head's value through every stage."""
    value = evaluate(context, frame, expr.head)
    part: ast.Expr = expr.head
    alone = len(expr.stages) == 1
    for stage in expr.stages:
        count = 1 if stage.count is None else whole(context, frame, stage.count, "how often a layer stands here")
        for turn in range(1, count + 1):
            repeat = turn if stage.count is not None else 0
            value = call(
                context, frame, stage.call, first=(value, part), pin=stage.pin, repeat=repeat,
                direct=alone and stage.count is None,
            )  # fmt: skip
        part = stage.call
    return value


def call(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    first: tuple[Val, ast.Expr] | None = None,
    pin: ast.Name | None = None,
    repeat: int = 0,
    direct: bool = False,
) -> Val:
    """One call. first: the value that a pipe brings; direct: the call is the whole of a binding and takes its name."""
    if first is not None and isinstance(first[0], Poison):
        return Poison()
    name, target = expr.function.text, resolve(context, frame, expr.function)
    if isinstance(target, SharedLayer):
        return _shared(context, frame, expr, target, first)
    positional = [(evaluate(context, frame, a), a) for a in expr.positional]
    if first is not None:
        positional.insert(0, first)
    keywords = _keywords(context, frame, expr)
    if isinstance(target, Initial):
        return Initial(target.name, tuple(_plain_number(context, v, a.span) for v, a in positional))
    if isinstance(target, functions.Function):
        if pin is not None:
            title = f"{name} has no parameters to name"
            raise context.error("name", title, pin.span, "`as` names a layer's parameters")
        return _function(context, frame, expr, target, positional, keywords)
    instance = _instance(frame, name, pin, repeat, direct)
    return layer(context, frame, expr, target, positional, keywords, instance, repeat)


def resolve(
    context: Context, frame: Frame, name: ast.Name
) -> LayerHere | SharedLayer | functions.Function | Initial:
    """What a function's name means: the frame's, the file's own, the standard library's, a primitive."""
    text = name.text
    if text in frame.functions:
        found = frame.functions[text]
        return resolve(context, frame, ast.Name(name.span, found.name)) if isinstance(found, FunctionName) else found
    if text in frame.values and isinstance(frame.values[text].value, FunctionName):
        passed = frame.values[text].value
        assert isinstance(passed, FunctionName)
        return resolve(context, frame, ast.Name(name.span, passed.name))
    if text in frame.library.layers:
        return frame.library.layers[text]
    file = library.find(text, context.in_data)
    if file is not None:
        found = standard(context, file.source.name).layers.get(text)
        if found is not None:
            return found
    if text in functions.FUNCTIONS:
        return functions.FUNCTIONS[text]
    raise _unknown(context, frame, name)


def is_function(context: Context, frame: Frame, text: str) -> bool:
    file = library.find(text, context.in_data)
    known = file is not None and text in standard(context, file.source.name).layers
    return text in frame.library.layers or known or text in functions.FUNCTIONS


def standard(context: Context, source_name: str) -> Library:
    """A file of the standard library, parsed once."""
    if source_name not in context.standard:
        from .statements import collect

        found = Library(source_name)
        context.standard[source_name] = found
        collect(context, Frame(found), library.parsed(source_name))
    return context.standard[source_name]


def layer(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    target: LayerHere,
    positional: Sequence[tuple[Val, ast.Expr]],
    keywords: dict[str, tuple[Val, Span]],
    instance: tuple[str, ...],
    repeat: int = 0,
) -> Val:
    """Lower a layer's body with its formals bound."""
    from .statements import run

    definition = target.definition
    name = definition.name.text
    if len(context.calls) >= MAXIMUM_DEPTH:
        title = f"layers call each other more than {MAXIMUM_DEPTH} deep; does {name} call itself?"
        raise context.error("recursion", title, expr.function.span)
    inner = Frame(target.library, path=instance, sharing=frame.sharing)
    tensors = _bind(context, frame, expr, definition, inner, positional, keywords)
    for formal, value, part in tensors:
        _match(context, inner, expr, definition, formal, value, part)
    scope = (*context.scope, Scope(instance[-1], name, repeat))
    with context.call(expr.span, f"in {name}"), context.builder.within(scope=scope, span=expr.span):
        run(context, inner, definition.body)
        if not inner.returned:
            raise context.error("layer", f"layer {name} returns nothing", definition.name.span, "no return in here")
    return inner.result


def _shared(
    context: Context, frame: Frame, expr: ast.Call, shared: SharedLayer, first: tuple[Val, ast.Expr] | None
) -> Val:
    if expr.keywords or len(expr.positional) + (first is not None) != 1:
        title = f"{shared.name} is one shared layer: give it its tensor alone"
        raise context.error("call", title, expr.span, help=f"write x -> {shared.name}")
    argument = first if first is not None else (evaluate(context, frame, expr.positional[0]), expr.positional[0])
    target = resolve(context, frame, shared.call.function)
    positional = [argument, *((evaluate(context, frame, a), a) for a in shared.call.positional)]
    keywords = _keywords(context, frame, shared.call)
    if not isinstance(target, LayerHere):
        title = f"{shared.call.function.text} has no parameters to share"
        raise context.error("call", title, shared.call.span)
    before, frame.sharing = frame.sharing, shared.uses > 0 or frame.sharing
    shared.uses += 1
    try:
        return layer(context, frame, expr, target, positional, keywords, (*frame.path, shared.name))
    finally:
        frame.sharing = before


def _instance(frame: Frame, name: str, pin: ast.Name | None, repeat: int, direct: bool) -> tuple[str, ...]:
    """The full name under which a call's parameters go."""
    if pin is not None:
        return (*frame.path, f"{pin.text}{repeat}" if repeat else pin.text)
    if direct and frame.binding:
        return frame.prefix
    return (*frame.prefix, frame.instance(name))


def _keywords(context: Context, frame: Frame, expr: ast.Call) -> dict[str, tuple[Val, Span]]:
    found: dict[str, tuple[Val, Span]] = {}
    for keyword in expr.keywords:
        if keyword.name.text in found:
            raise context.error("call", f"{keyword.name.text} is given twice", keyword.name.span)
        found[keyword.name.text] = (evaluate(context, frame, keyword.value), keyword.span)
    return found


def _plain_number(context: Context, value: Val, span: Span) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise context.error("type", f"{span.text} is not a number known while compiling", span)
    return value


def _function(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    target: functions.Function,
    positional: Sequence[tuple[Val, ast.Expr]],
    keywords: dict[str, tuple[Val, Span]],
) -> Val:
    """A function built from primitives."""
    values: dict[str, Val] = {}
    parts: list[ast.Expr] = []
    operands: list[Val] = []
    names = [p.name for p in target.parameters]
    if len(positional) > len(names):
        title = f"{target.name} takes {len(names)} arguments at most, and was given {len(positional)}"
        raise context.error("call", title, expr.span, help=f"it is {target.signature}")
    for parameter, (value, part) in zip(target.parameters, positional, strict=False):
        values[parameter.name] = value
        operands.append(value)
        parts.append(part)
    for key, (value, span) in keywords.items():
        if key not in names:
            title = f"{target.name} has no argument called {key}"
            notes = (f"it is {target.signature}",)
            raise context.error("call", title, span, "not known", notes, nearest(key, names))
        if key in values:
            raise context.error("call", f"{target.name} was given {key} twice", span)
        values[key] = value
    for parameter in target.parameters:
        if parameter.required and parameter.name not in values:
            title = f"{target.name} needs {parameter.name}"
            raise context.error("call", title, expr.span, "", (f"it is {target.signature}",))
        if parameter.name in values and parameter.tensor:
            given = values[parameter.name]
            if isinstance(given, Extent | str | Initial | FunctionName) or (
                isinstance(given, tuple) and not parameter.many
            ):
                values[parameter.name] = as_operand(context, given, expr.span)
    try:
        with context.builder.within(span=expr.span):
            return target.build(context.builder, functions.Place(frame.prefix, frame.instance), **values)
    except ShapeError as error:
        raise shape_error(context, frame, error, operands, parts, expr.span) from None


def _bind(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    definition: ast.LayerDef,
    inner: Frame,
    positional: Sequence[tuple[Val, ast.Expr]],
    keywords: dict[str, tuple[Val, Span]],
) -> list[tuple[ast.Formal, Val, ast.Expr]]:
    """Give every formal its value; returns the tensor formals with theirs."""
    name, formals = definition.name.text, definition.formals
    notes = (f"it is {signature(definition)}",)
    if len(positional) > len(formals):
        title = f"{name} takes {len(formals)} arguments at most, and was given {len(positional)}"
        raise context.error("call", title, expr.span, "", notes)
    given: dict[str, tuple[Val, ast.Expr]] = {
        f.name.text: pair for f, pair in zip(formals, positional, strict=False)
    }
    known = [f.name.text for f in formals]
    for key, (value, span) in keywords.items():
        if key not in known:
            title = f"{name} has no argument called {key}"
            raise context.error("call", title, span, "not known", notes, nearest(key, known))
        if key in given:
            raise context.error("call", f"{name} was given {key} twice", span, "", notes)
        given[key] = (value, next(k.value for k in expr.keywords if k.name.text == key))
    tensors: list[tuple[ast.Formal, Val, ast.Expr]] = []
    for formal in formals:
        key = formal.name.text
        if key in given:
            value, part = given[key]
            if formal.pattern is not None:
                tensors.append((formal, value, part))
            elif isinstance(value, FunctionName):
                inner.functions[key] = _handed(context, frame, value, part)
            elif isinstance(value, Initial):
                inner.functions[key] = value
            else:
                inner.values[key] = Bound(value, part.span, not isinstance(value, Value))
        elif formal.default is None:
            hint = f"write x -> {name}(…)" if formal.pattern is not None else ""
            raise context.error("call", f"{name} needs {key}", expr.span, "", notes, hint)
    for tensor_formal, value, part in tensors:
        _names_of_pattern(context, inner, tensor_formal, value, part)
    for formal in formals:
        if formal.name.text not in given and formal.default is not None:
            value = evaluate(context, inner, formal.default)
            if isinstance(value, FunctionName):
                inner.functions[formal.name.text] = value
            elif isinstance(value, Initial):
                inner.functions[formal.name.text] = value
            else:
                inner.values[formal.name.text] = Bound(value, formal.span, True)
    return tensors


def _handed(context: Context, frame: Frame, value: FunctionName, part: ast.Expr) -> Any:
    """A function that is handed on keeps the meaning that it has where it was named."""
    found = frame.functions.get(value.name)
    return found if isinstance(found, SharedLayer) else value


def signature(definition: ast.LayerDef | ast.OptimizerDef) -> str:
    return f"{definition.name.text}({', '.join(' '.join(f.span.text.split()) for f in definition.formals)})"


def _axes(
    pattern: ast.Shape, shape: Sequence[Dim]
) -> list[tuple[ast.Expr, int]] | None:
    """Which dim of a pattern stands for which axis; None where the number of axes does not fit."""
    dims = pattern.dims
    gaps = [i for i, d in enumerate(dims) if isinstance(d, ast.Ellipsis_)]
    if (gaps and len(shape) < len(dims) - 1) or (not gaps and len(shape) != len(dims)):
        return None
    before = gaps[0] if gaps else len(dims)
    pairs = [(d, i) for i, d in enumerate(dims[:before])]
    after = dims[before + 1 :]
    pairs += [(d, len(shape) - len(after) + i) for i, d in enumerate(after)]
    return [(d, i) for d, i in pairs if not isinstance(d, ast.Ellipsis_)]


def _names_of_pattern(
    context: Context, inner: Frame, formal: ast.Formal, value: Val, part: ast.Expr
) -> None:
    """Bind the dim names of a pattern that are new, so that defaults and later formals can use them."""
    assert formal.pattern is not None
    if not isinstance(value, Value):
        return
    pairs = _axes(formal.pattern, value.shape)
    if pairs is None:
        return
    for d, axis in pairs:
        known = isinstance(d, ast.Name) and (d.text in inner.values or d.text in inner.library.dims)
        if isinstance(d, ast.Name) and not known:
            inner.values[d.text] = Bound(value.shape[axis], part.span, True)
    if len(pairs) < len(formal.pattern.dims):
        used = {i for _, i in pairs}
        inner.ellipsis = tuple(s for i, s in enumerate(value.shape) if i not in used)


def _match(
    context: Context,
    inner: Frame,
    expr: ast.Call,
    definition: ast.LayerDef,
    formal: ast.Formal,
    value: Val,
    part: ast.Expr,
) -> None:
    """Check a tensor against its formal's pattern and bind it."""
    assert formal.pattern is not None
    name = definition.name.text
    if isinstance(value, tuple):
        value = _joined(context, value, part)
    value = as_operand(context, value, part.span)
    if not isinstance(value, Value):
        value = context.builder.constant(value)
    wanted = f"{formal.name.text}[{', '.join(d.span.text for d in formal.pattern.dims)}]"
    pairs = _axes(formal.pattern, value.shape)
    if pairs is None:
        got = describe(value, part)
        count = len(formal.pattern.dims) - sum(isinstance(d, ast.Ellipsis_) for d in formal.pattern.dims)
        least = "at least " if count < len(formal.pattern.dims) else ""
        title = f"{name} wants {wanted}, and was given {got}"
        label = f"{len(value.shape)} axes, where {least}{count} are wanted"
        raise context.error("shape", title, expr.span, label, (), _axes_help(value, count, expr, name))
    for d, axis in pairs:
        expected = dim(context, inner, d)
        if expected != value.shape[axis]:
            title = f"{name} wants {wanted}, and was given {describe(value, part)}"
            text = d.span.text
            label = f"{text} is {expected}, and axis {axis + 1} here has {value.shape[axis]}"
            raise context.error("shape", title, expr.span, label)
    inner.values[formal.name.text] = Bound(value, part.span)


def _axes_help(value: Value, wanted: int, expr: ast.Call, name: str) -> str:
    if len(value.shape) > wanted == 2:
        return f"write flatten before it: … -> flatten -> {name}"
    if len(value.shape) == 3 and wanted == 4:
        n, *rest = map(str, value.shape)
        return f"add a channel axis: reshape(x, [{n}, 1, {', '.join(rest)}])"
    return ""


def _joined(context: Context, values: tuple[Any, ...], part: ast.Expr) -> Val:
    """A list of tensors where one is wanted: all their elements in one row, as `l2(params)` needs them."""
    tensors = [as_operand(context, v, part.span) for v in values]
    flat = [t.reshape((t.type.elements,)) for t in tensors if isinstance(t, Value)]
    if len(flat) != len(tensors) or not flat:
        raise context.error("type", f"{part.span.text} is not a tensor", part.span)
    return flat[0] if len(flat) == 1 else context.builder.apply("concat", *flat, axis=0)


def _unknown(context: Context, frame: Frame, name: ast.Name) -> Any:
    known = [
        *frame.functions,
        *frame.library.layers,
        *library.names(context.in_data),
        *functions.FUNCTIONS,
    ]
    bound = lookup(context, frame, name.text)
    if isinstance(bound, Bound):
        what = f"a tensor{shape_text(bound.value.shape)}" if isinstance(bound.value, Value) else "a number"
        return context.error("name", f"{name.text} is {what}, not a layer or function", name.span)
    title = f"there is no layer or function called {name.text}"
    return context.error("name", title, name.span, "not known", (), nearest(name.text, known))
