"""Declared tensors: inputs, parameters and states, and what they start from."""

from __future__ import annotations

from collections.abc import Sequence

from .. import ast
from ..initialisers import INITIALISERS
from ..ir import Dim, Extent, N, TensorType
from ..network import InputSpec, Variable
from .context import Bound, Context, Declared, Frame, FunctionName, Initial
from .definitions import RESERVED
from .expressions import dims, number, whole
from .operands import shape_text
from .suggest import nearest


def check_fresh(context: Context, frame: Frame, name: ast.Name) -> None:
    """A name is bound once, except again within a repeat."""
    if name.text in RESERVED:
        title = f"{name.text} has a meaning of its own and cannot be bound"
        raise context.error("name", title, name.span, "", (), "take another name")
    known = frame.values.get(name.text) or (None if frame.path else frame.library.dims.get(name.text))
    if known is not None and not frame.rebinds:
        label = f"first bound on line {known.span.line}"
        help = "use another name; inside `repeat` alone a name may be bound again"
        raise context.error("name", f"{name.text} is bound twice", name.span, label, (), help)


def declare_input(context: Context, frame: Frame, item: ast.Input) -> None:
    """An input: x[N, …], with N in front alone."""
    shaped, name = item.tensor, item.tensor.name.text
    check_fresh(context, frame, shaped.name)
    shape = dims(context, frame, shaped.shape)
    if not shape or shape[0] != N:
        title = f"the first axis of an input is the batch: {name}[N, …]"
        sizes = [str(d) for d in shape if not isinstance(d, Extent)]
        help = f"write {name}[{', '.join(('N', *sizes))}]"
        raise context.error("shape", title, shaped.span, "no N in front", (), help)
    if any(isinstance(d, Extent) for d in shape[1:]):
        title = "only the first axis of an input is the batch N; the others have sizes of their own"
        raise context.error("shape", title, shaped.span)
    classes = 0
    if item.classes is not None:
        classes = whole(context, frame, item.classes, "the number of classes", 1)
    type = TensorType("int64" if classes else context.builder.precision, shape)
    with context.builder.within(span=shaped.span):
        value = context.builder.add("input", (), type, (("classes", classes),), name)
    context.inputs[name] = InputSpec(name, type, classes, item.span)
    context.shapes[value.id] = Declared(shaped, frame)
    frame.values[name] = Bound(value, shaped.span)


def declare(context: Context, frame: Frame, item: ast.Declaration, shaped: ast.Shaped) -> None:
    """A param or state: one leaf, under its full name."""
    name = shaped.name.text
    check_fresh(context, frame, shaped.name)
    full = ".".join((*frame.path, frame.numbered(name)))
    shape = dims(context, frame, shaped.shape)
    if any(isinstance(d, Extent) for d in shape):
        title = f"{name} cannot depend on the batch size N"
        help = f"a {item.kind} is the same for every sample: leave the N out"
        raise context.error("shape", title, shaped.span, "N changes from batch to batch", (), help)
    initial = initial_value(context, frame, item.initialiser)
    if full not in context.variables:
        _check_fans(context, item, shaped, initial, shape)
        _add(context, frame, item, shaped, full, shape, initial)
    elif not frame.sharing:
        title = f"two tensors are called {full}"
        here = frame.path[-1] if frame.path else name
        help = f"give one of the two calls another name, with `as`: … as {here}2"
        help = help if here.isidentifier() else "name one of the calls with `as`"
        raise context.error("name", title, shaped.span, "", (), help)
    elif context.variables[full].type.shape != shape:
        before = shape_text(context.variables[full].type.shape)
        title = f"{full} is shared, with {before} before and {shape_text(shape)} here"
        raise context.error("shape", title, shaped.span)
    if item.kind == "state":
        frame.states[name] = full
    # The next use of a shared layer goes on from what this one has made of its states.
    value = context.updates.get(full, context.leaves[full])
    frame.values[name] = Bound(value, shaped.span)


def _add(
    context: Context,
    frame: Frame,
    item: ast.Declaration,
    shaped: ast.Shaped,
    full: str,
    shape: tuple[Dim, ...],
    initial: tuple[str | float, ...],
) -> None:
    if item.kind == "param" and context.params_read is not None:
        title = f"{full} comes too late for `params`, which was read on line {context.params_read.line}"
        help = "read `params` behind the last parameter, or in the loss"
        raise context.error("name", title, shaped.span, "`params` would lack this", (), help)
    type = TensorType(context.builder.precision, shape)
    with context.builder.within(span=shaped.span):
        value = context.builder.add(item.kind, (), type, (("initial", initial),), full)
    context.variables[full] = Variable(full, type, initial, item.kind, context.users(shaped.span))
    context.leaves[full] = value
    context.shapes[value.id] = Declared(shaped, frame)


def initial_value(context: Context, frame: Frame, expr: ast.Call | ast.Number) -> tuple[str | float, ...]:
    """An initialiser with its arguments in order: ('normal', 0.0, 0.02)."""
    if isinstance(expr, ast.Number):
        return ("constant", float(expr.value))
    name = expr.function.text
    passed = frame.functions.get(name)
    if isinstance(passed, Initial):
        return _complete(context, expr, passed.name, dict(enumerate(passed.arguments)), {})
    if isinstance(passed, FunctionName):
        name = passed.name
    bound = frame.values.get(name)
    if bound is not None and isinstance(bound.value, int | float) and not isinstance(bound.value, bool):
        return ("constant", float(bound.value))
    positional = {i: number(context, frame, a, a.span.text) for i, a in enumerate(expr.positional)}
    keywords = {k.name.text: number(context, frame, k.value, k.name.text) for k in expr.keywords}
    return _complete(context, expr, name, positional, keywords)


def check_initialiser(context: Context, expr: ast.Call) -> None:
    """Tell of an unknown initialiser, or of wrong arguments, whatever their values are. Raises Failed."""
    positional = dict.fromkeys(range(len(expr.positional)), 0.0)
    _complete(context, expr, expr.function.text, positional, {k.name.text: 0.0 for k in expr.keywords})


def _complete(
    context: Context, expr: ast.Call, name: str, positional: dict[int, float], keywords: dict[str, float]
) -> tuple[str | float, ...]:
    rule = INITIALISERS.get(name)
    if rule is None:
        title = f"there is no initialiser called {name}"
        help = nearest(name, INITIALISERS)
        notes = () if help else (f"there are {', '.join(INITIALISERS)}",)
        raise context.error("name", title, expr.span, "not known", notes, help)
    known = [p.name for p in rule.parameters]
    notes = (f"it is {name}({', '.join(known)})" if known else f"{name} takes no arguments",)
    if len(positional) > len(known):
        raise context.error("call", f"{name} was given too many arguments", expr.span, "", notes)
    for keyword in expr.keywords:
        if keyword.name.text not in known:
            title = f"{name} has no argument called {keyword.name.text}"
            raise context.error(
                "call", title, keyword.span, "not known", notes, nearest(keyword.name.text, known)
            )
    values: list[float] = []
    for i, parameter in enumerate(rule.parameters):
        value = keywords.get(parameter.name, positional.get(i, parameter.default))
        if value is None:
            raise context.error("call", f"{name} needs {parameter.name}", expr.span, "", notes)
        values.append(float(value))
    return (name, *values)


def _check_fans(
    context: Context,
    item: ast.Declaration,
    shaped: ast.Shaped,
    initial: tuple[str | float, ...],
    shape: Sequence[Dim],
) -> None:
    """glorot, he and their like read their scale off an input and an output axis."""
    if INITIALISERS[str(initial[0])].needs_matrix and len(shape) < 2 and not any(initial[1:]):
        title = f"{initial[0]} needs two axes, an input and an output; {shaped.name.text} has {len(shape)}"
        help = f"write {shaped.span.text} ~ zeros"
        raise context.error("initialiser", title, item.initialiser.span, "", (), help)
