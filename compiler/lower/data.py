"""The data block's bindings: from columns to inputs, as graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import ast
from ..ir import N, Result
from ..network import ColumnType, InputSpec
from .columns import whole_column
from .context import Bound, ColumnLeaf, Context, Failed, Frame
from .expressions import tensor
from .operands import shape_text
from .settings import DATA_KEYS, meant_inputs
from .suggest import nearest


def bindings(context: Context, frame: Frame, block: ast.Data, columns: Mapping[str, ColumnType]) -> None:
    """Lower every `input = expression` of a data block into the context's graph, as its input results."""
    inner = Frame(frame.library)
    context.columns = {}
    with context.builder.within(stage="data", span=block.source.span):
        for name, column in columns.items():
            type = column.type.with_shape((N, *column.type.shape))
            leaf = context.builder.add("column", (), type, (("classes", column.classes),), name)
            context.columns[name] = ColumnLeaf(leaf, column)
            inner.values[name] = Bound(whole_column(context, context.columns[name]), block.source.span)
        for setting in block.settings:
            if setting.name.text in DATA_KEYS or setting.name.text not in context.inputs:
                continue
            try:
                _bind(context, inner, setting)
            except Failed:
                continue
    bound = {s.name.text for s in block.settings}
    meant = meant_inputs(block, context.inputs).values()
    for name, spec in context.inputs.items():
        if name not in bound and name not in meant:
            title = f"the data block gives {name} no value"
            label = f"{name} is an input on line {spec.span.line}"
            help = f"write {name} = … with {' or '.join(columns)}" if columns else ""
            context.error("data", title, block.source.span, label, (), help)


def _bind(context: Context, frame: Frame, setting: ast.Setting) -> None:
    name, expr = setting.name.text, setting.value
    spec = context.inputs[name]
    declared = f"{name} is declared on line {spec.span.line}"
    _check_column(context, frame, expr)
    with frame.bound_to(name):
        value = tensor(context, frame, expr)
    classes = context.classes.get(value.id, 0)
    if spec.classes and value.type.is_float:
        title = f"{name} holds classes, whole numbers, and this gives fractions"
        raise context.error("data", title, expr.span, declared)
    if spec.classes and classes > spec.classes:
        title = f"{name} has {spec.classes} classes, and {expr.span.text} has {classes}"
        help = f"declare input {name}{_declared(spec)} : class({classes})"
        raise context.error("data", title, expr.span, declared, (), help)
    if classes and not spec.classes:
        title = f"the classes of {expr.span.text} are used as plain numbers"
        help = f"declare input {name}{_declared(spec)} : class({classes}), unless they are amounts"
        context.warn("data", title, expr.span, declared, help)
    if value.shape != spec.type.shape:
        title = (
            f"{name} is declared {shape_text(spec.type.shape)}, and the data give {shape_text(value.shape)}"
        )
        flat = value.type.elements == spec.type.elements and spec.type.rank == 2
        help = (
            f"write {name} = flatten({expr.span.text})"
            if flat
            else f"declare input {name}{shape_text(value.shape)}"
        )
        raise context.error("shape", title, expr.span, declared, (), help)
    value = value.cast(spec.type.dtype)
    graph = context.builder.graph
    if graph[value.id].op != "column" and not graph[value.id].name:
        graph.replace(replace(graph[value.id], name=name))
    graph.results[Result("input", name)] = value.id


def _declared(spec: InputSpec) -> str:
    return shape_text(spec.type.shape)


def _check_column(context: Context, frame: Frame, expr: ast.Expr) -> None:
    """Alone behind the =, a name can only be a column."""
    columns = list(context.columns or {})
    if isinstance(expr, ast.Name) and expr.text not in columns and expr.text not in frame.library.dims:
        title = f"the source has no column called {expr.text}"
        notes = (f"its columns are {', '.join(columns)}",)
        raise context.error("data", title, expr.span, "not known", notes, nearest(expr.text, columns))
