"""The training step's second half: gradients of the loss and the optimizer's updates, in the same graph."""

from __future__ import annotations

from dataclasses import replace

from .. import ast, library
from ..build import Value
from ..differentiate import differentiate
from ..ir import TensorType
from ..network import Training, Variable
from .calls import call, signature, standard
from .context import Bound, Context, Failed, Frame, OptimizerHere, nearest
from .expressions import evaluate, shape_text, tensor
from .statements import initial_value


def gradients(context: Context, loss: Value) -> dict[str, Value]:
    """The gradient of the loss by parameter, in the order of the parameters; zeros where the loss ignores one."""
    parameters = [v for v in context.variables.values() if v.kind == "param"]
    leaves = [context.leaves[v.name] for v in parameters]
    found: dict[str, Value] = {}
    with context.builder.within(stage="backward", scope=()):
        grads = differentiate(context.builder, loss.id, [leaf.id for leaf in leaves])
        for variable, leaf, gradient in zip(parameters, leaves, grads, strict=True):
            if gradient is None:
                gradient = context.builder.constant(0.0, leaf.dtype).broadcast(leaf.shape)
            found[variable.name] = gradient
    return found


def find_optimizer(context: Context, frame: Frame, expr: ast.Call) -> OptimizerHere:
    """The optimizer of a train block: the file's own or a standard one."""
    name = expr.function.text
    if name in frame.library.optimizers:
        return frame.library.optimizers[name]
    file = library.find(name)
    if file is not None and name in standard(context, file.source.name).optimizers:
        return standard(context, file.source.name).optimizers[name]
    known = [*frame.library.optimizers]
    for f in library.library():
        known += [n for n in f.names if n in standard(context, f.source.name).optimizers]
    title = f"there is no optimizer called {name}"
    raise context.error("name", title, expr.function.span, "not known", (), nearest(name, known))


def updates(context: Context, frame: Frame, training: Training, grads: dict[str, Value]) -> None:
    """Run the optimizer's body for each parameter; what it gives goes into context.updates."""
    optimizer = find_optimizer(context, frame, training.optimizer)
    with context.builder.within(stage="update", scope=()):
        step = context.builder.apply("counter", which="step", dtype="float64") + 1.0
        steps = context.builder.apply("counter", which="steps", dtype="float64")
        hyper = _arguments(context, frame, training, optimizer, step, steps)
        if training.clip is not None:
            grads = _clipped(context, grads, training.clip)
        for name, gradient in grads.items():
            _one(context, optimizer, name, gradient, hyper, step, steps)


def _arguments(
    context: Context, frame: Frame, training: Training, optimizer: OptimizerHere, step: Value, steps: Value
) -> dict[str, Bound]:
    """The optimizer's hyper-parameters; a schedule multiplies lr."""
    expr, definition = training.optimizer, optimizer.definition
    formals = definition.formals
    known = [f.name.text for f in formals]
    notes = (f"it is {signature(definition)}",)
    given: dict[str, ast.Expr] = dict(zip(known, expr.positional, strict=False))
    if len(expr.positional) > len(known):
        raise context.error("call", f"{definition.name.text} was given too many arguments", expr.span, "", notes)
    for keyword in expr.keywords:
        key = keyword.name.text
        if key not in known:
            title = f"{definition.name.text} has no argument called {key}"
            raise context.error("call", title, keyword.span, "not known", notes, nearest(key, known))
        given[key] = keyword.value
    found: dict[str, Bound] = {}
    for formal in formals:
        key = formal.name.text
        if key in given:
            found[key] = Bound(evaluate(context, frame, given[key]), given[key].span, True)
        elif formal.default is not None:
            found[key] = Bound(evaluate(context, Frame(optimizer.library), formal.default), formal.span, True)
        else:
            raise context.error("call", f"{definition.name.text} needs {key}", expr.span, "", notes)
        if isinstance(found[key].value, float | int) and key == "lr" and not 0 <= float(found[key].value) < 1e9:  # type: ignore[arg-type]
            raise context.error("train", f"a learning rate cannot be {found[key].value}", found[key].span)
    if training.schedule is not None:
        if "lr" not in found:
            title = f"{definition.name.text} has no lr for the schedule to change"
            raise context.error("train", title, training.schedule.span)
        factor = _schedule(context, frame, training.schedule, step, steps)
        rate = found["lr"].value
        assert isinstance(rate, int | float | Value)
        found["lr"] = Bound(factor * rate, found["lr"].span, False)
    return found


def _schedule(context: Context, frame: Frame, expr: ast.Expr, step: Value, steps: Value) -> Value:
    """The factor for the learning rate: a schedule is a layer of two scalars, this step (from 1) and all steps."""
    inner = Frame(frame.library)
    inner.values = {"step": Bound(step, expr.span), "steps": Bound(steps, expr.span)}
    names = (ast.Name(expr.span, "step"), ast.Name(expr.span, "steps"))
    if isinstance(expr, ast.Name):
        expr = ast.Call(expr.span, expr, (), ())
    if not isinstance(expr, ast.Call):
        help = "write schedule = cosine, or cosine(warmup = 500)"
        raise context.error("train", "a schedule is one of cosine, linear, step, constant", expr.span, "", (), help)
    value = call(context, inner, replace(expr, positional=(*names, *expr.positional), bare=False))
    if not isinstance(value, Value) or value.shape != ():
        raise context.error("train", "a schedule gives one number for each step", expr.span)
    return value


def _clipped(context: Context, grads: dict[str, Value], limit: float) -> dict[str, Value]:
    """Scale all gradients so that their joint norm is at most `limit` (Pascanu et al. 2013)."""
    total = None
    for g in grads.values():
        square = g.op("square").sum(range(len(g.shape)))
        total = square if total is None else total + square
    if total is None:
        return grads
    scale = context.builder.apply("minimum", limit / (total.op("sqrt") + 1e-6), 1.0)
    return {name: g * scale for name, g in grads.items()}


def _one(
    context: Context,
    optimizer: OptimizerHere,
    name: str,
    gradient: Value,
    hyper: dict[str, Bound],
    step: Value,
    steps: Value,
) -> None:
    definition = optimizer.definition
    param = context.leaves[name]
    frame = Frame(optimizer.library, path=(name,))
    here = definition.span
    frame.values = {
        **hyper,
        "param": Bound(param, here),
        "gradient": Bound(gradient, here),
        "step": Bound(step, here),
        "steps": Bound(steps, here),
    }
    with context.call(definition.name.span, f"in {definition.name.text}, for {name}"):
        for statement in definition.body:
            _statement(context, frame, statement, name)


def _statement(context: Context, frame: Frame, statement: ast.Statement, name: str) -> None:
    from .statements import run

    param = context.leaves[name]
    match statement:
        case ast.Declaration(kind="state"):
            for shaped in statement.tensors:
                full = f"{name}.{shaped.name.text}"
                if shaped.shape is not None and not shaped.shape.dims:
                    type = TensorType(param.dtype, ())
                elif shaped.shape is not None:
                    title = "an optimizer's state has the shape of its parameter, or is a scalar: state v, state t[]"
                    raise context.error("shape", title, shaped.span)
                else:
                    type = param.type
                initial = initial_value(context, frame, statement.initialiser)
                value = context.builder.add("state", (), type, (("initial", initial),), full)
                context.variables[full] = Variable(full, type, initial, "state", shaped.span)
                context.leaves[full] = value
                frame.values[shaped.name.text] = Bound(value, shaped.span)
        case ast.Update():
            target = statement.target.text
            bound = frame.values.get(target)
            if bound is None or not isinstance(bound.value, Value):
                title = f"{target} is neither param nor a state of this optimizer"
                raise context.error("name", title, statement.target.span)
            node = context.builder.graph[bound.value.id]
            # A later line reads what an earlier one made of a state: v <- …, then param <- param - lr * v.
            value = tensor(context, frame, statement.value).cast(node.type.dtype)
            owner = name if target == "param" else f"{name}.{target}"
            wanted = context.leaves[owner].type
            if value.shape != wanted.shape:
                value_text = shape_text(value.shape)
                title = f"{target} is {shape_text(wanted.shape)}, and what it becomes is {value_text}"
                raise context.error("shape", title, statement.value.span)
            context.updates[owner] = value
            frame.values[target] = Bound(value, statement.span)
        case ast.If():
            condition = evaluate(context, frame, statement.condition)
            if isinstance(condition, Value):
                title = "a condition is decided while compiling, from hyper-parameters"
                raise context.error("type", title, statement.condition.span)
            for inner in statement.body if condition else statement.orelse:
                _statement(context, frame, inner, name)
        case ast.Binding():
            errors = len(context.diagnostics)
            frame.rebinds = True
            run(context, frame, [statement])
            if len(context.diagnostics) > errors:
                raise Failed(name)
        case _:
            title = "an optimizer holds states, bindings, updates and if alone"
            raise context.error("layer", title, statement.span)
