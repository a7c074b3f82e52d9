"""From a plan to kernels: which operations share one, where each value lies, what runs before what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...ir import Attr, DType, N, Node, TensorType
from ...ops.op import REGISTRY
from ...plan import Plan
from ...storage import Counter, Fed, Held, Literal, bound_attr
from .copying import copy, feed, fill
from .finish import Finish
from .groups import Groups
from .isa import Isa
from .layout import Axis, Batch, Factor, Layout, Unsupported
from .nest import ELEMENTS, Buffer, Kernel, Tensor
from .order import Order
from .pointwise import End, Group, pointwise, reduction
from .text import item_bytes


@dataclass(frozen=True, slots=True)
class Fallback:
    """An operation that NumPy does between two kernels, from and to natural layouts."""

    node: Node
    operands: tuple[Tensor, ...]
    out: Tensor


_PANEL = 4  # vectors, as many as a tile of a contraction often has
Action = Kernel | Fallback
Rule = Callable[["Selection", Node], None]
RULES: dict[str, Rule] = {}


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Register what makes the kernels of these operations."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(ops, function))
        return function

    return register


@dataclass
class Selection:
    """The kernels of a plan, found in its order. Raises Unsupported for a graph that does not fit.

    winograd: results of a tile along an axis, at most, where a convolution is done that way (0, 2 or 4).
    once: those that are run when the program is loaded; actions: those of each step.
    """

    plan: Plan
    isa: Isa
    winograd: int = 4
    once: list[Action] = field(default_factory=list[Action])
    actions: list[Action] = field(default_factory=list[Action])
    results: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    def __post_init__(self) -> None:
        self.graph = self.plan.graph
        self.batch = Batch(self.plan.n, self.isa.lanes)
        self._tensors: dict[int, Tensor] = {}
        self._copies: dict[int, Tensor] = {}
        self._packed: dict[tuple[Buffer, Layout, int], Tensor] = {}
        self._buffers = 0
        self.finish: Finish | None = None  # what the sum of products at hand ends in
        self._fixed = False
        self.groups = Groups(self.plan)
        self._order = Order(self.groups)
        for once, order in ((True, self._order.once), (False, self._order.step)):
            self._fixed = once
            for id in order:
                self._select(id)
        self._finish()

    # what rules ask for

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

    def copy(self, source: Tensor, out: Tensor, about: str = "copy") -> None:
        """The same values elsewhere."""
        self.run(copy(source, out, self.batch, about))

    def fill(self, out: Tensor, value: float, about: str = "fill") -> None:
        """One number everywhere."""
        self.run(fill(out, value, self.isa.lanes, about))

    def packed(self, id: int, axis: int) -> Tensor:
        """A value in lanes with the places along an axis side by side, and zeros for the padding samples."""
        source, type = self.tensor(id), self.graph[id].type
        key = (source.buffer, source.layout, axis)
        if key not in self._packed:
            out = self.new(type, self.batch.layout(type, axis).panels(axis, _PANEL * self.isa.lanes))
            self.run(copy(source, out, self.batch, "rows of " + self.about(self.graph[id]), cleared=True))
            self._packed[key] = out
        return self._packed[key]

    def about(self, node: Node) -> str:
        """What a kernel is called where people see it."""
        scope = ".".join(s.instance for s in node.scope)
        said = f"{scope}.{node.name}" if scope and not node.name.startswith(scope) else node.name
        mark = "∂" if node.of >= 0 else ""
        return f"{mark}{node.op} {said.strip('.')}".strip()

    # the walk

    def _select(self, id: int) -> None:
        node = self.graph[id]
        storage = self.plan.storage[id]
        if isinstance(storage, Literal | Counter | Fed):
            return
        if node.op in ("constant", "size", "counter"):
            self._number(node)
            return
        if id in self.groups.of:
            self._group(id)
            return
        if node.op in RULES:
            RULES[node.op](self, node)
            return
        self.fall_back(node)

    def fall_back(self, node: Node) -> None:
        """Let NumPy compute an operation."""
        operands: list[Tensor] = []
        for o in self.graph.operands(node.id):
            source = self.tensor(o)
            natural = self.new(self.graph[o].type, self.batch.natural(self.graph[o].type))
            self.copy(source, natural)
            operands.append(natural)
        out = self.new(node.type, self.batch.natural(node.type))
        self.run(Fallback(node, tuple(operands), out))
        if self.batch.layout(node.type) == out.layout:
            self._tensors[node.id] = out
        else:
            self.copy(out, self.out(node))

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
        layout = self._seen(node, base.layout)
        if layout is None:  # the axes cannot be joined as the elements lie now
            if source not in self._copies:
                self._copies[source] = self.new(self.graph[source].type)
                self.copy(base, self._copies[source])
            base = self._copies[source]
            layout = self._seen(node, base.layout)
            if layout is None:
                raise Unsupported(f"reshape of {self.graph[source].type} to {node.type}")
        return base.seen(layout)

    def _seen(self, node: Node, layout: Layout) -> Layout | None:
        extents = self.batch.extents(node.type.shape)
        match node.op:
            case "reshape":
                return layout.reshaped(extents)
            case "transpose":
                return layout.transposed(_ints(node.attr("axes")))
            case "broadcast":
                return self.batch.broadcast(layout, node.type)
            case "slice":
                start, step = (_ints(self.attr(node, name)) for name in ("start", "step"))
                return layout.sliced(start, extents, step)
            case "flip":
                return layout.flipped(_ints(node.attr("axes")))
            case _:
                return layout

    # groups

    def _group(self, last: int) -> None:
        head = self.groups.heads.get(last)
        nodes = [self.graph[i] for i in self.groups.members(last) if i != head]
        ends = [node for node in nodes if self.groups.is_end(node.id)]
        members = [node for node in nodes if not self.groups.is_end(node.id)]
        ids = {m.id for m in members}
        numbers: dict[int, float] = {}
        inputs: dict[int, tuple[Tensor, Axis]] = {}
        keys: dict[tuple[int, Axis], int] = {}

        def operand(id: int, shape: TensorType) -> int:
            inside = self.groups.reading.through(id)
            if inside in ids or inside == head:
                return inside
            storage = self.plan.storage.get(id)
            if isinstance(storage, Literal):
                numbers[id] = storage.value
                return id
            tensor = self.tensor(id)
            axis = tensor.layout.broadcast(self.batch.extents(shape.shape)).flat
            key = keys.setdefault((inside, axis), -2 - len(keys))
            inputs[key] = (tensor, axis)
            return key

        read = {m.id: [operand(o, m.type) for o in self.graph.operands(m.id)] for m in members}
        outputs = {m.id: self.out(m) for m in members if self.groups.is_stored(m.id)}
        reduced = {end.id: self.graph[self.graph.operands(end.id)[0]] for end in ends}
        sources = {end.id: operand(reduced[end.id].id, reduced[end.id].type) for end in ends}
        if any(source in numbers for source in sources.values()):
            raise Unsupported("the reduction of a number")
        dtypes: dict[int, DType] = {id: self.graph[id].type.dtype for id in (*ids, *numbers)}
        dtypes |= {key: tensor.dtype for key, (tensor, _) in inputs.items()}
        if head is not None:
            dtypes[head] = self.graph[head].type.dtype
        group = Group(members, read, numbers, inputs, dtypes, outputs, self.about(nodes[-1]))
        if head is not None:
            self._headed(group, self.graph[head])
            return
        if not ends:
            self.run(pointwise(group, self.isa.lanes))
            return
        found = [
            End(end, sources[end.id], self.out(end), self._spread(end, reduced[end.id].type)) for end in ends
        ]
        shape = reduced[ends[0].id].type
        axes = _axes(ends[0])
        gone: Axis = tuple(Factor(e, int(a in axes)) for a, e in enumerate(self.batch.extents(shape.shape)))
        self.run(reduction(group, found, self.batch.layout(shape).flat, gone, self.batch))

    def _headed(self, group: Group, head: Node) -> None:
        """A group with the sum of products that it begins with: one kernel if it can be, otherwise two."""
        finish = Finish(group, head.id)
        target = finish.target.layout.reshaped(self.batch.extents(head.type.shape))
        if target is not None and finish.fits(target):
            self._tensors[head.id] = Tensor(finish.target.buffer, target, head.type.dtype)
            self.finish = finish
        RULES[head.op](self, head)
        if self.finish is None:
            sums = self.tensor(head.id)
            self.run(
                pointwise(
                    replace(group, inputs={**group.inputs, head.id: (sums, sums.layout.flat)}), self.isa.lanes
                )
            )
        self.finish = None

    def apart(self, out: Tensor) -> Tensor:
        """Memory of their own for sums that cannot be finished while they are in registers."""
        assert self.finish is not None
        layout = replace(out.layout, offset=0)
        made = Tensor(self.buffer(layout.elements * item_bytes(out.element)), layout, out.dtype)
        self._tensors[self.finish.head] = made
        self.finish = None
        return made

    def _spread(self, end: Node, shape: TensorType) -> Axis:
        """A reduction's place for each element of what is reduced."""
        reduced = _axes(end)
        axes = list(self.out(end).layout.axes)
        if end.attr("keep"):
            axes = [() if a in reduced else axis for a, axis in enumerate(axes)]
        else:
            kept = iter(axes)
            axes = [() if a in reduced else next(kept) for a in range(shape.rank)]
        return Layout(tuple(axes)).broadcast(self.batch.extents(shape.shape)).flat

    # the end

    def _finish(self) -> None:
        self._fixed = False
        leaves = {leaf.name: leaf for leaf in self.plan.leaves("param", "state")}
        for name, id in (*self.plan.assigns, *((name, id) for id, name in self._order.late.items())):
            value, leaf = self.tensor(id), leaves[name]
            spread = value.layout.broadcast(self.batch.extents(leaf.type.shape))
            self.copy(value.seen(spread), self._variable(name, leaf), f"{name} <-")
        for id in dict.fromkeys(self.plan.returns.values()):
            type = self.graph[id].type
            source = self.tensor(id)
            natural = self.batch.natural(type)
            if source.layout == natural and source.buffer.where == "arena":
                self.results[id] = source
            else:
                out = self.new(type, natural)
                self.copy(source, out, "result")
                self.results[id] = out


def _axes(end: Node) -> set[int]:
    """What a reduction is along."""
    axes = end.attr("axis")
    return set(_ints(axes if isinstance(axes, tuple) else (axes,)))


def _ints(value: Attr | Sequence[Attr]) -> tuple[int, ...]:
    assert isinstance(value, tuple)
    return tuple(v for v in value if isinstance(v, int))


__all__ = ["RULES", "Action", "Fallback", "Selection", "rule"]
