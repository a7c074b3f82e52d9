"""The data block's bindings: from columns to inputs, as graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import ast
from ..build import Value
from ..ir import N, Result
from ..network import ColumnType, Variable
from .context import Bound, Context, Failed, Frame, nearest
from .expressions import shape_text, tensor
from .settings import DATA_KEYS


def bindings(
    context: Context, frame: Frame, block: ast.Data, columns: Mapping[str, ColumnType]
) -> None:
    """Lower every `input = expression` of a data block into the context's (fresh) graph, as its input results."""
    inner = Frame(frame.library)
    context.in_data = True
    leaves: dict[str, tuple[Value, ColumnType]] = {}
    with context.builder.within(stage="data"):
        for name, column in columns.items():
            type = column.type.with_shape((N, *column.type.shape))
            leaf = context.builder.add("column", (), type, (("classes", column.classes),), name)
            leaves[name] = (leaf, column)
            inner.values[name] = Bound(_whole(leaf, column), block.source.span)
        for setting in block.settings:
            if setting.name.text in DATA_KEYS or setting.name.text not in context.inputs:
                continue
            try:
                _bind(context, inner, setting, leaves)
            except Failed:
                continue
    bound = {s.name.text for s in block.settings}
    for name, spec in context.inputs.items():
        if name not in bound:
            title = f"the data block gives {name} no value"
            help = f"write {name} = … with one of {', '.join(columns)}" if columns else ""
            context.error("data", title, block.source.span, f"{name} is an input on line {spec.span.line}", (), help)


def _whole(leaf: Value, column: ColumnType) -> Value:
    """A column as its name reads: a sequence without the last token."""
    return _window(leaf, 0) if column.sequence else leaf


def _window(leaf: Value, start: int) -> Value:
    length = leaf.shape[1]
    assert isinstance(length, int)
    return leaf.op("slice", start=(0, start), stop=(leaf.shape[0], length - 1 + start), step=(1, 1))


def _bind(
    context: Context, frame: Frame, setting: ast.Setting, leaves: Mapping[str, tuple[Value, ColumnType]]
) -> None:
    name, expr = setting.name.text, setting.value
    spec = context.inputs[name]
    frame.binding = name
    value, classes = _special(context, frame, expr, leaves)
    if value is None:
        value = tensor(context, frame, expr)
    if spec.classes and value.type.is_float:
        title = f"{name} holds classes, whole numbers, and this gives fractions"
        raise context.error("data", title, expr.span, f"{name} is declared on line {spec.span.line}")
    if spec.classes and classes > spec.classes:
        title = f"{name} has {spec.classes} classes, and {expr.span.text} has {classes}"
        raise context.error("data", title, expr.span, "", (), f"declare input {name}[…] : class({classes})")
    if not spec.classes and classes and isinstance(expr, ast.Name):
        label = f"{name} is declared as plain numbers on line {spec.span.line}"
        help = f"declare input {name}[N] : class({classes})"
        context.warn("data", f"the class labels of {expr.text} are used as numbers", expr.span, label, help)
    if value.shape != spec.type.shape:
        got, want = shape_text(value.shape), shape_text(spec.type.shape)
        title = f"{name} is declared {want}, and the data give {got}"
        help = ""
        if value.type.elements == spec.type.elements:
            help = f"write {name} = flatten({expr.span.text})" if spec.type.rank == 2 else ""
        raise context.error("shape", title, expr.span, f"{name} is declared on line {spec.span.line}", (), help)
    value = value.cast(spec.type.dtype)
    graph = context.builder.graph
    if graph[value.id].op != "column" and not graph[value.id].name:
        graph.replace(replace(graph[value.id], name=name))
    graph.results[Result("input", name)] = value.id


def _special(
    context: Context, frame: Frame, expr: ast.Expr, leaves: Mapping[str, tuple[Value, ColumnType]]
) -> tuple[Value | None, int]:
    """A bare column, shift(column) and standardize(column), which need more than the column's values."""
    if isinstance(expr, ast.Name) and expr.text in leaves:
        return _whole(*leaves[expr.text]), leaves[expr.text][1].classes
    if not isinstance(expr, ast.Call) or expr.function.text not in ("shift", "standardize"):
        _check_columns(context, frame, expr, leaves)
        return None, 0
    what = expr.function.text
    argument = expr.positional[0] if len(expr.positional) == 1 and not expr.keywords else None
    if not isinstance(argument, ast.Name) or argument.text not in leaves:
        title = f"{what} takes one column of the source"
        known = ", ".join(leaves)
        raise context.error("data", title, expr.span, "", (f"its columns are {known}",), f"write {what}({known.split(',')[0]})")
    leaf, column = leaves[argument.text]
    if what == "shift":
        if not column.sequence:
            raise context.error("data", f"{argument.text} is no sequence to shift", argument.span)
        return _window(leaf, 1), column.classes
    return _standardized(context, argument, leaf), 0


def _standardized(context: Context, column: ast.Name, leaf: Value) -> Value:
    """(column - mean) / std, by channel; both are states, filled from the training split."""
    channels = leaf.shape[1] if len(leaf.shape) > 1 else 1
    shape = (channels,) if len(leaf.shape) > 1 else ()
    found: list[Value] = []
    for what in ("mean", "std"):
        name = f"data.{column.text}.{what}"
        initial = ("statistic", column.text, what)
        type = leaf.type.with_shape(shape).with_dtype(context.builder.precision)
        value = context.builder.add("state", (), type, (("initial", initial),), name)
        context.variables[name] = Variable(name, type, initial, "state", column.span)
        context.leaves[name] = value
        found.append(value.reshape((*shape, *(1,) * (len(leaf.shape) - 2))) if shape else value)
    mean, std = found
    return (leaf - mean) / std


def _check_columns(
    context: Context, frame: Frame, expr: ast.Expr, leaves: Mapping[str, object]
) -> None:
    """A name that is no column gets the columns as its help, at the top of a formula alone."""
    if isinstance(expr, ast.Name) and expr.text not in frame.values and expr.text not in frame.library.dims:
        title = f"the source has no column called {expr.text}"
        notes = (f"its columns are {', '.join(leaves)}",)
        raise context.error("data", title, expr.span, "not known", notes, nearest(expr.text, list(leaves)))


