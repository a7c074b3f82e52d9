"""What a file defines for its formulas: layers, optimizers and dims, its own and those that it includes."""

from __future__ import annotations

from os.path import normpath
from pathlib import PurePath
from typing import TypeVar

from .. import ast, library
from ..diagnostics import SpecError
from .context import Bound, Context, Failed, Frame, LayerHere, OptimizerHere, Poison, Val, record
from .expressions import number
from .functions import FUNCTIONS

RESERVED = ("N", "training", "params", "true", "false", "inf", "pi", "same", "all", "none")
_Definition = TypeVar("_Definition", LayerHere, OptimizerHere)


def collect(context: Context, frame: Frame, module: ast.Module) -> None:
    """Enter a file's layers, optimizers and dims, and those of what it includes, into the frame's library."""
    here = frame.library
    for item in module.items:
        try:
            match item:
                case ast.Include():
                    _include(context, frame, item)
                case ast.LayerDef():
                    _define(context, here.layers, item.name, LayerHere(item, here), "layer")
                case ast.OptimizerDef():
                    _define(context, here.optimizers, item.name, OptimizerHere(item, here), "optimizer")
                case ast.DimDef():
                    _dim(context, frame, item)
                case _:
                    pass
        except Failed:
            continue


def _include(context: Context, frame: Frame, item: ast.Include) -> None:
    """A file is included once, however often it is named; its path is relative to the file that names it."""
    path = normpath(PurePath(item.span.source.name).parent / item.path.value)
    if path in context.included:
        return
    context.included.add(path)
    try:
        included = context.read(path, item.path.span)
    except SpecError as error:
        for diagnostic in error.diagnostics:
            record(context.diagnostics, diagnostic)
        context.incomplete = True
        raise Failed(path) from None
    for other in included.items:
        if not isinstance(other, ast.DimDef | ast.LayerDef | ast.OptimizerDef | ast.Include):
            title = "an included file holds layers, optimizers and dims alone"
            label = "this belongs in the file that includes it"
            context.error("include", title, other.span, label)
    collect(context, frame, included)


def _define(
    context: Context, table: dict[str, _Definition], name: ast.Name, value: _Definition, kind: str
) -> None:
    if name.text in table:
        first = table[name.text].definition.name.span
        label = f"the first is on line {first.line} of {first.source.name}"
        raise context.error("name", f"two {kind}s are called {name.text}", name.span, label)
    if not value.library.standard and (
        library.find(name.text) or (kind == "layer" and name.text in FUNCTIONS)
    ):
        title = f"this {kind} takes the place of the standard {name.text}"
        context.warn("shadow", title, name.span, "in this file alone")
    table[name.text] = value


def _dim(context: Context, frame: Frame, item: ast.DimDef) -> None:
    name = item.name.text
    here = frame.library
    if name in here.dims:
        first = here.dims[name].span.line
        raise context.error("name", f"{name} is bound twice", item.name.span, f"first bound on line {first}")
    here.dims[name] = Bound(Poison(), item.span, True)
    if name in RESERVED:
        title = f"{name} has a meaning of its own and cannot be a dim"
        label = "this is the batch size" if name == "N" else ""
        raise context.error("name", title, item.name.span, label, (), "take another name")
    if name in context.overrides and not here.standard:
        value: Val = context.overrides[name][0]
    else:
        value = number(context, frame, item.value, f"the dim {name}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    here.dims[name] = Bound(value, item.span, True)
