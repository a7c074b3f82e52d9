"""The typed operation graph, kept in a networkx MultiDiGraph.

A node is one operation and its one result; an edge is a use of a result, and its key is the operand's
position (`x * x` is two edges). Nodes are added after their operands: insertion order is a topological order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import networkx as nx

from .diagnostics import InternalError, Span


@dataclass(frozen=True, slots=True)
class Extent:
    """A size that depends on the batch: a polynomial in N with integer coefficients, lowest power first.

    Arithmetic gives an int again as soon as N drops out, so that `Dim` values compare with ==.
    """

    coefficients: tuple[int, ...]

    @staticmethod
    def of(coefficients: Sequence[int]) -> Dim:
        trimmed = list(coefficients)
        while len(trimmed) > 1 and trimmed[-1] == 0:
            trimmed.pop()
        return trimmed[0] if len(trimmed) == 1 else Extent(tuple(trimmed))

    def __add__(self, other: Dim) -> Dim:
        a, b = self.coefficients, _coefficients(other)
        return Extent.of([_at(a, i) + _at(b, i) for i in range(max(len(a), len(b)))])

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: Dim) -> Dim:
        return self * -1 + other

    def __mul__(self, other: Dim) -> Dim:
        a, b = self.coefficients, _coefficients(other)
        product = [0] * (len(a) + len(b) - 1)
        for i, p in enumerate(a):
            for j, q in enumerate(b):
                product[i + j] += p * q
        return Extent.of(product)

    __radd__ = __add__
    __rmul__ = __mul__

    def divided(self, other: Dim) -> Dim | None:
        """The exact quotient, or None where there is none."""
        rest, by = list(self.coefficients), _coefficients(other)
        quotient = [0] * max(len(rest) - len(by) + 1, 1)
        for shift in range(len(rest) - len(by), -1, -1):
            factor, remainder = divmod(rest[shift + len(by) - 1], by[-1])
            if remainder:
                return None
            quotient[shift] = factor
            for i, b in enumerate(by):
                rest[shift + i] -= factor * b
        return None if any(rest) else Extent.of(quotient)

    def at(self, n: int) -> int:
        return sum(c * n**power for power, c in enumerate(self.coefficients))

    def __str__(self) -> str:
        terms: list[str] = []
        for power, c in reversed(list(enumerate(self.coefficients))):
            symbol = "*".join(["N"] * power)
            if c:
                terms.append(symbol if symbol and c == 1 else f"{c}*{symbol}" if symbol else str(c))
        return "+".join(terms).replace("+-", "-")


Dim = int | Extent
N = Extent((0, 1))


def _coefficients(d: Dim) -> tuple[int, ...]:
    return d.coefficients if isinstance(d, Extent) else (d,)


def _at(values: tuple[int, ...], i: int) -> int:
    return values[i] if i < len(values) else 0


def divide(a: Dim, b: Dim) -> Dim | None:
    """The exact quotient of two sizes, or None."""
    if isinstance(a, int) and isinstance(b, int):
        return None if b == 0 or a % b else a // b
    return (a if isinstance(a, Extent) else Extent((a,))).divided(b)


def product(dims: Sequence[Dim]) -> Dim:
    total: Dim = 1
    for d in dims:
        total = total * d
    return total


def size_at(d: Dim, n: int) -> int:
    """A size as a number, for a batch of n."""
    return d if isinstance(d, int) else d.at(n)


DType = Literal["bool", "uint8", "uint16", "int32", "int64", "float32", "float64"]
FLOATS: tuple[DType, ...] = ("float32", "float64")


@dataclass(frozen=True, slots=True)
class TensorType:
    dtype: DType
    shape: tuple[Dim, ...]

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    @property
    def elements(self) -> Dim:
        return product(self.shape)

    def with_shape(self, shape: Sequence[Dim]) -> TensorType:
        return TensorType(self.dtype, tuple(shape))

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


# What an attribute may hold: values that compare, hash and print.
Attr = int | float | bool | str | Extent | tuple["Attr", ...] | None
Attrs = tuple[tuple[str, Attr], ...]  # sorted by name
Stage = Literal["data", "forward", "backward", "update"]


class Scope(NamedTuple):
    """One layer call on the way to a node: its instance name (`dense1`) and the layer's name (`dense`).

    repeat is the position within `3 * block` or a scan or repeat statement, from 1; 0 outside one.
    """

    instance: str
    layer: str
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    name: the user's name for the result, full with its layer (`logits.dense1.W`), or ''.
    of: for a backward node, the forward node whose gradient rule built it; otherwise -1.
    group: the elementwise kernel, numbered by the fuse pass, that computes it with others; otherwise -1.
    """

    id: int
    op: str
    type: TensorType
    attrs: Attrs = ()
    name: str = ""
    scope: tuple[Scope, ...] = ()
    stage: Stage = "forward"
    of: int = -1
    span: Span | None = field(default=None, compare=False)
    group: int = -1

    def attr(self, name: str) -> Attr:
        for key, value in self.attrs:
            if key == name:
                return value
        raise InternalError(f"{self.op} has no attribute {name}")

    @property
    def arguments(self) -> dict[str, Attr]:
        return dict(self.attrs)


ResultKind = Literal["loss", "metric", "output", "value", "gradient", "update", "input"]


class Result(NamedTuple):
    """What a node of the graph is for.

    loss: the scalar that is minimised. metric, output: by the user's name. value: a named tensor (binding).
    gradient: of the loss, by parameter. update: the next value of a parameter or state, by its name.
    input: in a preprocessing graph, the value of that input.
    """

    kind: ResultKind
    name: str


class Graph:
    """Operations and what they are for. Built by `add`; passes make a new one and leave the old."""

    def __init__(self) -> None:
        self.nx: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        self.results: dict[Result, int] = {}
        self._next = 0

    def add(
        self,
        op: str,
        operands: Sequence[int],
        type: TensorType,
        attrs: Attrs = (),
        name: str = "",
        scope: tuple[Scope, ...] = (),
        stage: Stage = "forward",
        of: int = -1,
        span: Span | None = None,
        group: int = -1,
    ) -> int:
        """Append one operation; returns its id."""
        node = Node(self._next, op, type, attrs, name, scope, stage, of, span, group)
        self._next += 1
        self.nx.add_node(node.id, node=node)
        for position, operand in enumerate(operands):
            self.nx.add_edge(operand, node.id, key=position)
        return node.id

    def replace(self, node: Node) -> None:
        """Swap a node's record for another with the same id: a new name or scope, never another meaning."""
        self.nx.nodes[node.id]["node"] = node

    def __getitem__(self, id: int) -> Node:
        # The bare dictionaries, here and below: views cost several times as much, and passes ask often.
        return self.nx._node[id]["node"]  # pyright: ignore[reportAttributeAccessIssue]

    def __len__(self) -> int:
        return len(self.nx)

    def __iter__(self) -> Iterator[Node]:
        """All nodes, operands first."""
        for _, data in self.nx.nodes(data=True):
            yield data["node"]

    def uses(self, id: int) -> list[tuple[int, int]]:
        """Each operand with its position, by position."""
        uses: dict[int, dict[int, object]] = self.nx._pred[id]  # pyright: ignore[reportAttributeAccessIssue]
        return sorted([(key, source) for source, keys in uses.items() for key in keys])

    def operands(self, id: int) -> tuple[int, ...]:
        """The operands' ids, by position."""
        return tuple([source for _, source in self.uses(id)])

    def users(self, id: int) -> tuple[int, ...]:
        """Ids of the nodes that read this one, each once."""
        return tuple(self.nx.successors(id))

    def of_kind(self, kind: str) -> dict[str, int]:
        """The results of one kind, by name."""
        return {result.name: id for result, id in self.results.items() if result.kind == kind}

    def leaves(self, op: str) -> dict[str, Node]:
        """The leaf nodes of one op ('input', 'param', 'state', 'column'), by name, in order."""
        return {node.name: node for node in self if node.op == op}

    def copy(self) -> Graph:
        other = Graph()
        other.nx = self.nx.copy()
        other.results = dict(self.results)
        other._next = self._next
        return other
