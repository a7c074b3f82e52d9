"""Calls: layers written in .net, functions built from primitives, and pipes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from .. import ast, library
from ..build import Value
from ..diagnostics import Span
from ..ir import Scope
from ..limits import most, raising
from .columns import COLUMN_FUNCTIONS
from .context import (
    Bound,
    Context,
    Failed,
    Frame,
    FunctionName,
    Initial,
    LayerHere,
    Library,
    Poison,
    SharedLayer,
    Val,
)
from .expressions import evaluate, lookup, whole
from .functions import FUNCTIONS, Function
from .gradient import gradient
from .operands import shape_text
from .patterns import Given, bind
from .primitives import build
from .suggest import nearest


def pipe(context: Context, frame: Frame, expr: ast.Pipe, direct: bool = False) -> Val:
    """The head's value through every stage."""
    try:
        carried = Given(evaluate(context, frame, expr.head), expr.head)
    except Failed:
        for stage in expr.stages:
            _look_at(context, frame, stage.call)
        raise
    direct = direct and len(expr.stages) == 1
    for i, stage in enumerate(expr.stages):
        try:
            carried = Given(_stage(context, frame, stage, carried, direct), stage.call)
        except Failed:
            for later in expr.stages[i + 1 :]:
                _look_at(context, frame, later.call)
            raise
    return carried.value


def _stage(context: Context, frame: Frame, stage: ast.Stage, carried: Given, direct: bool) -> Val:
    if stage.count is None:
        return call(context, frame, stage.call, carried, stage.pin, direct=direct)
    for repeat in range(1, turns(context, frame, stage.count) + 1):
        carried = Given(call(context, frame, stage.call, carried, stage.pin, repeat), stage.call)
    return carried.value


def _look_at(context: Context, frame: Frame, expr: ast.Call) -> None:
    """Tell of wrong names in a call that cannot be made."""
    with suppress(Failed):
        if _special(context, frame, expr.function.text) is None:
            resolve(context, frame, expr.function)
    for argument in (*expr.positional, *(k.value for k in expr.keywords)):
        with suppress(Failed):
            evaluate(context, frame, argument)


def turns(context: Context, frame: Frame, expr: ast.Expr) -> int:
    """How often a layer or a block is repeated."""
    count = whole(context, frame, expr, "the number of repeats")
    if count > most("turns"):
        title = f"{count:,} turns are more than the {most('turns'):,} that are unrolled"
        raise context.error("limit", title, expr.span, "", (), raising("turns"))
    return count


def call(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    first: Given | None = None,
    pin: ast.Name | None = None,
    repeat: int = 0,
    direct: bool = False,
) -> Val:
    """One call. first: what a pipe brings; direct: the call is the whole of a binding and takes its name."""
    if first is not None and isinstance(first.value, Poison):
        raise Failed(expr.function.text)
    context.walk(expr.span)
    name = expr.function.text
    special = _special(context, frame, name)
    if special is not None:
        for keyword in expr.keywords:
            title = f"{name} has no argument called {keyword.name.text}"
            help = "leave it out: every gradient can be differentiated again" if name == "grad" else ""
            raise context.error("call", title, keyword.span, "not known", (), help)
        return special(context, expr, arguments(context, frame, expr, first))
    try:
        target = resolve(context, frame, expr.function)
    except Failed:
        for argument in (*expr.positional, *(k.value for k in expr.keywords)):
            with suppress(Failed):
                evaluate(context, frame, argument)
        raise
    if pin is not None and not isinstance(target, LayerHere):
        title = f"{name} has no parameters of its own to name"
        raise context.error("name", title, pin.span, "`as` names a layer's parameters")
    if isinstance(target, SharedLayer):
        return _shared(context, frame, expr, target, first)
    positional = arguments(context, frame, expr, first)
    named = keywords(context, frame, expr)
    if isinstance(target, Initial):
        numbers = [_plain_number(context, a) for a in positional]
        return Initial(target.name, tuple(numbers))
    if isinstance(target, Function):
        return build(context, frame, expr, target, positional, named)
    path = _path(frame, name, pin, repeat, direct)
    return layer(context, frame, expr, target, positional, named, path, repeat)


def _special(
    context: Context, frame: Frame, name: str
) -> Callable[[Context, ast.Call, Sequence[Given]], Val] | None:
    """A function that reads more than its arguments' values."""
    if name in frame.library.layers:
        return None
    if name == "grad":
        return gradient
    return COLUMN_FUNCTIONS.get(name) if context.use == "data" else None


def resolve(context: Context, frame: Frame, name: ast.Name) -> LayerHere | SharedLayer | Function | Initial:
    """What a function's name means: the frame's, the file's own, the standard library's, a primitive."""
    text = name.text
    found = frame.functions.get(text)
    if isinstance(found, FunctionName):
        if found.name != text:
            return resolve(context, frame, ast.Name(name.span, found.name))
    elif found is not None:
        return found
    if text in frame.library.layers:
        return frame.library.layers[text]
    file = library.find(text, context.use)
    if file is not None:
        standard_layer = standard(context, file.source.name).layers.get(text)
        if standard_layer is not None:
            return standard_layer
    if text in FUNCTIONS:
        return FUNCTIONS[text]
    raise _unknown(context, frame, name)


def is_function(context: Context, frame: Frame, text: str) -> bool:
    file = library.find(text, context.use)
    known = file is not None and text in standard(context, file.source.name).layers
    return text in frame.library.layers or known or text in FUNCTIONS


def standard(context: Context, source_name: str) -> Library:
    """A file of the standard library, entered once."""
    from .definitions import collect

    if source_name not in context.standard:
        found = Library(standard=True)
        context.standard[source_name] = found
        collect(context, Frame(found), library.parsed(source_name))
    return context.standard[source_name]


def layer(
    context: Context,
    frame: Frame,
    expr: ast.Call,
    target: LayerHere,
    positional: Sequence[Given],
    keywords: Mapping[str, tuple[Given, Span]],
    path: tuple[str, ...],
    repeat: int = 0,
) -> Val:
    """Lower a layer's body with its formals bound."""
    from .statements import run

    definition = target.definition
    name = definition.name.text
    _check_depth(context, expr, name)
    if not target.library.standard:
        context.entered.add(definition.name.span)
    outer = frame.call if frame.library.standard else None
    inner = Frame(target.library, path=path, sharing=frame.sharing, call=outer or expr.span)
    bind(context, frame, expr, definition, inner, positional, keywords)
    scope = (*context.scope, Scope(".".join(path[len(frame.path) :]), name, repeat))
    with context.call(expr.span, f"in {name}"), context.builder.within(scope=scope, span=expr.span):
        run(context, inner, definition.body)
        if not inner.returned:
            title = f"layer {name} returns nothing"
            help = "end it with return and what the layer gives"
            raise context.error("layer", title, definition.name.span, "no return in here", (), help)
    return inner.result


def _check_depth(context: Context, expr: ast.Call, name: str) -> None:
    """Stop a layer that calls itself for ever; its calls may branch, so that no other error is looked for."""
    if len(context.calls) >= most("depth"):
        title = f"layers call each other more than {most('depth')} deep; does {name} call itself?"
        help = f"end it: if n > 0 {{ … }} with an n that each call makes smaller; {raising('depth')}"
        context.stop("limit", title, expr.function.span, help)


def _shared(context: Context, frame: Frame, expr: ast.Call, shared: SharedLayer, first: Given | None) -> Val:
    if expr.keywords or len(expr.positional) + (first is not None) != 1:
        title = f"{shared.name} is one shared layer: give it its tensor alone"
        raise context.error("call", title, expr.span, help=f"write x -> {shared.name}")
    owner = shared.owner
    target = resolve(context, owner, shared.call.function)
    if not isinstance(target, LayerHere):
        title = f"{shared.call.function.text} has no parameters to share"
        raise context.error("call", title, shared.call.span)
    positional = [*arguments(context, frame, expr, first), *arguments(context, owner, shared.call, None)]
    named = keywords(context, owner, shared.call)
    before, owner.sharing = owner.sharing, owner.sharing or shared.used
    shared.used = True
    try:
        return layer(context, owner, expr, target, positional, named, shared.path)
    finally:
        owner.sharing = before


def _path(frame: Frame, name: str, pin: ast.Name | None, repeat: int, direct: bool) -> tuple[str, ...]:
    """The full name under which a call's parameters go."""
    if pin is not None:
        return (*frame.path, frame.numbered(f"{pin.text}{repeat}" if repeat else pin.text))
    if direct and frame.binding:
        return frame.prefix
    return (*frame.prefix, frame.instance(name))


def arguments(context: Context, frame: Frame, expr: ast.Call, first: Given | None) -> list[Given]:
    given = [Given(evaluate(context, frame, a), a) for a in expr.positional]
    return given if first is None else [first, *given]


def keywords(context: Context, frame: Frame, expr: ast.Call) -> dict[str, tuple[Given, Span]]:
    found: dict[str, tuple[Given, Span]] = {}
    for keyword in expr.keywords:
        if keyword.name.text in found:
            raise context.error("call", f"{keyword.name.text} is given twice", keyword.name.span)
        value = evaluate(context, frame, keyword.value)
        found[keyword.name.text] = (Given(value, keyword.value), keyword.span)
    return found


def _plain_number(context: Context, given: Given) -> float:
    value, part = given
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise context.error("type", f"{part.span.text} is not a number known while compiling", part.span)
    return value


def _unknown(context: Context, frame: Frame, name: ast.Name) -> Failed:
    bound = lookup(context, frame, name.text)
    if isinstance(bound, Bound):
        if isinstance(bound.value, Poison):
            return Failed(name.text)
        what, help = "a number", f"write {name.text} * … for a product"
        if isinstance(bound.value, Value):
            what = f"the tensor {name.text}{shape_text(bound.value.shape)}"
            help += f", {name.text}[…] for a part of it"
        return context.error(
            "name", f"{name.text} is {what}, not a layer or function", name.span, "", (), help
        )
    if context.incomplete:
        return Failed(name.text)
    in_data = context.columns is not None
    file = library.find(name.text, "data")
    if file is not None and file.use == "network":
        title = f"{name.text} is an optimizer, and stands behind `train` alone"
        return context.error("name", title, name.span)
    if not in_data and (name.text in COLUMN_FUNCTIONS or file is not None):
        title = f"{name.text} is known in data blocks alone"
        help = f"use it there: data … {{ x = {name.text}(image), … }}"
        return context.error("name", title, name.span, "", (), help)
    title = f"there is no layer or function called {name.text}"
    known = [*frame.functions, *frame.library.layers, *library.names(context.use), *FUNCTIONS, "grad"]
    help = nearest(name.text, [*known, *(COLUMN_FUNCTIONS if in_data else ())])
    return context.error("name", title, name.span, "not known", (), help or "`netc show` lists what there is")
