"""shift(column) and standardize(column), which need more of the source than the column's values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import ast
from ..build import Value
from ..network import Variable
from .context import ColumnLeaf, Context
from .patterns import Given


def whole_column(context: Context, column: ColumnLeaf) -> Value:
    """A column as its name reads: a sequence without the last token."""
    value = _window(column.leaf, 0) if column.type.sequence else column.leaf
    context.classes[value.id] = column.type.classes
    return value


def _shift(context: Context, expr: ast.Call, arguments: Sequence[Given]) -> Value:
    """A sequence from its second token on."""
    name, column = _column(context, expr, arguments)
    if not column.type.sequence:
        raise context.error("data", f"{name.text} is no sequence to shift", name.span)
    value = _window(column.leaf, 1)
    context.classes[value.id] = column.type.classes
    return value


def _standardize(context: Context, expr: ast.Call, arguments: Sequence[Given]) -> Value:
    """(column - mean) / std, by channel; both are states, filled from the training split."""
    name, column = _column(context, expr, arguments)
    leaf = column.leaf
    shape = (leaf.shape[1],) if len(leaf.shape) > 1 else ()
    found: list[Value] = []
    for what in ("mean", "std"):
        full = f"data.{name.text}.{what}"
        if full not in context.leaves:
            initial = ("statistic", name.text, what)
            type = leaf.type.with_shape(shape).with_dtype(context.builder.precision)
            context.leaves[full] = context.builder.add("state", (), type, (("initial", initial),), full)
            context.variables[full] = Variable(full, type, initial, "state", name.span)
        value = context.leaves[full]
        found.append(value.reshape((*shape, *(1,) * (len(leaf.shape) - 2))) if shape else value)
    mean, std = found
    return (leaf - mean) / std


COLUMN_FUNCTIONS: dict[str, Callable[[Context, ast.Call, Sequence[Given]], Value]] = {
    "shift": _shift,
    "standardize": _standardize,
}


def _column(context: Context, expr: ast.Call, arguments: Sequence[Given]) -> tuple[ast.Name, ColumnLeaf]:
    columns = context.columns or {}
    name = arguments[0].part if len(arguments) == 1 else None
    if isinstance(name, ast.Name) and name.text in columns:
        return name, columns[name.text]
    what = expr.function.text
    notes = (f"its columns are {', '.join(columns)}",)
    help = f"write {what}({next(iter(columns))})" if columns else ""
    raise context.error("data", f"{what} takes one column of the source", expr.span, "", notes, help)


def _window(leaf: Value, start: int) -> Value:
    length = leaf.shape[1]
    return leaf.op("slice", start=(0, start), stop=(leaf.shape[0], length - 1 + start), step=(1, 1))
