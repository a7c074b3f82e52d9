"""Statements: declarations, bindings, repeats, scans and what else stands in a file or a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, assert_never

from .. import ast
from ..build import Value
from ..initialisers import INITIALISERS
from ..ir import Extent, N, Scope, TensorType
from ..network import InputSpec, Variable
from .context import (
    Bound,
    Context,
    Failed,
    Frame,
    FunctionName,
    Initial,
    LayerHere,
    OptimizerHere,
    Poison,
    SharedLayer,
    Val,
    nearest,
)
from .expressions import describe, dims, evaluate, number, shape_text, tensor, whole

MAXIMUM_REPEATS = 10_000
Definition = TypeVar("Definition", LayerHere, OptimizerHere)
_RESERVED = ("N", "training", "params", "true", "false", "inf", "pi", "same", "all", "none")


def collect(context: Context, frame: Frame, module: ast.Module) -> None:
    """Enter a file's layers, optimizers and dims, and those of what it includes."""
    library = frame.library
    for item in module.items:
        match item:
            case ast.Include():
                try:
                    included = context.read(item.path.value, item.path.span)
                except Failed:
                    continue
                inner = Frame(library)
                collect(context, inner, included)
                for other in included.items:
                    if not isinstance(other, ast.DimDef | ast.LayerDef | ast.OptimizerDef | ast.Include):
                        title = "an included file holds layers, optimizers and dims alone"
                        context.error("include", title, other.span, "this belongs in the file that includes it")
            case ast.LayerDef():
                _define(context, library.layers, item.name, LayerHere(item, library), "layer")
            case ast.OptimizerDef():
                _define(context, library.optimizers, item.name, OptimizerHere(item, library), "optimizer")
            case ast.DimDef():
                _dim(context, frame, item)
            case _:
                pass


def _define(context: Context, table: dict[str, Definition], name: ast.Name, value: Definition, kind: str) -> None:
    if name.text in table:
        context.error("name", f"two {kind}s are called {name.text}", name.span)
        return
    table[name.text] = value


def _dim(context: Context, frame: Frame, item: ast.DimDef) -> None:
    name = item.name.text
    library = frame.library
    if name in library.dims:
        first = library.dims[name].span.line
        context.error("name", f"{name} is bound twice", item.name.span, f"first bound on line {first}")
        return
    try:
        if name in _RESERVED:
            raise context.error("name", f"{name} has a meaning of its own and cannot be a dim", item.name.span)
        if name in context.overrides and not library.standard:
            value: Val = context.overrides[name][0]
        else:
            value = number(context, frame, item.value, f"the dim {name}")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
    except Failed:
        value = Poison()
    library.dims[name] = Bound(value, item.span, True)


def run(context: Context, frame: Frame, statements: Sequence[ast.Statement | ast.Item]) -> None:
    """Lower statements in order; a wrong one is recorded, and the others go on."""
    for statement in statements:
        if frame.returned:
            return
        try:
            _run(context, frame, statement)
        except Failed:
            for name in _bound_by(statement):
                frame.values[name.text] = Bound(Poison(), name.span)
            if isinstance(statement, ast.Return):
                raise


def _bound_by(statement: ast.Statement | ast.Item) -> list[ast.Name]:
    match statement:
        case ast.Binding():
            return [statement.target.name]
        case ast.Declaration():
            return [t.name for t in statement.tensors]
        case ast.Input():
            return [statement.tensor.name]
        case ast.Scan():
            return [c.tensor.name for c in statement.carries]
        case ast.Output():
            return [statement.name]
        case _:
            return []


def _run(context: Context, frame: Frame, statement: ast.Statement | ast.Item) -> None:
    match statement:
        case ast.Binding():
            _binding(context, frame, statement)
        case ast.Declaration():
            for shaped in statement.tensors:
                declare(context, frame, statement, shaped)
        case ast.Input():
            _input(context, frame, statement)
        case ast.Shared():
            _check_function_name(context, frame, statement.name)
            frame.functions[statement.name.text] = SharedLayer(statement.name.text, statement.call)
        case ast.Update():
            _update(context, frame, statement)
        case ast.Repeat():
            _repeat(context, frame, statement)
        case ast.If():
            condition = evaluate(context, frame, statement.condition)
            if not isinstance(condition, bool | int | float):
                title = "a condition is decided while compiling: from dims, hyper-parameters and `training`"
                help = "choose between tensors with where(condition, a, b)"
                raise context.error("type", title, statement.condition.span, "not known then", (), help)
            run(context, frame, statement.body if condition else statement.orelse)
        case ast.Scan():
            _scan(context, frame, statement)
        case ast.Return():
            if not frame.path and not context.calls:
                raise context.error("layer", "return stands in a layer alone", statement.span)
            frame.binding = ""
            frame.result = _value(context, frame, statement.value)
            frame.returned = True
        case ast.DimDef():
            if frame.path or context.calls:
                name = statement.name.text
                _fresh(context, frame, statement.name)
                value = evaluate(context, frame, statement.value)
                frame.values[name] = Bound(value, statement.span, True)
        case ast.LayerDef() | ast.OptimizerDef() | ast.Include():
            pass
        case ast.Output() | ast.Loss() | ast.Metric() | ast.Data() | ast.Train():
            pass  # read when every tensor is known
        case _:
            assert_never(statement)


def _value(context: Context, frame: Frame, expr: ast.Expr) -> Val:
    value = evaluate(context, frame, expr)
    return context.builder.size(value) if isinstance(value, Extent) else value


def _fresh(context: Context, frame: Frame, name: ast.Name) -> None:
    """A name is bound once, except again within a repeat."""
    if name.text in _RESERVED:
        raise context.error("name", f"{name.text} has a meaning of its own and cannot be bound", name.span)
    known = frame.values.get(name.text) or (None if frame.path else frame.library.dims.get(name.text))
    if known is not None and not frame.rebinds:
        label = f"first bound on line {known.span.line}"
        help = "inside `repeat` alone a name may be bound again; use another name here"
        raise context.error("name", f"{name.text} is bound twice", name.span, label, (), help)


def _check_function_name(context: Context, frame: Frame, name: ast.Name) -> None:
    if name.text in frame.functions or name.text in frame.library.layers:
        raise context.error("name", f"two layers are called {name.text}", name.span)


def _binding(context: Context, frame: Frame, statement: ast.Binding) -> None:
    target = statement.target
    _fresh(context, frame, target.name)
    before = frame.binding
    frame.binding = _turn_name(frame, target.name.text)
    try:
        value = _direct(context, frame, statement.value)
    finally:
        frame.binding = before
    if isinstance(value, FunctionName):
        title = f"{value.name} is a layer: it needs its tensor"
        help = f"write {target.name.text} = {value.name}(x, …) or x -> {value.name}"
        raise context.error("type", title, statement.value.span, "", (), help)
    if target.shape is not None:
        wanted = dims(context, frame, target.shape)
        if not isinstance(value, Value):
            value = context.builder.constant(value) if isinstance(value, bool | int | float) else value
        if isinstance(value, Value) and value.shape != wanted:
            got = describe(value, statement.value)
            title = f"{target.name.text} is declared {shape_text(wanted)}, and its value has {shape_text(value.shape)}"
            label = f"this gives {got}" if len(got) < 60 else ""
            raise context.error("shape", title, statement.value.span, label)
    frame.values[target.name.text] = Bound(value, target.span, not isinstance(value, Value))
    if isinstance(value, Value):
        _name(context, frame, target, value)


def _turn_name(frame: Frame, name: str) -> str:
    """Inside a repeat a binding's layers are named with the turn: h.2.W."""
    turn = frame.values.get("repeat turn")
    return f"{name}.{turn.value}" if turn is not None else name


def _direct(context: Context, frame: Frame, expr: ast.Expr) -> Val:
    """A call that is the whole of a binding gives its parameters the binding's name."""
    from .calls import call

    if isinstance(expr, ast.Call):
        return call(context, frame, expr, direct=True)
    return evaluate(context, frame, expr)


def _name(context: Context, frame: Frame, target: ast.Shaped, value: Value) -> None:
    """Give the node the user's name, unless it has one; tell origins where its shape was asserted."""
    full = ".".join((*frame.path, frame.binding or _turn_name(frame, target.name.text)))
    node = context.builder.graph[value.id]
    if not node.name and node.op != "constant":
        from dataclasses import replace

        context.builder.graph.replace(replace(node, name=full))
    context.named[full] = value.id


def _input(context: Context, frame: Frame, item: ast.Input) -> None:
    shaped = item.tensor
    _fresh(context, frame, shaped.name)
    shape = dims(context, frame, shaped.shape)
    if not shape or shape[0] != N:
        title = f"the first axis of an input is the batch: {shaped.name.text}[N, …]"
        help = f"write {shaped.name.text}[{', '.join(('N', *map(str, shape)))}]"
        raise context.error("shape", title, shaped.span, "no N in front", (), help)
    if any(isinstance(d, Extent) for d in shape[1:]):
        raise context.error("shape", "N stands in front alone", shaped.span)
    classes = 0
    if item.classes is not None:
        classes = whole(context, frame, item.classes, "the number of classes", 1)
    type = TensorType("int64" if classes else context.builder.precision, shape)
    value = context.builder.add("input", (), type, (("classes", classes),), shaped.name.text)
    context.inputs[shaped.name.text] = InputSpec(shaped.name.text, type, classes, item.span)
    context.shapes[value.id] = shaped
    frame.values[shaped.name.text] = Bound(value, shaped.span)


def declare(context: Context, frame: Frame, item: ast.Declaration, shaped: ast.Shaped) -> Value:
    """A param or state: one leaf, under its full name."""
    name = shaped.name.text
    _fresh(context, frame, shaped.name)
    turn = frame.values.get("repeat turn")
    full = ".".join((*frame.path, f"{name}.{turn.value}" if turn is not None else name))
    shape = dims(context, frame, shaped.shape)
    if any(isinstance(d, Extent) for d in shape):
        raise context.error("shape", f"{name} cannot depend on the batch size N", shaped.span, "N is not fixed")
    initial = initial_value(context, frame, item.initialiser)
    known = context.variables.get(full)
    if known is not None:
        if not frame.sharing:
            title = f"two parameters are called {full}"
            raise context.error("name", title, shaped.span, "", (), "name one of the calls with `as`")
        if known.type.shape != shape:
            title = f"{full} is shared, with {shape_text(known.type.shape)} before and {shape_text(shape)} here"
            raise context.error("shape", title, shaped.span)
        value = context.leaves[full]
    else:
        type = TensorType(context.builder.precision, shape)
        _check_fans(context, item, name, initial, shape)
        value = context.builder.add(item.kind, (), type, (("initial", initial),), full)
        context.variables[full] = Variable(full, type, initial, item.kind, shaped.span)
        context.leaves[full] = value
        context.shapes[value.id] = shaped
    frame.values[name] = Bound(value, shaped.span)
    return value


def initial_value(
    context: Context, frame: Frame, expr: ast.Call | ast.Number
) -> tuple[str | float, ...]:
    """An initialiser with its arguments in order: ('normal', 0.0, 0.02)."""
    if isinstance(expr, ast.Number):
        return ("constant", float(expr.value))
    name = expr.function.text
    passed = frame.functions.get(name)
    if isinstance(passed, Initial):
        return (passed.name, *map(float, passed.arguments))
    rule = INITIALISERS.get(name)
    if rule is None:
        title = f"there is no initialiser called {name}"
        raise context.error("name", title, expr.span, "not known", (), nearest(name, list(INITIALISERS)))
    known = [p.name for p in rule.parameters]
    given = {k: number(context, frame, a, k) for k, a in zip(known, expr.positional, strict=False)}
    text = f"it is {name}({', '.join(known)})" if known else f"{name} takes no arguments"
    if len(expr.positional) > len(known):
        raise context.error("call", f"{name} was given too many arguments", expr.span, "", (text,))
    for keyword in expr.keywords:
        if keyword.name.text not in known:
            title = f"{name} has no argument called {keyword.name.text}"
            raise context.error("call", title, keyword.span, "", (text,), nearest(keyword.name.text, known))
        given[keyword.name.text] = number(context, frame, keyword.value, keyword.name.text)
    values: list[float] = []
    for parameter in rule.parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None:
            raise context.error("call", f"{name} needs {parameter.name}", expr.span, "", (text,))
        values.append(float(value))
    return (name, *values)


def _check_fans(
    context: Context, item: ast.Declaration, name: str, initial: tuple[str | float, ...], shape: Sequence[object]
) -> None:
    """glorot, he and their like need an input and an output axis."""
    rule = INITIALISERS[str(initial[0])]
    if getattr(rule, "needs_matrix", False) and len(shape) < 2 and len(initial) == 1:
        title = f"{initial[0]} needs two axes, an input and an output; {name} has {len(shape)}"
        raise context.error("initialiser", title, item.initialiser.span, "", (), f"write {name}[…] ~ zeros")


def _update(context: Context, frame: Frame, statement: ast.Update) -> None:
    name = statement.target.text
    bound = frame.values.get(name)
    node = context.builder.graph[bound.value.id] if bound and isinstance(bound.value, Value) else None
    if node is None or node.op != "state":
        if bound is not None and isinstance(bound.value, Poison):
            raise Failed(name)
        title = f"{name} is not a state: only a state becomes something else after a step"
        help = f"write {name} = … for a name, or declare state {name}"
        if node is not None and node.op == "param":
            help = "parameters are changed by the optimizer"
        raise context.error("type", title, statement.target.span, "", (), help)
    value = tensor(context, frame, statement.value).cast(node.type.dtype)
    if value.shape != node.type.shape:
        title = f"{name} is {shape_text(node.type.shape)}, and what it becomes is {shape_text(value.shape)}"
        raise context.error("shape", title, statement.value.span)
    if context.training:
        context.updates[node.name] = value


def _repeat(context: Context, frame: Frame, statement: ast.Repeat) -> None:
    count = whole(context, frame, statement.count, "how often to repeat")
    if count > MAXIMUM_REPEATS:
        title = f"{count} turns are more than the {MAXIMUM_REPEATS} that are unrolled"
        raise context.error("limit", title, statement.count.span)
    saved, frame.rebinds = frame.rebinds, True
    outer = frame.values.get("repeat turn")
    counter = statement.counter.text if statement.counter else None
    if counter and not saved:
        frame.rebinds = False
        assert statement.counter is not None
        _fresh(context, frame, statement.counter)
        frame.rebinds = True
    declared: set[str] = set()
    for turn in range(1, count + 1):
        label = f"{outer.value}.{turn}" if outer is not None else str(turn)
        frame.values["repeat turn"] = Bound(label, statement.span)
        if counter:
            frame.values[counter] = Bound(turn, statement.span, True)
        for name in declared:
            frame.values.pop(name, None)
        scope = (*context.scope, Scope(f"repeat{statement.span.line}", "repeat", turn))
        with context.builder.within(scope=scope):
            errors = len(context.diagnostics)
            run(context, frame, statement.body)
        declared |= {t.name.text for s in statement.body if isinstance(s, ast.Declaration) for t in s.tensors}
        if len(context.diagnostics) > errors and context.diagnostics[-1].severity == "error":
            break
    if outer is None:
        frame.values.pop("repeat turn", None)
    else:
        frame.values["repeat turn"] = outer
    if counter:
        frame.values.pop(counter, None)
    frame.rebinds = saved


def _scan(context: Context, frame: Frame, statement: ast.Scan) -> None:
    """Unrolled along axis 1; the carried names are stacked along it afterwards."""
    sequence = tensor(context, frame, statement.sequence)
    if len(sequence.shape) < 2 or isinstance(sequence.shape[1], Extent):
        title = f"scan runs along axis 1, and {describe(sequence, statement.sequence)} has none of fixed size"
        raise context.error("shape", title, statement.sequence.span)
    turns = sequence.shape[1]
    if not 0 < turns <= MAXIMUM_REPEATS:
        raise context.error("limit", f"a scan of {turns} turns; 1 to {MAXIMUM_REPEATS} are unrolled", statement.span)
    _fresh(context, frame, statement.item)
    carried: dict[str, Value] = {}
    for carry in statement.carries:
        _fresh(context, frame, carry.tensor.name)
        shape = dims(context, frame, carry.tensor.shape)
        start = tensor(context, frame, carry.value)
        start = start if start.type.is_float else start.cast(context.builder.precision)
        carried[carry.tensor.name.text] = start.broadcast(shape)
    history: dict[str, list[Value]] = {name: [] for name in carried}
    saved, frame.rebinds = frame.rebinds, True
    outside = set(frame.values)
    counts = dict(frame.counts)
    sharing = frame.sharing
    for turn in range(turns):
        scope = (*context.scope, Scope(f"scan{statement.span.line}", "scan", turn + 1))
        frame.counts = dict(counts)
        frame.sharing = sharing or turn > 0
        with context.builder.within(scope=scope, span=statement.sequence.span):
            frame.values[statement.item.text] = Bound(_turn(sequence, turn), statement.item.span)
            for name, value in carried.items():
                frame.values[name] = Bound(value, statement.span)
            run(context, frame, statement.body)
        for name in carried:
            value = frame.values[name].value
            if not isinstance(value, Value):
                raise Failed(name)
            if value.shape != carried[name].shape:
                title = f"{name} is {shape_text(carried[name].shape)} before a turn and {shape_text(value.shape)} after"
                raise context.error("shape", title, statement.span)
            carried[name] = value
            history[name].append(value)
    frame.rebinds, frame.sharing = saved, sharing
    for name in [n for n in frame.values if n not in outside]:
        del frame.values[name]
    for carry in statement.carries:
        values = [_with_time(v) for v in history[carry.tensor.name.text]]
        stacked = values[0] if len(values) == 1 else context.builder.apply("concat", *values, axis=1)
        frame.values[carry.tensor.name.text] = Bound(stacked, carry.tensor.span)


def _turn(sequence: Value, turn: int) -> Value:
    """sequence[:, turn]"""
    shape = sequence.shape
    start = tuple(turn if axis == 1 else 0 for axis in range(len(shape)))
    stop = tuple(turn + 1 if axis == 1 else d for axis, d in enumerate(shape))
    cut = sequence.op("slice", start=start, stop=stop, step=(1,) * len(shape))
    return cut.reshape((shape[0], *shape[2:]))


def _with_time(value: Value) -> Value:
    return value.reshape((value.shape[0], 1, *value.shape[1:]))
