"""What lowering knows while it walks a file: names, layers, the graph so far and the mistakes so far."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from .. import ast
from ..build import Builder, Value
from ..diagnostics import Diagnostic, Label, Span, SpecError
from ..ir import Dim, Scope
from ..network import InputSpec, Variable

MAXIMUM_ERRORS = 20


class Failed(Exception):
    """A statement could not be lowered; its diagnostic is recorded. Whatever uses its names fails silently."""


@dataclass(frozen=True, slots=True)
class Poison:
    """The value of a name whose definition failed."""


@dataclass(frozen=True, slots=True)
class Initial:
    """An initialiser's name standing in an expression: `dense(16, init = he)`."""

    name: str
    arguments: tuple[float, ...] = ()


@dataclass(eq=False, slots=True)
class Library:
    """The layers, optimizers and dims of one file, with what it includes."""

    source_name: str
    layers: dict[str, LayerHere] = field(default_factory=dict[str, "LayerHere"])
    optimizers: dict[str, OptimizerHere] = field(default_factory=dict[str, "OptimizerHere"])
    dims: dict[str, Bound] = field(default_factory=dict[str, "Bound"])

    @property
    def standard(self) -> bool:
        return self.source_name.startswith("std/")


@dataclass(frozen=True, eq=False, slots=True)
class LayerHere:
    """A layer and the file whose names its body sees."""

    definition: ast.LayerDef
    library: Library


@dataclass(frozen=True, eq=False, slots=True)
class OptimizerHere:
    definition: ast.OptimizerDef
    library: Library


@dataclass(eq=False, slots=True)
class SharedLayer:
    """`shared enc = dense(64)`: every use has the same parameters."""

    name: str
    call: ast.Call
    uses: int = 0


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A layer or function standing in an expression, to be handed on: `encoder(activation = tanh)`."""

    name: str


# What an expression can be: a tensor, a compile-time number, text, list, or a name to hand on.
Val = Value | int | float | bool | str | Dim | tuple[Any, ...] | Initial | FunctionName | Poison | None


@dataclass(frozen=True, slots=True)
class Bound:
    """A name's value, and where it was bound."""

    value: Val
    span: Span
    is_dim: bool = False


@dataclass(eq=False, slots=True)
class Frame:
    """The names in sight: one for the file, one for each layer call."""

    library: Library
    values: dict[str, Bound] = field(default_factory=dict[str, Bound])
    functions: dict[str, SharedLayer | FunctionName | Initial] = field(
        default_factory=dict[str, "SharedLayer | FunctionName | Initial"]
    )
    path: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = field(default_factory=dict[tuple[str, ...], int])
    binding: str = ""
    ellipsis: tuple[Dim, ...] = ()
    rebinds: bool = False
    sharing: bool = False
    result: Val = None
    returned: bool = False

    def instance(self, layer: str) -> str:
        """The next instance name of a layer within the current binding: dense1, dense2, …"""
        key = (*self.prefix, layer)
        self.counts[key] = self.counts.get(key, 0) + 1
        return f"{layer}{self.counts[key]}"

    @property
    def prefix(self) -> tuple[str, ...]:
        return (*self.path, self.binding) if self.binding else self.path


@dataclass(eq=False, slots=True)
class Context:
    """The state of lowering one network once, for training or for evaluating."""

    builder: Builder
    training: bool
    read: Callable[[str, Span], ast.Module]  # an included file, by its path
    overrides: dict[str, tuple[float, Span]]
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    inputs: dict[str, InputSpec] = field(default_factory=dict[str, InputSpec])
    variables: dict[str, Variable] = field(default_factory=dict[str, Variable])
    leaves: dict[str, Value] = field(default_factory=dict[str, Value])
    updates: dict[str, Value] = field(default_factory=dict[str, Value])
    named: dict[str, int] = field(default_factory=dict[str, int])
    shapes: dict[int, ast.Shaped] = field(default_factory=dict[int, ast.Shaped])
    calls: list[Label] = field(default_factory=list[Label])
    standard: dict[str, Library] = field(default_factory=dict[str, Library])
    in_data: bool = False

    @property
    def scope(self) -> tuple[Scope, ...]:
        return self.builder.scope

    def error(
        self,
        code: str,
        title: str,
        span: Span | None,
        label: str = "",
        notes: tuple[str, ...] = (),
        help: str = "",
    ) -> Failed:
        """Record a mistake; returns what to raise. The mark lies in the user's own file where one can be told."""
        calls = list(self.calls)
        if span is not None and span.source.name.startswith("std/"):
            own = [c for c in calls if not c.span.source.name.startswith("std/")]
            if own:
                inner = f"{span.source.name}:{span.line}: {span.text.strip().splitlines()[0]}"
                notes = (*notes, f"inside the standard layer, {inner}")
                span = own[-1].span
                calls = own[:-1]
        diagnostic = Diagnostic(code, title, span, label, notes, help, tuple(calls))
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)
        if sum(d.severity == "error" for d in self.diagnostics) >= MAXIMUM_ERRORS:
            raise SpecError(*self.diagnostics)
        return Failed(title)

    def warn(self, code: str, title: str, span: Span, label: str = "", help: str = "") -> None:
        diagnostic = Diagnostic(code, title, span, label, (), help, severity="warning")
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    @contextmanager
    def call(self, span: Span, text: str):
        """While the body of a layer is lowered, errors show this call."""
        self.calls.append(Label(span, text))
        try:
            yield
        finally:
            self.calls.pop()


def nearest(name: str, known: list[str]) -> str:
    """`write X` for the known name nearest to a misspelt one, or nothing."""
    found = get_close_matches(name, known, 1, 0.6) or [k for k in known if k.lower() == name.lower()]
    return f"write {found[0]}" if found else ""
