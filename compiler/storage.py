"""The kinds of memory that a value can have, and which one each value of a graph gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod

from .ir import Attr, DType, Extent, Graph, Node, TensorType, size_at
from .ops.op import REGISTRY

ITEM_BYTES: dict[DType, int] = {
    "bool": 1,
    "uint8": 1,
    "uint16": 2,
    "int32": 4,
    "int64": 8,
    "float32": 4,
    "float64": 8,
}


@dataclass(frozen=True, slots=True)
class Fed:
    """An array that the caller hands in: an input or a column."""

    name: str


@dataclass(frozen=True, slots=True)
class Held:
    """The array of a parameter or state; an update may be computed right into it."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, written where it is used."""

    value: float


@dataclass(frozen=True, slots=True)
class Counter:
    """The number of the step, or of all steps, written where it is used."""

    which: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same in every step: computed once, in memory of its own."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the arena."""

    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class View:
    """Another node's memory, seen differently."""

    base: int


Storage = Fed | Held | Literal | Counter | Fixed | Slot | View


def bound(type: TensorType, n: int) -> tuple[int, ...]:
    """The shape for a batch of n."""
    return tuple(size_at(d, n) for d in type.shape)


def bound_attr(value: Attr, n: int) -> Attr:
    """The attribute with every size a number."""
    if isinstance(value, Extent):
        return value.at(n)
    return tuple(bound_attr(v, n) for v in value) if isinstance(value, tuple) else value


def bytes_of(type: TensorType, n: int) -> int:
    return prod(bound(type, n)) * ITEM_BYTES[type.dtype]


@dataclass(slots=True)
class Memory:
    """The storage found so far. A node without one is computed in each step and still needs a place.

    contiguous: the nodes that lie in memory as their shape says, without gaps.
    """

    storage: dict[int, Storage]
    contiguous: set[int]

    def root(self, id: int) -> int:
        """The node whose memory this one is."""
        while isinstance(storage := self.storage.get(id), View):
            id = storage.base
        return id

    def kind(self, id: int) -> Storage | None:
        """The storage that this node's memory has, views looked through."""
        return self.storage.get(self.root(id))


def assign(
    graph: Graph,
    operands: Mapping[int, tuple[int, ...]],
    users: Mapping[int, Collection[int]],
    kept: Collection[int],
    n: int,
) -> Memory:
    """Leaves, literals, views and what is computed once. operands: of the needed nodes, operands first."""
    memory = Memory({}, set())
    for id in operands:
        node = graph[id]
        # Only elementwise operations take a number for an array.
        as_number = id not in kept and all(REGISTRY[graph[u].op].kind == "elementwise" for u in users[id])
        if (found := _storage(node, operands[id], as_number, memory, n)) is not None:
            memory.storage[id] = found
        if not isinstance(found, View) or _is_contiguous(node, graph[found.base], memory, n):
            memory.contiguous.add(id)
    return memory


def _storage(
    node: Node, operands: tuple[int, ...], as_number: bool, memory: Memory, n: int
) -> Storage | None:
    match node.op:
        case "input" | "column":
            return Fed(node.name)
        case "param" | "state":
            return Held(node.name)
        case "constant" | "size":
            value = bound_attr(node.attr("value" if node.op == "constant" else "dim"), n)
            assert isinstance(value, float | int)
            return Literal(value) if as_number else Fixed()
        case "counter":
            return Counter(str(node.attr("which"))) if as_number else None
        case "reshape" if operands[0] not in memory.contiguous:
            return Fixed() if isinstance(memory.kind(operands[0]), Fixed) else None
        case _:
            pass
    op = REGISTRY[node.op]
    if op.view:
        return View(operands[0])
    repeatable = op.kind != "random" and op.workspace is None
    if repeatable and all(isinstance(memory.kind(operand), Literal | Fixed) for operand in operands):
        return Fixed()
    return None


def _is_contiguous(node: Node, base: Node, memory: Memory, n: int) -> bool:
    shape, whole = bound(node.type, n), bound(base.type, n)
    if base.id not in memory.contiguous:
        return False
    match node.op:
        case "transpose":
            axes = node.attr("axes")
            assert isinstance(axes, tuple)
            long = [axis for axis in axes if isinstance(axis, int) and whole[axis] != 1]
            return long == sorted(long)
        case "slice":
            first = next((i for i, d in enumerate(shape) if d != 1), len(shape))
            step = node.attr("step")
            assert isinstance(step, tuple)
            return shape[first + 1 :] == whole[first + 1 :] and all(s == 1 for s in step[first : first + 1])
        case "flip":
            axes = node.attr("axes")
            assert isinstance(axes, tuple)
            return all(shape[axis] == 1 for axis in axes if isinstance(axis, int))
        case _:
            return prod(shape) == prod(whole)
