"""Layers that nothing calls, lowered for a trial: shape errors in them that depend on no call are told.

A layer is called twice, with sizes that have nothing in common; what both calls refuse in the same words,
sizes and all, was the same in both, and so is wrong for every call.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import cycle

from .. import ast
from ..build import TooLarge, Value
from ..diagnostics import Diagnostic, SpecError
from ..ir import Dim, N, TensorType
from .calls import layer
from .context import Context, Failed, Frame, FunctionName, LayerHere, Val
from .expressions import dim
from .patterns import Given

_FIRST, _SECOND = (11, 13, 17, 19, 23, 29, 31, 37), (41, 43, 47, 53, 59, 61, 67, 71)
_GAP = 73  # a second axis that `...` stands for in the second trial
_LARGEST = 1000  # statements and calls, and operations, of one trial


def refusals(fresh: Callable[[], Context], frame: Frame, target: LayerHere) -> list[Diagnostic]:
    """The shape errors of a layer that no call can avoid. fresh: gives a context; frame: the file's."""
    found = _called(fresh(), frame, target, _FIRST, (N,))
    again = _called(fresh(), frame, target, _SECOND, (N, _GAP)) if found else []
    return [error for error in found if error in again]


def _called(
    context: Context, frame: Frame, target: LayerHere, sizes: tuple[int, ...], gap: tuple[Dim, ...]
) -> list[Diagnostic]:
    """The shape errors of one call, without those in branches, which other calls may not take."""
    definition = target.definition
    context.longest, context.builder.most = _LARGEST, _LARGEST
    name = definition.name
    expr = ast.Call(name.span, name, (), ())
    with suppress(Failed, SpecError, TooLarge, RecursionError):
        given = _arguments(context, target, sizes, gap)
        layer(context, frame, expr, target, given, {}, (name.text,))
    branches = [n.span for n in ast.walk(definition.body) if isinstance(n, ast.If)]
    return [
        replace(d, calls=())
        for d in context.diagnostics
        if d.code == "shape" and d.span is not None and d.span.source is name.span.source
        and d.span != name.span
        and not any(b.start <= d.span.start < b.end for b in branches)
    ]  # fmt: skip


def _arguments(
    context: Context, target: LayerHere, sizes: tuple[int, ...], gap: tuple[Dim, ...]
) -> list[Given]:
    """A tensor for every pattern, each dim with a size of its own; a number for what else has no default."""
    definition = target.definition
    dims = Frame(target.library, path=(definition.name.text,))
    unused = cycle(sizes)
    called = {n.function.text for n in ast.walk(definition.body) if isinstance(n, ast.Call)}
    known: dict[str, Dim] = {"N": N}
    given: list[Given] = []
    for formal in definition.formals:
        if formal.default is not None:
            break
        value: Val = next(unused)
        if formal.pattern is not None:
            shape: list[Dim] = []
            for d in formal.pattern.dims:
                if isinstance(d, ast.Name) and d.text not in target.library.dims:
                    known.setdefault(d.text, next(unused))
                    shape.append(known[d.text])
                elif isinstance(d, ast.Ellipsis_):
                    shape += gap
                else:
                    shape.append(dim(context, dims, d))
            value = _input(context, formal, tuple(shape))
        elif formal.name.text in called:
            value = FunctionName("relu")
        given.append(Given(value, formal.name))
    return given


def _input(context: Context, formal: ast.Formal, shape: tuple[Dim, ...]) -> Value:
    type = TensorType(context.builder.precision, shape)
    return context.builder.add("input", (), type, (("classes", 0),), formal.name.text)
