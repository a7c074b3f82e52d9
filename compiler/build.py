"""Building graphs: values with operators, used by lowering, gradient rules and passes alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .diagnostics import InternalError, Span
from .ir import FLOATS, Attr, Attrs, Dim, DType, Graph, Scope, Stage, TensorType
from .ops.op import REGISTRY, Promotion

_INTEGER_ORDER: tuple[DType, ...] = ("bool", "uint8", "uint16", "int32", "int64")


class TooLarge(Exception):
    """The graph has reached the builder's limit; span: the part of the source that was being built."""

    def __init__(self, span: Span | None) -> None:
        super().__init__("the graph has reached its limit")
        self.span = span


Constant = tuple[float, DType, bool]  # the sign is apart, since 0.0 == -0.0


@dataclass(slots=True)
class Builder:
    """Adds operations to a graph, all in the current scope, stage and place of the source.

    precision is the dtype that `/` or `exp` give for integers. most: operations, after which TooLarge is
    raised.
    """

    graph: Graph
    precision: DType = "float32"
    scope: tuple[Scope, ...] = ()
    stage: Stage = "forward"
    of: int = -1
    span: Span | None = None
    most: float = math.inf
    _constants: dict[Constant, int] = field(default_factory=dict[Constant, int])

    def apply(self, op: str, *operands: Value | float, name: str = "", **attrs: Any) -> Value:
        """One operation. Python numbers become constants of the other operands' dtype.

        Raises ShapeError where the operation refuses its operands.
        """
        rule = REGISTRY.get(op)
        if rule is None:
            raise InternalError(f"there is no operation {op}")
        values = self._promoted(rule.promotion, operands)
        type = rule.infer(*(v.type for v in values), **attrs)
        return self.add(op, values, type, tuple(sorted((k, _frozen(v)) for k, v in attrs.items())), name)

    def add(
        self, op: str, operands: Sequence[Value], type: TensorType, attrs: Attrs = (), name: str = ""
    ) -> Value:
        """One operation whose type is known; no rule is asked."""
        if len(self.graph) >= self.most:
            raise TooLarge(self.span)
        ids = [v.id for v in operands]
        id = self.graph.add(op, ids, type, attrs, name, self.scope, self.stage, self.of, self.span)
        return Value(self, id)

    def value(self, id: int) -> Value:
        return Value(self, id)

    def constant(self, number: float, dtype: DType | None = None) -> Value:
        """A scalar constant; the same number is the same node."""
        if dtype is None:
            is_bool = isinstance(number, bool)
            dtype = "bool" if is_bool else "int64" if isinstance(number, int) else self.precision
        number = bool(number) if dtype == "bool" else float(number) if dtype in FLOATS else int(number)
        key = (number, dtype, str(number).startswith("-"))
        if key not in self._constants or self._constants[key] not in self.graph.nx:
            type = TensorType(dtype, ())
            self._constants[key] = self.graph.add("constant", (), type, (("value", number),))
        return Value(self, self._constants[key])

    def size(self, dim: Dim) -> Value:
        """A size as a float scalar; N is known when the program is planned."""
        if isinstance(dim, int):
            return self.constant(float(dim), self.precision)
        return self.apply("size", dim=dim, dtype=self.precision)

    @contextmanager
    def within(
        self,
        scope: tuple[Scope, ...] | None = None,
        stage: Stage | None = None,
        of: int | None = None,
        span: Span | None = None,
    ):
        """For a while, another scope, stage or place."""
        saved = (self.scope, self.stage, self.of, self.span)
        self.scope = self.scope if scope is None else scope
        self.stage = self.stage if stage is None else stage
        self.of = self.of if of is None else of
        self.span = self.span if span is None else span
        try:
            yield self
        finally:
            self.scope, self.stage, self.of, self.span = saved

    def _promoted(self, promotion: Promotion, operands: Sequence[Value | float]) -> list[Value]:
        tensors = [o for o in operands if isinstance(o, Value)]
        numbers = [o for o in operands if not isinstance(o, Value)]
        if promotion == "none":
            dtype = tensors[0].dtype if tensors else None
            return [o if isinstance(o, Value) else self.constant(o, dtype) for o in operands]
        if promotion == "choice":
            return self._promoted("logical", operands[:1]) + self._promoted("compare", operands[1:])
        # A scalar does not widen a tensor: the step's number is float64, so that 1 - 0.999 ^ step has digits.
        deciding = [v for v in tensors if v.shape and v.type.is_float] or tensors
        target = self._common([v.dtype for v in deciding], numbers, promotion)
        return [o.cast(target) if isinstance(o, Value) else self.constant(o, target) for o in operands]

    def _common(self, dtypes: Sequence[DType], numbers: Sequence[float], promotion: Promotion) -> DType:
        if promotion == "logical":
            return "bool"
        if any(d in FLOATS for d in dtypes):
            return "float64" if "float64" in dtypes else "float32"
        fractional = any(isinstance(n, float) and not n.is_integer() for n in numbers)
        if promotion == "float" or fractional or (not dtypes and any(isinstance(n, float) for n in numbers)):
            return self.precision
        if promotion == "compare" and dtypes and not numbers:
            return sorted(dtypes, key=_INTEGER_ORDER.index)[-1]
        return "int64"


@dataclass(frozen=True, slots=True)
class Value:
    """A node of a builder's graph, with operators that add nodes."""

    builder: Builder
    id: int

    @property
    def type(self) -> TensorType:
        return self.builder.graph[self.id].type

    @property
    def shape(self) -> tuple[Dim, ...]:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    def op(self, name: str, *others: Value | float, **attrs: Any) -> Value:
        """name(self, *others, **attrs)"""
        return self.builder.apply(name, self, *others, **attrs)

    def cast(self, dtype: DType) -> Value:
        return self if self.dtype == dtype else self.op("cast", dtype=dtype)

    def sum(self, axis: Sequence[int], keep: bool = False) -> Value:
        return self.op("sum", axis=tuple(axis), keep=keep) if axis else self

    def reshape(self, shape: Sequence[Dim]) -> Value:
        return self if tuple(shape) == self.shape else self.op("reshape", shape=tuple(shape))

    def broadcast(self, shape: Sequence[Dim]) -> Value:
        return self if tuple(shape) == self.shape else self.op("broadcast", shape=tuple(shape))

    def transpose(self, axes: Sequence[int]) -> Value:
        return self if tuple(axes) == tuple(range(len(axes))) else self.op("transpose", axes=tuple(axes))

    @property
    def T(self) -> Value:
        """The last two axes swapped."""
        rank = len(self.shape)
        return self.transpose((*range(rank - 2), rank - 1, rank - 2))

    def sum_to(self, shape: Sequence[Dim]) -> Value:
        """Undo broadcasting from `shape`: sum the axes that it lacks or has as 1."""
        lead = len(self.shape) - len(shape)
        total = self.sum(range(lead))
        ones = [i for i, d in enumerate(shape) if d == 1 and total.shape[i] != 1]
        return total.sum(ones, keep=True)

    def __add__(self, other: Value | float) -> Value:
        return self.op("add", other)

    def __sub__(self, other: Value | float) -> Value:
        return self.op("sub", other)

    def __mul__(self, other: Value | float) -> Value:
        return self.op("mul", other)

    def __truediv__(self, other: Value | float) -> Value:
        return self.op("div", other)

    def __pow__(self, other: Value | float) -> Value:
        return self.op("pow", other)

    def __matmul__(self, other: Value) -> Value:
        return self.op("matmul", other)

    def __radd__(self, other: float) -> Value:
        return self.builder.apply("add", other, self)

    def __rsub__(self, other: float) -> Value:
        return self.builder.apply("sub", other, self)

    def __rmul__(self, other: float) -> Value:
        return self.builder.apply("mul", other, self)

    def __rtruediv__(self, other: float) -> Value:
        return self.builder.apply("div", other, self)

    def __rpow__(self, other: float) -> Value:
        return self.builder.apply("pow", other, self)

    def __neg__(self) -> Value:
        return self.op("neg")


def _frozen(value: Any) -> Attr:
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value
