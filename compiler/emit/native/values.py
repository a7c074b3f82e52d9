"""Where the values of a plan lie: in memory that a kernel writes, or in another's as a view shows it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ...ir import Attr, N, Node, TensorType
from ...ops.op import REGISTRY
from ...plan import Plan
from ...storage import Held, bound_attr
from .copying import copy, feed, fill
from .groups import Groups
from .isa import Isa
from .layout import Batch, Layout, Unsupported, before_samples, fits
from .nest import ELEMENTS, Buffer, Kernel, Tensor
from .order import Order
from .text import item_bytes

_PANEL = 4  # vectors, as many as a tile of a contraction often has


@dataclass(frozen=True, slots=True)
class Fallback:
    """An operation that NumPy does between two kernels, from and to natural layouts."""

    node: Node
    operands: tuple[Tensor, ...]
    out: Tensor


Action = Kernel | Fallback
_Made = tuple[Buffer, Layout, Hashable]  # of which memory, as it lies, and how


class Mark(NamedTuple):
    """The state of Values at some time."""

    tensors: dict[int, Tensor]
    shared: dict[_Made, Tensor]
    once: int
    actions: int


@dataclass
class Values:
    """The tensors of a plan's nodes, with the kernels that bring and copy them.

    once: what is run when the program is loaded; actions: what is run in each step.
    """

    plan: Plan
    isa: Isa
    once: list[Action] = field(default_factory=list[Action])
    actions: list[Action] = field(default_factory=list[Action])

    def __post_init__(self) -> None:
        self.graph = self.plan.graph
        self.batch = Batch(self.plan.n, self.isa.lanes)
        self.groups = Groups(self.plan)
        self._order = Order(self.groups)
        self._tensors: dict[int, Tensor] = {}
        self._shared: dict[_Made, Tensor] = {}
        self._written: dict[Hashable, Kernel] = {}
        self._buffers = 0
        self._fixed = False  # whether it is found what is run once

    def tensor(self, id: int) -> Tensor:
        """Where a node's value lies; views are followed."""
        if id not in self._tensors:
            self._tensors[id] = self._leaf_or_view(id)
        return self._tensors[id]

    def operands(self, node: Node) -> list[Tensor]:
        return [self.tensor(o) for o in self.graph.operands(node.id)]

    def attr(self, node: Node, name: str) -> Attr:
        """An attribute, sizes as numbers: those of the padded batch, as memory has it."""
        return bound_attr(node.attr(name), self.batch.padded)

    def new(self, type: TensorType, layout: Layout | None = None) -> Tensor:
        """Memory for a value, in the layout that its type has unless another is given."""
        layout = layout or self.batch.layout(type)
        size = max(layout.elements, 1) * item_bytes(ELEMENTS[type.dtype])
        return Tensor(self.buffer(size), layout, type.dtype)

    def buffer(self, size: int) -> Buffer:
        self._buffers += 1
        return Buffer(self._buffers, "fixed" if self._fixed else "arena", size)

    def out(self, node: Node) -> Tensor:
        """The memory that a node's value is to be written to."""
        if node.id not in self._tensors:
            storage = self.plan.storage[node.id]
            if isinstance(storage, Held) and node.id not in self._order.displaced:
                self._tensors[node.id] = self._variable(storage.name, node)
            else:
                self._tensors[node.id] = self.new(node.type)
        return self._tensors[node.id]

    def run(self, *actions: Action) -> None:
        (self.once if self._fixed else self.actions).extend(actions)
        kernels = (action for action in actions if isinstance(action, Kernel))
        changed = {b for kernel in kernels for b in kernel.writes if b.where == "variable"}
        if changed:  # what was made of the old values
            self._shared = {key: made for key, made in self._shared.items() if key[0] not in changed}

    def written(
        self, form: Hashable, tensors: Sequence[Tensor], about: str, write: Callable[[], Kernel]
    ) -> Kernel:
        """A kernel over these tensors. Of one form it is written once, and then given other memory.

        form: all that it depends on besides the layouts and dtypes of the tensors.
        """
        key = form, tuple((t.layout, t.dtype) for t in tensors)
        if key not in self._written:
            self._written[key] = write()
        return replace(self._written[key], buffers=tuple(t.buffer for t in tensors), about=about)

    def copy(self, source: Tensor, out: Tensor, about: str = "copy") -> None:
        """The same values elsewhere."""
        self.run(copy(source, out, self.batch, about))

    def fill(self, out: Tensor, value: float, about: str = "fill") -> None:
        """One number everywhere."""
        self.run(fill(out, value, self.isa.lanes, about))

    def shared(self, source: Tensor, how: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """What is made of a tensor once for all kernels that read it."""
        key = source.buffer, source.layout, how
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def packed(self, id: int, axis: int) -> Tensor:
        """A value in lanes with the places along an axis side by side, and zeros for the padding samples."""
        source, type = self.tensor(id), self.graph[id].type

        def make() -> Tensor:
            out = self.new(type, self.batch.layout(type, axis).panels(axis, _PANEL * self.isa.lanes))
            self.run(copy(source, out, self.batch, "rows of " + self.about(self.graph[id]), cleared=True))
            return out

        return self.shared(source, axis, make)

    def plain(self, id: int) -> Tensor:
        """A copy of a value in the layout that its type has."""
        source = self.tensor(id)

        def make() -> Tensor:
            out = self.new(self.graph[id].type)
            self.copy(source, out)
            return out

        return self.shared(source, None, make)

    def filled(self, type: TensorType, value: float, about: str) -> Tensor:
        """Memory of its own, kept between steps, that is filled with a number when the program is loaded."""
        size = self.batch.layout(type).elements * item_bytes(ELEMENTS[type.dtype])
        self._buffers += 1
        out = Tensor(Buffer(self._buffers, "fixed", size), self.batch.layout(type), type.dtype)
        self.once.append(fill(out, value, self.isa.lanes, about))
        return out

    def about(self, node: Node) -> str:
        """What a kernel is called where people see it."""
        scope = ".".join(s.instance for s in node.scope)
        said = f"{scope}.{node.name}" if scope and not node.name.startswith(scope) else node.name
        mark = "∂" if node.of >= 0 else ""
        return f"{mark}{node.op} {said.strip('.')}".strip()

    # what NumPy does

    def mark(self) -> Mark:
        """What is known now, for `undo`."""
        return Mark(dict(self._tensors), dict(self._shared), len(self.once), len(self.actions))

    def undo(self, mark: Mark) -> None:
        """Forget what was found since then."""
        self._tensors, self._shared = mark.tensors, mark.shared
        del self.once[mark.once :], self.actions[mark.actions :]

    def fall_back(self, node: Node) -> None:
        """Let NumPy compute an operation, or copy what a view shows."""
        operands = tuple(self._natural(o) for o in self.graph.operands(node.id))
        out = self.new(node.type, self.batch.natural(node.type))
        self.run(Fallback(node, operands, out))
        in_place = isinstance(self.plan.storage.get(node.id), Held) and node.id not in self._order.displaced
        if not fits(node.type) or (self.batch.layout(node.type) == out.layout and not in_place):
            self._tensors[node.id] = out
        else:
            self.copy(out, self.out(node))

    def _natural(self, id: int) -> Tensor:
        """A value as NumPy has it."""
        source, type = self.tensor(id), self.graph[id].type
        layout = self.batch.natural(type)
        if source.layout == layout and source.buffer.where in ("arena", "fixed"):
            return source
        natural = self.new(type, layout)
        self.copy(source, natural)
        return natural

    # leaves and views

    def _number(self, node: Node) -> None:
        """A constant, size or counter in memory, for kernels that are no loops over elements."""
        if node.op == "counter":
            self.copy(self._word(node), self.out(node))
            return
        value = bound_attr(node.attr("value" if node.op == "constant" else "dim"), self.plan.n)
        assert isinstance(value, int | float)
        self.fill(self.out(node), float(value))

    def _word(self, node: Node) -> Tensor:
        name = str(node.attr("which"))
        dtype = node.type.dtype
        return Tensor(Buffer(-1, "word", 8, f"{name}:{dtype}"), Layout(()), dtype)

    def _leaf_or_view(self, id: int) -> Tensor:
        node = self.graph[id]
        if node.op in ("param", "state"):
            return self._variable(node.name, node)
        if node.op in ("input", "column"):
            return self._fed(node)
        if node.op == "counter":
            return self._word(node)
        if REGISTRY[node.op].view and node.op not in ("constant", "size"):
            return self._view(node)
        if node.op in ("constant", "size"):
            self._number(node)
            return self._tensors[id]
        raise Unsupported(f"{node.op} before it is computed")

    def _variable(self, name: str, node: Node) -> Tensor:
        layout = self.batch.layout(node.type)
        if layout.in_lanes:
            raise Unsupported("a parameter with the batch axis")
        return Tensor(Buffer(0, "variable", 0, name), layout, node.type.dtype)

    def _fed(self, node: Node) -> Tensor:
        if node.type.shape[:1] != (N,):
            raise Unsupported("a fed array without samples")
        layout = self.batch.layout(node.type)
        if not layout.in_lanes:
            return Tensor(Buffer(0, "fed", 0, node.name), layout, node.type.dtype)
        out = self.new(node.type)
        self.run(feed(node.name, out, self.batch))
        return out

    def _view(self, node: Node) -> Tensor:
        (source,) = self.graph.operands(node.id)[:1]
        base = self.tensor(source)
        if node.op == "stop_gradient":
            return base
        layout = self._seen(node, base.layout)
        if layout is not None:
            return base.seen(layout)
        type = self.graph[source].type
        layout = self._seen(node, self.batch.layout(type)) if fits(type) else None
        if layout is None:
            self.fall_back(node)
            return self._tensors[node.id]
        return self.plain(source).seen(layout)

    def _seen(self, node: Node, layout: Layout) -> Layout | None:
        """How a view shows what lies so; None where no layout says it."""
        if not self.groups.reading.fits(node.id):
            return None
        extents = self.batch.extents(node.type.shape)
        try:
            match node.op:
                case "reshape":
                    (source,) = self.graph.operands(node.id)
                    stays = before_samples(self.graph[source].type) == before_samples(node.type)
                    return layout.reshaped(extents) if stays else None
                case "transpose":
                    return layout.transposed(ints(node.attr("axes")))
                case "broadcast":
                    return self.batch.broadcast(layout, node.type)
                case "slice":
                    start, step = (ints(self.attr(node, name)) for name in ("start", "step"))
                    return layout.sliced(start, extents, step)
                case "flip":
                    return layout.flipped(ints(node.attr("axes")))
                case _:
                    return layout
        except Unsupported:
            return None


def ints(value: Attr | Sequence[Attr]) -> tuple[int, ...]:
    assert isinstance(value, tuple)
    return tuple(v for v in value if isinstance(v, int))
