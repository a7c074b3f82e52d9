"""What a file asks for: outputs, loss and metrics, and with them the whole training step."""

from __future__ import annotations

from contextlib import suppress

from .. import ast
from ..build import Value
from ..ir import Extent, Result
from ..network import Training
from .advice import check_watched, of_idle
from .context import Context, Failed, Frame
from .expressions import tensor
from .operands import shape_text
from .optimizer import check_optimizer, gradients, updates
from .statements import run


def lower_file(context: Context, frame: Frame, module: ast.Module, training: Training | None) -> None:
    """Every statement of a file, then its goals; in a training graph, gradients and updates too."""
    run(context, frame, module.items)
    _check_one_loss(context, module)
    for item in module.items:
        try:
            _goal(context, frame, item)
        except Failed:
            continue
    results = context.builder.graph.results
    for name, id in context.named.items():
        results[Result("value", name)] = id
    if context.training:
        with suppress(Failed):
            if training is not None:
                check_watched(context, training)
                check_optimizer(context, frame, training)
            _training_step(context, frame, module, training)
        for name, value in context.updates.items():
            results[Result("update", name)] = value.id


def _goal(context: Context, frame: Frame, item: ast.Item) -> None:
    results = context.builder.graph.results
    match item:
        case ast.Loss() if Result("loss", "loss") not in results:
            results[Result("loss", "loss")] = _mean(context, frame, item.value, "loss").id
        case ast.Metric():
            value = _mean(context, frame, item.value, item.name.text)
            _add(context, Result("metric", item.name.text), item.name, value)
        case ast.Output():
            with frame.bound_to(item.name.text):
                value = tensor(context, frame, item.value, direct=True)
            _add(context, Result("output", item.name.text), item.name, value)
        case _:
            pass


def _add(context: Context, result: Result, name: ast.Name, value: Value) -> None:
    if result in context.builder.graph.results:
        title = f"two {result.kind}s are called {name.text}"
        help = f"give one another name: {result.kind} other = …"
        raise context.error("name", title, name.span, "", (), help)
    context.builder.graph.results[result] = value.id


def _mean(context: Context, frame: Frame, expr: ast.Expr, name: str) -> Value:
    """A loss or metric: the mean of what the expression gives, over samples and whatever axes it has."""
    with frame.bound_to(name):
        value = tensor(context, frame, expr)
    with context.builder.within(span=expr.span):
        if not value.type.is_float:
            value = value.cast(context.builder.precision)
        if not value.shape:
            return value
        if not any(isinstance(d, Extent) for d in value.shape):
            title = f"the {name} has {shape_text(value.shape)}, and no number for each sample"
            context.warn("loss", title, expr.span, "its mean is taken")
        return value.sum(range(len(value.shape))) / context.builder.size(value.type.elements)


def _check_one_loss(context: Context, module: ast.Module) -> None:
    losses = [i for i in module.items if isinstance(i, ast.Loss)]
    for other in losses[1:]:
        label = f"the first is on line {losses[0].span.line}"
        context.error("loss", "a file has one loss", other.span, label, (), "add them up: loss a + b")


def _training_step(context: Context, frame: Frame, module: ast.Module, training: Training | None) -> None:
    results = context.builder.graph.results
    if training is not None and not any(isinstance(i, ast.Loss) for i in module.items):
        title = "there is a train block, but no loss to train on"
        help = "write, for example: loss cross_entropy(logits, y)"
        context.error("loss", title, training.span, "", (), help)
    if Result("loss", "loss") not in results or context.is_wrong:
        return
    loss = context.builder.value(results[Result("loss", "loss")])
    found, idle = gradients(context, loss)
    of_idle(context, idle, next(i.span for i in module.items if isinstance(i, ast.Loss)))
    for name, gradient in found.items():
        results[Result("gradient", name)] = gradient.id
    if training is not None:
        updates(context, frame, training, found)
