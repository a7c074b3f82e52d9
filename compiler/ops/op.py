"""What a primitive operation is: one value with its shape rule, gradient rule, texts and sample inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..ir import DType, TensorType

if TYPE_CHECKING:
    from ..build import Value

Kind = Literal["leaf", "elementwise", "reduction", "row", "movement", "contraction", "window", "random"]
Promotion = Literal["float", "arithmetic", "compare", "logical", "choice", "none"]
Infer = Callable[..., TensorType]
Vjp = Callable[..., "tuple[Value | None, ...]"]


class ShapeError(Exception):
    """An operation refuses its operands.

    title: a sentence in which {0}, {1} stand for the operands; label: a few words for under the mark;
    axes: the (operand, axis) pairs whose sizes disagree, axis counted from 0; help: a mend, if there is one.
    """

    def __init__(
        self,
        title: str,
        label: str = "",
        axes: tuple[tuple[int, int], ...] = (),
        help: str = "",
        code: str = "shape",
    ) -> None:
        super().__init__(title)
        self.title, self.label, self.axes, self.help, self.code = title, label, axes, help, code


@dataclass(frozen=True, slots=True)
class Draw:
    """A sample operand: a shape with unequal sizes, uniform in low..high (integers: high excluded)."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: DType = "float64"


@dataclass(frozen=True, slots=True)
class Sample:
    """Operands and attributes that an operation is tested with."""

    operands: tuple[Draw, ...]
    attrs: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Op:
    """A primitive.

    infer(*types, **attrs) gives the result's type or raises ShapeError.
    vjp(g, y, *operands, **attrs) gives each operand's share of the gradient, None where there is none; g is
    the gradient of the result y. For elementwise operations it need not undo broadcasting: the caller sums.
    vjp is None where the derivative is zero or undefined everywhere (floor, comparisons, argmax).
    numpy: a NumPy statement that writes {out}, with operands {0}, {1} and attributes by name ({axis}); if
    `view` is true, an expression that is a view of operand 0. {operands} is all of them, between commas.
    {work} is scratch memory, a uint8 array of at least workspace(*types, **attrs) bytes, asked when all sizes
    are numbers.
    counters: the arguments of the program that the statement reads: step, steps, seed, epoch, and rows, the
    samples' numbers in their split.
    math: the formula for people, operands {0}, {1} or {operands}, attributes by name.
    promotion: how a builder brings the operands to one dtype; "choice": the first to bool, the others to one.
    """

    name: str
    kind: Kind
    infer: Infer
    math: str
    numpy: str
    vjp: Vjp | None = None
    samples: tuple[Sample, ...] = ()
    promotion: Promotion = "none"
    view: bool = False
    counters: tuple[str, ...] = ()
    workspace: Callable[..., int] | None = None


REGISTRY: dict[str, Op] = {}


def define(op: Op) -> Op:
    """Register a primitive; its name must be new."""
    if op.name in REGISTRY:
        raise ValueError(f"two primitives are called {op.name}")
    REGISTRY[op.name] = op
    return op
