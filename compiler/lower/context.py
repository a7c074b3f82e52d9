"""What lowering knows while it walks a file: names, layers, the graph so far and the mistakes so far."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .. import ast, library
from ..build import Builder, Value
from ..diagnostics import Diagnostic, Label, Span, SpecError
from ..ir import Dim, Scope
from ..limits import most, raising
from ..network import ColumnType, InputSpec, Variable

MAXIMUM_ERRORS = 20


class Failed(Exception):
    """A statement could not be lowered; its diagnostic is recorded. What uses its names fails silently."""


@dataclass(frozen=True, slots=True)
class Poison:
    """The value of a name whose definition failed."""


@dataclass(frozen=True, slots=True)
class Initial:
    """An initialiser's name standing in an expression: `dense(16, init = he)`."""

    name: str
    arguments: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A layer or function standing in an expression, to be handed on: `encoder(activation = tanh)`."""

    name: str


# What an expression can be: a tensor, a compile-time number, text, list, or a name to hand on.
Val = Value | int | float | bool | str | Dim | tuple[Any, ...] | Initial | FunctionName | Poison | None


@dataclass(eq=False, slots=True)
class Library:
    """The layers, optimizers and dims of one file, with what it includes."""

    standard: bool = False
    layers: dict[str, LayerHere] = field(default_factory=dict[str, "LayerHere"])
    optimizers: dict[str, OptimizerHere] = field(default_factory=dict[str, "OptimizerHere"])
    dims: dict[str, Bound] = field(default_factory=dict[str, "Bound"])


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
    """`shared enc = dense(64)`: every use has the same parameters, under `path`.

    owner: where it was declared, whose names its arguments mean.
    """

    name: str
    call: ast.Call
    owner: Frame
    path: tuple[str, ...]
    used: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A name's value, and where it was bound."""

    value: Val
    span: Span
    is_dim: bool = False


class Declared(NamedTuple):
    """Where a tensor's shape was written, and the names that its dims mean there."""

    shaped: ast.Shaped
    frame: Frame


class ColumnLeaf(NamedTuple):
    """A column of the data source, whole."""

    leaf: Value
    type: ColumnType


@dataclass(eq=False, slots=True)
class Frame:
    """The names in sight: one for the file, one for each layer call.

    path: the full name of the layer call. binding: the name that is being bound. states: the full names of
    the states declared here. turn: that of the repeats around, `2` or `2.1`, which parameters are named by;
    moment: the same with scans, which share their parameters. rebinds: names may be bound again. sharing:
    parameters may exist already. ellipsis: the sizes that `...` stands for. call: the call of this layer, in
    the user's own file if it can be. unknown: names that were read and are not known, each told once.
    """

    library: Library
    values: dict[str, Bound] = field(default_factory=dict[str, Bound])
    functions: dict[str, SharedLayer | FunctionName | Initial] = field(
        default_factory=dict[str, "SharedLayer | FunctionName | Initial"]
    )
    path: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = field(default_factory=dict[tuple[str, ...], int])
    binding: str = ""
    states: dict[str, str] = field(default_factory=dict[str, str])
    turn: str = ""
    moment: str = ""
    rebinds: bool = False
    sharing: bool = False
    ellipsis: tuple[Dim, ...] = ()
    call: Span | None = None
    unknown: set[str] = field(default_factory=set[str])
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

    def numbered(self, name: str) -> str:
        """A name bound or declared inside a repeat, with its turn: h.2."""
        return f"{name}.{self.turn}" if self.turn else name

    @contextmanager
    def bound_to(self, name: str):
        """While a binding's value is lowered, its layers take its name."""
        before, self.binding = self.binding, self.numbered(name)
        try:
            yield
        finally:
            self.binding = before

    def dims(self) -> dict[str, Bound]:
        """The numbers in sight, by name."""
        return {**self.library.dims, **{name: b for name, b in self.values.items() if b.is_dim}}


@dataclass(eq=False, slots=True)
class Context:
    """The state of lowering one network once, for training or for evaluating.

    read: an included file, by its path. module: the user's file. shapes: where the shapes of nodes were
    written. columns: those of the data source, while the data block is lowered. classes: how many classes a
    node of it holds. entered: the layers that were called, by the place of their names. walked: statements
    and calls so far, of `longest` at most. incomplete: an include failed, so that names may be missing.
    """

    builder: Builder
    training: bool
    read: Callable[[str, Span], ast.Module]
    module: ast.Module
    overrides: dict[str, tuple[float, Span]] = field(default_factory=dict[str, tuple[float, Span]])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    inputs: dict[str, InputSpec] = field(default_factory=dict[str, InputSpec])
    variables: dict[str, Variable] = field(default_factory=dict[str, Variable])
    leaves: dict[str, Value] = field(default_factory=dict[str, Value])
    updates: dict[str, Value] = field(default_factory=dict[str, Value])
    named: dict[str, int] = field(default_factory=dict[str, int])
    shapes: dict[int, Declared] = field(default_factory=dict[int, Declared])
    calls: list[Label] = field(default_factory=list[Label])
    standard: dict[str, Library] = field(default_factory=dict[str, Library])
    included: set[str] = field(default_factory=set[str])
    columns: dict[str, ColumnLeaf] | None = None
    classes: dict[int, int] = field(default_factory=dict[int, int])
    params_read: Span | None = None
    entered: set[Span] = field(default_factory=set[Span])
    walked: int = 0
    longest: int = field(default_factory=lambda: most("statements"))
    incomplete: bool = False
    _draws: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def use(self) -> library.Use:
        """What is being lowered, for the names that are known there."""
        return "network" if self.columns is None else "data"

    def walk(self, span: Span) -> None:
        """Count a statement or call. Raises SpecError where a file unrolls to too many.

        Not Failed: every statement on the way would try the next one.
        """
        self.walked += 1
        if self.walked > self.longest:
            title = f"this network unrolls to more than {self.longest:,} statements and calls"
            self.stop("limit", title, span, raising("statements"))

    def stop(self, code: str, title: str, span: Span | None, help: str) -> None:
        """Record a mistake after which nothing else can be told. Raises SpecError."""
        self.error(code, title, span, "", (), help)
        raise SpecError(*(d for d in self.diagnostics if d.severity == "error"))

    @property
    def is_wrong(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)

    @property
    def scope(self) -> tuple[Scope, ...]:
        return self.builder.scope

    def draw(self, name: str) -> str:
        """A random tensor's key. The uses of a shared layer have one name, and draw different numbers."""
        self._draws[name] = self._draws.get(name, 0) + 1
        return name if self._draws[name] == 1 else f"{name}#{self._draws[name]}"

    def error(
        self,
        code: str,
        title: str,
        span: Span | None,
        label: str = "",
        notes: tuple[str, ...] = (),
        help: str = "",
        point: Span | None = None,
    ) -> Failed:
        """Record a mistake; returns what to raise. The mark lies in the user's own file if it can."""
        calls = list(dict.fromkeys(self.calls))  # of a layer that calls itself, each call once
        if span is not None:
            calls = [c for c in calls if c.span.source is not span.source or c.span.start != span.start]
        calls = calls if len(calls) <= 8 else calls[:4] + calls[-4:]
        if span is not None and library.is_standard(span.source):
            own = [i for i, c in enumerate(calls) if not library.is_standard(c.span.source)]
            if own:
                inner = f"{span.source.name}:{span.line}: {span.text.strip().splitlines()[0]}"
                notes = (*notes, f"inside the standard layer, {inner}")
                span, point = calls[own[-1]].span, None
                calls = calls[: own[-1]]
        if span is None or point is None or point.line != span.line:
            point = None  # the mark lies under the first line alone
        new = Diagnostic(code, title, span, label, notes, help, tuple(calls), point=point)
        record(self.diagnostics, new, inside=bool(self.calls))
        errors = [d for d in self.diagnostics if d.severity == "error"]
        if len(errors) >= MAXIMUM_ERRORS:
            raise SpecError(*errors)
        return Failed(title)

    def warn(self, code: str, title: str, span: Span, label: str = "", help: str = "") -> None:
        new = Diagnostic(code, title, self.users(span), label, (), help, severity="warning")
        record(self.diagnostics, new)

    def users(self, span: Span) -> Span:
        """A place in the user's own file: of one in a standard layer, the call that led there."""
        if not library.is_standard(span.source):
            return span
        own = [c.span for c in self.calls if not library.is_standard(c.span.source)]
        return own[-1] if own else span

    @contextmanager
    def call(self, span: Span, text: str):
        """While the body of a layer is lowered, errors show this call."""
        self.calls.append(Label(span, text))
        try:
            yield
        finally:
            self.calls.pop()


def record(diagnostics: list[Diagnostic], new: Diagnostic, inside: bool = False) -> None:
    """Add a diagnostic, unless it is known. Of one place inside a layer, the first is told alone."""
    inside = inside or bool(new.calls)
    for known in diagnostics:
        if known == new or (inside and (known.code, known.span) == (new.code, new.span)):
            return
    diagnostics.append(new)
