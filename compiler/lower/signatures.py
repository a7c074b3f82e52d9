"""What layers, functions and optimizers take, and whether a call gives it: by number and by name alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .. import ast
from ..diagnostics import Span
from .context import Context, Failed
from .functions import Function
from .suggest import nearest


class Signature(NamedTuple):
    """text: how the definition is written. required: those of `known` that have no default."""

    name: str
    text: str
    known: Sequence[str]
    required: Sequence[str]

    @property
    def note(self) -> str:
        return f"it is {self.text}"


def formals(definition: ast.LayerDef | ast.OptimizerDef) -> Signature:
    """The signature of what is written in .net."""
    name = definition.name.text
    text = f"{name}({', '.join(' '.join(f.span.text.split()) for f in definition.formals)})"
    known = [f.name.text for f in definition.formals]
    return Signature(name, text, known, [f.name.text for f in definition.formals if f.default is None])


def parameters(function: Function) -> Signature:
    """The signature of what is built from primitives."""
    known = [p.name for p in function.parameters]
    required = [p.name for p in function.parameters if p.required]
    return Signature(function.name, function.signature, known, required)


def check_arguments(
    context: Context, expr: ast.Call, signature: Signature, positional: int, keywords: Mapping[str, Span]
) -> None:
    """Tell of arguments that are too many, unknown, given twice or missing. Raises Failed."""
    name, known, notes = signature.name, signature.known, (signature.note,)
    if positional > len(known):
        title = f"{name} takes {plural(len(known), 'argument')} at most, and was given {positional}"
        raise context.error("call", title, expr.span, "", notes)
    check_keywords(context, signature, keywords)
    for key, span in keywords.items():
        if key in known[:positional]:
            raise context.error("call", f"{name} was given {key} twice", span, "", notes)
    for key in signature.required:
        if key not in known[:positional] and key not in keywords:
            help = f"write {name}(…, {key} = …)" if positional else f"write x -> {name}(…)"
            raise context.error("call", f"{name} needs {key}", expr.span, "", notes, help)


def check_keywords(context: Context, signature: Signature, given: Mapping[str, Span]) -> None:
    """Tell of every keyword argument that there is not. Raises Failed."""
    failed: Failed | None = None
    for key, span in given.items():
        if key not in signature.known:
            failed = unknown_keyword(context, signature, key, span)
    if failed is not None:
        raise failed


def unknown_keyword(context: Context, signature: Signature, key: str, span: Span) -> Failed:
    """Record a keyword argument that there is not; returns what to raise."""
    title = f"{signature.name} has no argument called {key}"
    near = nearest(key, signature.known)
    if not near:
        title += f", only {', '.join(signature.known)}" if signature.known else ": it takes none"
    return context.error("call", title, span, "not known", (signature.note,), near)


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
