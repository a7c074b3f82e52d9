"""Statements of a file or a layer, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from .. import ast
from ..build import Value
from ..ir import Extent
from .context import Bound, Context, Declared, Failed, Frame, FunctionName, Poison, SharedLayer, Val
from .declarations import check_fresh, declare, declare_input
from .expressions import condition, dims, evaluate, tensor
from .loops import repeat, scan
from .operands import describe, shape_text
from .origins import origin
from .suggest import nearest

Step = ast.Statement | ast.Item


def run(context: Context, frame: Frame, statements: Sequence[Step]) -> None:
    """Lower statements in order; a wrong one is recorded, and the others go on."""
    for statement in statements:
        if frame.returned:
            return
        context.walk(statement.span)
        try:
            lower(context, frame, statement)
        except Failed:
            poison(frame, statement)
            if _returns(statement) and frame.path:
                raise


def lower(context: Context, frame: Frame, statement: Step) -> None:
    """Lower one statement. Raises Failed after recording what is wrong."""
    match statement:
        case ast.Binding():
            _bind(context, frame, statement)
        case ast.Declaration():
            _declare(context, frame, statement)
        case ast.Input():
            declare_input(context, frame, statement)
        case ast.Shared():
            _share(context, frame, statement)
        case ast.Update():
            _update(context, frame, statement)
        case ast.Repeat():
            repeat(context, frame, statement)
        case ast.If():
            chosen = condition(context, frame, statement.condition)
            run(context, frame, statement.body if chosen else statement.orelse)
        case ast.Scan():
            scan(context, frame, statement)
            for carry in statement.carries:
                _name_result(context, frame, carry.tensor)
        case ast.Return():
            _return(context, frame, statement)
        case ast.DimDef():
            if frame.path or statement.name.text not in frame.library.dims:
                check_fresh(context, frame, statement.name)
                value = evaluate(context, frame, statement.value)
                frame.values[statement.name.text] = Bound(value, statement.span, True)
        case ast.LayerDef() | ast.OptimizerDef() | ast.Include():
            pass  # entered before
        case ast.Output() | ast.Loss() | ast.Metric() | ast.Data() | ast.Train():
            pass  # read when every tensor is known
        case _:
            assert_never(statement)


def poison(frame: Frame, statement: Step) -> None:
    """Let the names that a failed statement would have bound fail silently where they are used."""
    for name in _bound_by(statement):
        if frame.rebinds or name.text not in frame.values:
            frame.values[name.text] = Bound(Poison(), name.span)


def _bound_by(statement: Step) -> list[ast.Name]:
    """The names that are not known if a statement fails."""
    match statement:
        case ast.Binding():
            return [statement.target.name]
        case ast.Declaration():
            return [t.name for t in statement.tensors]
        case ast.Input():
            return [statement.tensor.name]
        case ast.DimDef():
            return [statement.name]
        case ast.Scan():
            return [c.tensor.name for c in statement.carries]
        case ast.Repeat():
            return [name for s in statement.body for name in _bound_by(s)]
        case ast.If():
            return [name for s in (*statement.body, *statement.orelse) for name in _bound_by(s)]
        case _:
            return []


def _returns(statement: Step) -> bool:
    """Whether a layer may end with a statement; what follows it is then not for those who fail in it."""
    match statement:
        case ast.Return():
            return True
        case ast.If():
            return any(_returns(s) for s in (*statement.body, *statement.orelse))
        case _:
            return False


def _declare(context: Context, frame: Frame, statement: ast.Declaration) -> None:
    failed: Failed | None = None
    for shaped in statement.tensors:
        try:
            declare(context, frame, statement, shaped)
        except Failed as failure:
            failed = failure
    if failed is not None:
        raise failed


def _share(context: Context, frame: Frame, statement: ast.Shared) -> None:
    name = statement.name.text
    if (name in frame.functions and not frame.rebinds) or name in frame.library.layers:
        raise context.error("name", f"two layers are called {name}", statement.name.span)
    path = (*frame.path, frame.numbered(name))
    frame.functions[name] = SharedLayer(name, statement.call, frame, path)


def _bind(context: Context, frame: Frame, statement: ast.Binding) -> None:
    target = statement.target
    check_fresh(context, frame, target.name)
    with frame.bound_to(target.name.text):
        value = evaluate(context, frame, statement.value, direct=True)
    if isinstance(value, FunctionName):
        title = f"{value.name} is a layer: it needs its tensor"
        help = f"write {target.name.text} = {value.name}(x, …) or x -> {value.name}"
        raise context.error("type", title, statement.value.span, "", (), help)
    if target.shape is not None:
        value = _asserted(context, frame, statement, value)
    frame.values[target.name.text] = Bound(value, target.span, not isinstance(value, Value))
    if isinstance(value, Value):
        _name_result(context, frame, target)


def _asserted(context: Context, frame: Frame, statement: ast.Binding, value: Val) -> Val:
    """Check a declared shape."""
    target, wanted = statement.target, dims(context, frame, statement.target.shape)
    if isinstance(value, bool | int | float):
        value = context.builder.constant(value)
    shape = value.shape if isinstance(value, Value) else ()
    if shape != wanted or not isinstance(value, Value):
        name = target.name.text
        title = f"{name} is declared {shape_text(wanted)}, and its value has {shape_text(shape)}"
        notes: tuple[str, ...] = ()
        if isinstance(value, Value) and len(shape) == len(wanted):
            differing = [axis for axis, d in enumerate(shape) if d != wanted[axis]]
            notes = tuple(filter(None, [origin(context, value.id, axis) for axis in differing]))
        label = f"this gives {describe(value, statement.value)}"
        raise context.error("shape", title, statement.value.span, label, notes)
    context.shapes.setdefault(value.id, Declared(target, frame))
    return value


def _name_result(context: Context, frame: Frame, target: ast.Shaped) -> None:
    """Give the node of a bound tensor the user's name, unless it has one."""
    name = target.name.text
    value = frame.values[name].value
    if not isinstance(value, Value):
        return
    plain = ".".join((*frame.path, name))
    full = f"{plain}.{frame.moment}" if frame.moment else plain
    node = context.builder.graph[value.id]
    if not node.name and node.op != "constant":
        context.builder.graph.replace(replace(node, name=full))
    context.named[plain] = value.id  # of a repeat's turns the last
    context.named[full] = value.id


def _return(context: Context, frame: Frame, statement: ast.Return) -> None:
    if not frame.path:
        raise context.error("layer", "return stands in a layer alone", statement.span)
    value = evaluate(context, frame, statement.value)
    frame.result = context.builder.size(value) if isinstance(value, Extent) else value
    frame.returned = True


def _update(context: Context, frame: Frame, statement: ast.Update) -> None:
    name = statement.target.text
    full = frame.states.get(name)
    bound = frame.values.get(name)
    if full is None:
        if bound is not None and isinstance(bound.value, Poison):
            raise Failed(name)
        title = f"{name} is not a state: only a state becomes something else after a step"
        near = "" if bound else nearest(name, frame.states)
        help = near or f"write {name} = … for a name, or declare state {name}"
        node = context.builder.graph[bound.value.id] if bound and isinstance(bound.value, Value) else None
        if node is not None and node.op == "param":
            help = "parameters are changed by the optimizer"
        raise context.error("type", title, statement.target.span, "", (), help)
    type = context.variables[full].type
    value = tensor(context, frame, statement.value).cast(type.dtype)
    if value.shape != type.shape:
        title = f"{name} is {shape_text(type.shape)}, and what it becomes is {shape_text(value.shape)}"
        raise context.error("shape", title, statement.value.span)
    if context.training:
        context.updates[full] = value
