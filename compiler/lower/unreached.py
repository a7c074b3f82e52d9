"""The names where lowering never comes: in layers that nothing calls, in branches that are not taken.

Nothing is known there of sizes and of the order of branches, so that every name counts as known that is
bound anywhere in the same definition: what is told is wrong whichever way the definition is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import cast

from .. import ast, library
from ..diagnostics import Diagnostic, Span
from .calls import resolve
from .columns import COLUMN_FUNCTIONS
from .context import Bound, Context, Failed, Frame, LayerHere, Library, Poison, record
from .declarations import check_initialiser
from .expressions import name
from .functions import Function
from .signatures import check_arguments, formals, parameters

_IN_OPTIMIZERS = ("param", "gradient", "step", "steps")


def check_names(
    context: Context, here: Library, module: ast.Module, given: set[str], known: list[Diagnostic]
) -> None:
    """Add to `known` what is wrong with names in every definition of a file and in the file itself.

    context: a fresh one, in which nothing is told yet. given: what the data block gives values to. Of a
    definition in which a name is known to be wrong already, it is not told again.
    """
    definitions = [(d.definition, d.library) for d in (*here.layers.values(), *here.optimizers.values())]
    for definition, sees in definitions:
        _Names(context, sees, definition).visit((definition.formals, definition.body))
        _keep(context, known, definition.span)
    steps = [i for i in module.items if not isinstance(i, _ELSEWHERE)]
    names = _Names(context, here, None, steps)
    names.frame.unknown |= given
    names.visit(tuple(steps))
    _keep(context, known, None)


_ELSEWHERE = ast.LayerDef | ast.OptimizerDef | ast.Include | ast.Data | ast.Train


def _keep(context: Context, known: list[Diagnostic], within: Span | None) -> None:
    found, context.diagnostics = context.diagnostics, []
    for new in found:
        told = [k for k in known if k.title == new.title or (k.code, k.span) == (new.code, new.span)]
        if not any(within is None or (k.span is not None and _holds(within, k.span)) for k in told):
            record(known, new)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.source is inner.source and outer.start <= inner.start and inner.end <= outer.end


def unused(module: ast.Module) -> Iterator[tuple[ast.Name, str]]:
    """The layers and optimizers of a file that nothing else in it names, each with what it is."""
    named = [{n.text for n in ast.walk(item) if isinstance(n, ast.Name)} for item in module.items]
    users = Counter(name for names in named for name in names)
    for item in module.items:
        if isinstance(item, ast.LayerDef | ast.OptimizerDef) and users[item.name.text] == 1:
            yield item.name, "layer" if isinstance(item, ast.LayerDef) else "optimizer"


class _Names:
    """A walk through one definition, or through the statements of a file."""

    def __init__(
        self,
        context: Context,
        sees: Library,
        definition: ast.LayerDef | ast.OptimizerDef | None,
        steps: Sequence[ast.Item] = (),
    ) -> None:
        self.context = context
        inside = definition.body if definition else tuple(steps)
        bound = {n.text: n.span for n in _bound(inside)}
        if definition is not None:
            bound |= {n.text: n.span for f in definition.formals for n in _formal(f)}
        if isinstance(definition, ast.OptimizerDef):
            bound |= dict.fromkeys(_IN_OPTIMIZERS, definition.span)
        path = (definition.name.text,) if definition else ()
        values = {text: Bound(Poison(), span) for text, span in bound.items()}
        self.frame = Frame(sees, values, path=path)

    def visit(self, node: object) -> None:
        match node:
            case tuple():
                for part in cast(tuple[object, ...], node):
                    self.visit(part)
            case ast.Name():
                if "." not in node.text:
                    with suppress(Failed):
                        name(self.context, self.frame, node)
            case ast.Call():
                self.call(node, 0)
            case ast.Pipe():
                self.visit(node.head)
                for stage in node.stages:
                    self.visit(stage.count)
                    self.call(stage.call, 1)
            case ast.Pinned():
                self.call(node.call, 0)
            case ast.Shared():
                self.call(node.call, 1)
            case ast.Declaration():
                self.visit(tuple(t.shape for t in node.tensors))
                self.initialiser(node.initialiser)
            case ast.Binding():
                self.visit((node.target.shape, node.value))
            case ast.Carry():
                self.visit((node.tensor.shape, node.value))
            case ast.Formal():
                dims = node.pattern.dims if node.pattern else ()
                self.visit((tuple(d for d in dims if not isinstance(d, ast.Name)), node.default))
            case ast.Input():
                self.visit((node.tensor.shape, node.classes))
            case ast.Repeat():
                self.visit((node.count, node.body))
            case ast.Scan():
                self.visit((node.sequence, node.carries, node.body))
            case (
                ast.DimDef() | ast.Update() | ast.Output() | ast.Metric() | ast.Keyword()
            ):  # whose names are not read
                self.visit(node.value)
            case _ if is_dataclass(node) and not isinstance(node, Span):
                self.visit(tuple(getattr(node, f.name) for f in fields(node)))
            case _:
                pass

    def call(self, expr: ast.Call, piped: int) -> None:
        """The function's name and the arguments', and how many there are. piped: arguments from an arrow."""
        self.visit((expr.positional, expr.keywords))
        text = expr.function.text
        special = text not in self.frame.library.layers and (text == "grad" or _is_elsewhere(text))
        if text in self.frame.values or special:
            return
        with suppress(Failed):
            target = resolve(self.context, self.frame, expr.function)
            keywords = {k.name.text: k.span for k in expr.keywords}
            if isinstance(target, LayerHere | Function):
                signature = parameters(target) if isinstance(target, Function) else formals(target.definition)
                check_arguments(self.context, expr, signature, len(expr.positional) + piped, keywords)

    def initialiser(self, expr: ast.Call | ast.Number) -> None:
        if isinstance(expr, ast.Call) and expr.function.text not in self.frame.values:
            self.visit((expr.positional, expr.keywords))
            with suppress(Failed):
                check_initialiser(self.context, expr)


def _is_elsewhere(text: str) -> bool:
    """Whether a data block or a schedule, which may call the definition, knows a function by this name."""
    files = library.find(text, "data"), library.find(text, "schedule")
    return text in COLUMN_FUNCTIONS or any(f is not None and f.use != "network" for f in files)


def _bound(tree: object) -> Iterator[ast.Name]:
    """Every name that statements bind, in whatever branch."""
    match tree:
        case tuple():
            for part in cast(tuple[object, ...], tree):
                yield from _bound(part)
        case ast.Binding():
            yield tree.target.name
        case ast.Declaration():
            yield from (t.name for t in tree.tensors)
        case ast.Input():
            yield tree.tensor.name
        case ast.DimDef() | ast.Shared():
            yield tree.name
        case ast.Repeat():
            yield from (tree.counter,) if tree.counter else ()
            yield from _bound(tree.body)
        case ast.Scan():
            yield tree.item
            yield from (c.tensor.name for c in tree.carries)
            yield from _bound(tree.body)
        case ast.If():
            yield from _bound((*tree.body, *tree.orelse))
        case _:
            pass


def _formal(formal: ast.Formal) -> Iterator[ast.Name]:
    """A formal's name, and the dims that its pattern binds."""
    yield formal.name
    yield from (d for d in (formal.pattern.dims if formal.pattern else ()) if isinstance(d, ast.Name))
