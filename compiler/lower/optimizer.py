"""The training step's second half: gradients of the loss and the optimizer's updates, in the same graph."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .. import ast, library
from ..build import Value
from ..differentiate import differentiate
from ..ir import TensorType
from ..network import COPY, Training, Variable
from .calls import arguments, keywords, layer, standard
from .context import Bound, Context, Failed, Frame, LayerHere, OptimizerHere
from .declarations import check_fresh, initial_value
from .expressions import condition, evaluate, tensor
from .operands import shape_text
from .patterns import Given
from .settings import TRAIN_KEYS
from .signatures import formals, unknown_keyword
from .statements import lower, poison
from .suggest import nearest


def gradients(context: Context, loss: Value) -> tuple[dict[str, Value], list[str]]:
    """The gradient of the loss by parameter, in the order of the parameters; and those whose is always 0."""
    parameters = [v for v in context.variables.values() if v.kind == "param"]
    leaves = [context.leaves[v.name] for v in parameters]
    found: dict[str, Value] = {}
    idle: list[str] = []
    with context.builder.within(stage="backward", scope=()):
        grads = differentiate(context.builder, loss.id, [leaf.id for leaf in leaves])
        for variable, leaf, gradient in zip(parameters, leaves, grads, strict=True):
            if gradient is None:
                idle.append(variable.name)
                gradient = context.builder.constant(0.0, leaf.dtype).broadcast(leaf.shape)
            found[variable.name] = gradient
    return found, idle


def check_optimizer(context: Context, frame: Frame, training: Training) -> None:
    """Tell of an unknown optimizer, or of wrong arguments, even where the rest of the file is wrong."""
    with suppress(Failed):
        _arguments(context, frame, training.optimizer, _find(context, frame, training.optimizer))
    if training.schedule is not None and context.is_wrong:  # otherwise the updates will tell
        zero = Bound(context.builder.constant(0.0), training.optimizer.span)
        hyper = {"lr": Bound(0.0, training.optimizer.span)}
        _scheduled(context, frame, training.schedule, hyper, zero, zero)


def updates(context: Context, frame: Frame, training: Training, grads: dict[str, Value]) -> None:
    """Run the optimizer's body for each parameter; what it gives goes into context.updates."""
    optimizer = _find(context, frame, training.optimizer)
    hyper = _arguments(context, frame, training.optimizer, optimizer)
    name = optimizer.definition.name.text
    with context.builder.within(stage="update", scope=(), span=training.optimizer.span):
        here = training.optimizer.span
        # float32 has too few digits for 1 - 0.999 ^ step.
        step = Bound(context.builder.apply("counter", which="step", dtype="float64") + 1.0, here)
        steps = Bound(context.builder.apply("counter", which="steps", dtype="float64"), here)
        if training.schedule is not None:
            hyper["lr"] = _scheduled(context, frame, training.schedule, hyper, step, steps)
        grads = _trained(context, grads, training)
        if training.clip is not None:
            grads = _clipped(context, grads, training.clip)
        for parameter, gradient in grads.items():
            values = {**hyper, "step": step, "steps": steps}
            with context.call(here, f"in {name}, for {parameter}"):
                _Updating(context, optimizer, parameter, gradient, values).run()
        if training.average is not None:
            _average(context, list(grads), training, step)


def _find(context: Context, frame: Frame, expr: ast.Call) -> OptimizerHere:
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


def _arguments(context: Context, frame: Frame, expr: ast.Call, optimizer: OptimizerHere) -> dict[str, Bound]:
    """The optimizer's hyper-parameters."""
    signature = formals(optimizer.definition)
    name, known, notes = signature.name, signature.known, (signature.note,)
    if len(expr.positional) > len(known):
        raise context.error("call", f"{name} was given too many arguments", expr.span, "", notes)
    given: dict[str, ast.Expr] = dict(zip(known, expr.positional, strict=False))
    failed: Failed | None = None
    for keyword in expr.keywords:
        key = keyword.name.text
        # An override on the command line is in another text, and may be meant for the block.
        written_here = keyword.span.source is expr.span.source
        if key not in known and written_here:
            failed = unknown_keyword(context, signature, key, keyword.span)
            continue
        if key not in known:
            title = f"train has no setting called {key}, and {name} has no argument called {key}"
            near = nearest(key, [*known, *TRAIN_KEYS])
            failed = context.error("call", title, keyword.span, "not known", notes, near)
            continue
        if key in given and written_here:
            raise context.error("call", f"{name} was given {key} twice", keyword.span, "", notes)
        given[key] = keyword.value
    if failed is not None:
        raise failed
    found: dict[str, Bound] = {}
    for formal in optimizer.definition.formals:
        key = formal.name.text
        if key in given:
            found[key] = Bound(evaluate(context, frame, given[key]), given[key].span, True)
        elif formal.default is not None:
            value = evaluate(context, Frame(optimizer.library), formal.default)
            found[key] = Bound(value, formal.span, True)
        else:
            raise context.error("call", f"{name} needs {key}", expr.span, "", notes)
    rate = found.get("lr")
    if rate is not None and isinstance(rate.value, int | float) and not 0 <= rate.value < 1e9:
        help = "write a small number above 0, such as lr = 0.01"
        raise context.error("train", f"a learning rate cannot be {rate.value}", rate.span, "", (), help)
    return found


def _scheduled(
    context: Context, frame: Frame, expr: ast.Expr, hyper: dict[str, Bound], step: Bound, steps: Bound
) -> Bound:
    """The learning rate, times what the schedule gives: a layer of two scalars, this step and all steps."""
    rate = hyper.get("lr")
    if rate is None or not isinstance(rate.value, int | float | Value):
        raise context.error("train", "the optimizer has no lr for the schedule to change", expr.span)
    if isinstance(expr, ast.Name):
        expr = ast.Call(expr.span, expr, (), ())
    if not isinstance(expr, ast.Call):
        help = "write schedule = cosine, or cosine(warmup = 500)"
        title = "a schedule is cosine, linear, step, constant, or a layer of your own"
        raise context.error("train", title, expr.span, "", (), help)
    target = _schedule(context, frame, expr.function)
    given = [Given(step.value, expr), Given(steps.value, expr), *arguments(context, frame, expr, None)]
    value = layer(context, frame, expr, target, given, keywords(context, frame, expr), ("schedule",))
    if isinstance(value, Value) and value.shape != ():
        title = f"a schedule gives one number for each step, not {shape_text(value.shape)}"
        raise context.error("train", title, expr.span)
    if not isinstance(value, int | float | Value):
        raise context.error("train", "a schedule gives one number for each step", expr.span)
    return Bound(value * rate.value, rate.span)


def _schedule(context: Context, frame: Frame, name: ast.Name) -> LayerHere:
    """A layer of the file, or a standard schedule."""
    if name.text in frame.library.layers:
        return frame.library.layers[name.text]
    file = library.find(name.text, "schedule")
    if file is None:
        title = f"there is no schedule called {name.text}"
        help = nearest(name.text, [*library.names("schedule"), *frame.library.layers])
        raise context.error("name", title, name.span, "not known", (), help)
    return standard(context, file.source.name).layers[name.text]


def _clipped(context: Context, grads: dict[str, Value], limit: float) -> dict[str, Value]:
    """Scale all gradients so that their joint norm is at most `limit` (Pascanu et al. 2013)."""
    squares = [g.op("square").sum(range(len(g.shape))) for g in grads.values()]
    if not squares:
        return grads
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    # The tiny number keeps 0 / 0 away, as in torch.nn.utils.clip_grad_norm_.
    scale = context.builder.apply("minimum", limit / (total.op("sqrt") + 1e-6), 1.0)
    return {name: g * scale for name, g in grads.items()}


def _trained(context: Context, grads: dict[str, Value], training: Training) -> dict[str, Value]:
    """The gradients of the parameters that are not frozen."""
    frozen: set[str] = set()
    for pattern in training.freeze:
        found = {name for name in grads if fnmatchcase(name, pattern.value)}
        if not found:
            title = f'no parameter is called "{pattern.value}"'
            notes = (f"the parameters are {', '.join(grads)}",)
            help = nearest(pattern.value, list(grads))
            raise context.error("train", title, pattern.span, "freezes nothing", notes, help)
        frozen |= found
    if training.freeze and len(frozen) == len(grads):
        title = "every parameter is frozen, so there is nothing to train"
        raise context.error("train", title, training.freeze[0].span)
    return {name: gradient for name, gradient in grads.items() if name not in frozen}


def _average(context: Context, parameters: list[str], training: Training, step: Bound) -> None:
    """Running averages of parameters, the weights d^k (1 - d) divided by their sum (Kingma & Ba 2015, § 7.2).

    After the first step the average is the parameter, so that it needs no time to forget where it began.
    """
    assert training.average is not None and training.span is not None
    decay, count = training.average, step.value
    assert isinstance(count, Value)
    power = context.builder.apply("pow", decay, count)
    share = context.builder.apply("div", 1.0 - decay, context.builder.apply("sub", 1.0, power))
    for parameter in parameters:
        full = f"{parameter}.average"
        if full in context.variables:
            title = f"two tensors are called {full}"
            raise context.error("name", title, context.variables[full].span, "", (), "give it another name")
        type = context.leaves[parameter].type
        initial = (COPY, parameter)
        value = context.builder.add("state", (), type, (("initial", initial),), full)
        context.variables[full] = Variable(full, type, initial, "state", training.span)
        context.leaves[full] = value
        context.updates[full] = (value + (context.updates[parameter] - value) * share).cast(type.dtype)


@dataclass(slots=True)
class _Updating:
    """An optimizer's body, run for one parameter."""

    context: Context
    optimizer: OptimizerHere
    parameter: str
    gradient: Value
    values: dict[str, Bound]

    def run(self) -> None:
        definition = self.optimizer.definition
        frame = Frame(self.optimizer.library, path=(self.parameter,), values=dict(self.values))
        leaf = self.context.leaves[self.parameter]
        frame.values["param"] = Bound(leaf, definition.span)
        frame.values["gradient"] = Bound(self.gradient, definition.span)
        failed: Failed | None = None
        for statement in definition.body:
            try:
                self.statement(frame, statement)
            except Failed as failure:
                failed = failure
                poison(frame, statement)
        if failed is not None:
            raise failed
        if self.parameter not in self.context.updates:
            title = f"{definition.name.text} gives {self.parameter} no new value: param <- … is missing"
            raise self.context.error("layer", title, definition.name.span)

    def statement(self, frame: Frame, statement: ast.Statement) -> None:
        match statement:
            case ast.Declaration(kind="state"):
                for shaped in statement.tensors:
                    self.state(frame, statement, shaped)
            case ast.Update():
                self.update(frame, statement)
            case ast.If():
                chosen = condition(self.context, frame, statement.condition)
                for inner in statement.body if chosen else statement.orelse:
                    self.statement(frame, inner)
            case ast.Binding():
                lower(self.context, frame, statement)
            case _:
                title = "an optimizer holds states, bindings, updates and if alone"
                raise self.context.error("layer", title, statement.span)

    def state(self, frame: Frame, statement: ast.Declaration, shaped: ast.Shaped) -> None:
        """One for each parameter, with its shape; t[] is a scalar."""
        check_fresh(self.context, frame, shaped.name)
        name, full = shaped.name.text, f"{self.parameter}.{shaped.name.text}"
        type = self.context.leaves[self.parameter].type
        if shaped.shape is not None:
            if shaped.shape.dims:
                title = "an optimizer's state has the shape of its parameter, or is a scalar"
                help = f"write state {name}, or state {name}[]"
                raise self.context.error("shape", title, shaped.span, "", (), help)
            type = TensorType(type.dtype, ())
        initial = initial_value(self.context, frame, statement.initialiser)
        if full in self.context.variables:
            title = f"two tensors are called {full}"
            raise self.context.error("name", title, shaped.span, "", (), "give the state another name")
        value = self.context.builder.add("state", (), type, (("initial", initial),), full)
        self.context.variables[full] = Variable(full, type, initial, "state", shaped.span)
        self.context.leaves[full] = value
        frame.states[name] = full
        frame.values[name] = Bound(value, shaped.span)

    def update(self, frame: Frame, statement: ast.Update) -> None:
        """A later line reads what an earlier one has made: v <- …, then param <- param - lr * v."""
        target = statement.target.text
        full = self.parameter if target == "param" else frame.states.get(target)
        if full is None:
            title = f"{target} is neither param nor a state of this optimizer"
            help = nearest(target, ["param", *frame.states])
            raise self.context.error("name", title, statement.target.span, "", (), help)
        type = self.context.leaves[full].type
        value = tensor(self.context, frame, statement.value).cast(type.dtype)
        if value.shape != type.shape:
            title = f"{target} is {shape_text(type.shape)}, and what it becomes is {shape_text(value.shape)}"
            raise self.context.error("shape", title, statement.value.span)
        self.context.updates[full] = value
        frame.values[target] = Bound(value, statement.span)
