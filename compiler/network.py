"""What lowering gives: the network as graphs, and the settings around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from . import ast
from .diagnostics import Diagnostic, Source, Span
from .ir import DType, Graph, TensorType

COPY = "copy"  # the beginning of an initial value that is another variable's: ("copy", "h.W")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A declared input. classes is 0 unless it holds integers 0..classes-1."""

    name: str
    type: TensorType
    classes: int
    span: Span


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter or state: its full name, type and starting distribution, such as ('normal', 0.0, 0.02)."""

    name: str
    type: TensorType
    initial: tuple[str | float, ...]
    kind: Literal["param", "state"]
    span: Span


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column of the data source as the compiler sees it: one sample's type.

    A sequence column holds T + 1 tokens; it reads as its first T, and shift() as its last T.
    """

    type: TensorType
    classes: int = 0
    sequence: bool = False


@dataclass(frozen=True, slots=True)
class DataSpec:
    """The data block: `source(positional, keywords)`, before anything is opened."""

    source: str
    positional: tuple[object, ...]
    keywords: Mapping[str, object]
    valid: int | float | None
    length: int | None  # of the token sequences that the inputs want
    span: Span


@dataclass(frozen=True, slots=True)
class Patience:
    """Stop after this many epochs without a better value of a metric ('valid.accuracy')."""

    epochs: int
    on: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Training:
    """The train block. Exactly one of epochs and steps is not None.

    average: the decay of the parameters' running averages, which evaluate in their place. freeze: patterns of
    parameters that stay as they are. start: a run or checkpoint whose parameters the training begins with.
    """

    optimizer: ast.Call
    epochs: int | None = 1
    steps: int | None = None
    batch: int = 32
    seed: int = 0
    schedule: ast.Expr | None = None
    stop: Patience | None = None
    clip: float | None = None
    average: float | None = None
    freeze: tuple[ast.String, ...] = ()
    start: str | None = None
    save: str | None = None
    precision: DType = "float32"
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A compiled description, before differentiation.

    training and evaluating are the same network with `training` true and false: leaves are inputs, params and
    states; results are the loss, metrics, outputs, named values and (in training) state updates. The `data`
    graphs lead from columns to inputs; they are empty where the file has no data block or its columns are
    unknown. overrides: the texts of the values that dims (`H`) and settings (`train.lr`) were given instead
    of the file's.
    """

    name: str
    source: Source
    dims: Mapping[str, int]
    inputs: Mapping[str, InputSpec]
    variables: Mapping[str, Variable]
    training: Graph
    evaluating: Graph
    training_data: Graph
    evaluating_data: Graph
    data: DataSpec | None
    train: Training | None
    warnings: tuple[Diagnostic, ...] = field(default=())
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])

    def drawn(self, variable: Variable) -> Variable:
        """The variable whose start a variable begins with: itself, or what it is a copy of."""
        return self.variables[str(variable.initial[1])] if variable.initial[0] == COPY else variable

    @property
    def averages(self) -> dict[str, str]:
        """The states that take the place of parameters when evaluating, by parameter."""
        return {str(v.initial[1]): v.name for v in self.variables.values() if v.initial[0] == COPY}
