"""What can be computed and is hardly meant: warnings."""

from __future__ import annotations

from collections.abc import Sequence

from .. import ast
from ..build import Value
from ..diagnostics import Span
from ..network import Training
from .context import Context, Val
from .suggest import nearest

# Losses of the standard library that begin with what a network may have ended with.
_BEGINS_WITH = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
_ARITHMETIC = ("add", "sub", "mul", "div", "pow", "matmul")


def of_twice(context: Context, loss: str, first: Val, part: ast.Expr) -> None:
    """Tell of a softmax before cross_entropy, which takes softmax itself, and of a sigmoid likewise."""
    function = _BEGINS_WITH.get(loss, "")
    if isinstance(first, Value) and function and context.builder.graph[first.id].op == function:
        title = f"{loss} takes the {function} itself, so here it is applied twice"
        help = f"give it the values before the {function}, and keep the {function} for an output"
        context.warn("twice", title, part.span, f"this is a {function} already", help)


def check_classes(context: Context, loss: str, first: Val, second: Val, parts: Sequence[ast.Expr]) -> None:
    """Tell of fractions where cross_entropy wants classes."""
    part = parts[1]
    if (
        loss != "cross_entropy"
        or not isinstance(second, Value)
        or not second.type.is_float
        or not second.shape
    ):
        return
    if isinstance(first, Value) and not first.type.is_float:
        title = "cross_entropy takes the classes second"
        help = f"write cross_entropy({part.span.text}, {parts[0].span.text})"
        raise context.error("classes", title, parts[0].span.to(part.span), "", (), help)
    title = f"cross_entropy wants the number of a class, and {part.span.text} holds fractions"
    node = context.builder.graph[second.id]
    help = "declare input {}[{}] : class(10), with the number of your classes"
    sizes = ", ".join(map(str, second.shape))
    is_input = node.op == "input"
    raise context.error(
        "classes", title, part.span, "", (), help.format(node.name, sizes) if is_input else ""
    )


def of_classes(context: Context, op: str, operands: Sequence[Value | float], span: Span) -> None:
    """Tell of class numbers that are calculated with; 0 and 1 may well be amounts."""
    for operand in operands if op in _ARITHMETIC else ():
        node = context.builder.graph[operand.id] if isinstance(operand, Value) else None
        if node is None or node.op != "input":
            continue
        classes = node.attr("classes")
        if isinstance(classes, int) and classes > 2:
            title = f"the class numbers of {node.name} are used as amounts"
            help = f"write one_hot({node.name}, {classes}), or embedding({node.name}, {classes}, 16)"
            context.warn("classes", title, span, "class 2 counts twice as much as class 1", help)


def of_idle(context: Context, idle: Sequence[str], loss: Span) -> None:
    """Tell of parameters that no gradient of the loss reaches."""
    if not idle:
        if not any(v.kind == "param" for v in context.variables.values()):
            title = "the loss depends on no parameter, so that there is nothing to train"
            context.warn("unused", title, loss)
        return
    first = context.variables[idle[0]]
    names = [*idle[:4]] + ([f"{len(idle) - 4} more"] if len(idle) > 4 else [])
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    change = "so it never changes" if len(idle) == 1 else "so they never change"
    context.warn("unused", f"the loss does not depend on {listed}, {change}", first.span)


def check_watched(context: Context, training: Training) -> None:
    """Tell of a figure to stop on that no split has."""
    if training.stop is None:
        return
    split, _, name = training.stop.on.rpartition(".")
    figures = ["loss", *(r.name for r in context.builder.graph.results if r.kind == "metric")]
    if split in ("train", "valid", "test") and name in figures:
        return
    known = [f"{s}.{f}" for s in ("valid", "train", "test") for f in figures]
    title = f"there is no figure called {training.stop.on} to stop on"
    notes = (f"there are {', '.join(known)}",)
    context.error("train", title, training.stop.span, "not known", notes, nearest(training.stop.on, known))
