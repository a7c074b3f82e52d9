"""From a plan to kernels: which operations share one, where each value lies, what runs before what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...ir import DType, Node, TensorType
from ...storage import Counter, Fed, Literal
from .finish import Finish
from .layout import Axis, Factor, Layout, Unsupported
from .nest import Tensor
from .pointwise import End, Group, pointwise, reduction
from .text import item_bytes
from .values import Action, Fallback, Values, ints

Rule = Callable[["Selection", Node], None]
RULES: dict[str, Rule] = {}


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Register what makes the kernels of these operations."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(ops, function))
        return function

    return register


@dataclass
class Selection(Values):
    """The kernels of a plan, found in its order. Raises Unsupported for a graph that does not fit.

    winograd: results of a tile along an axis, at most, where a convolution is done that way (0, 2 or 4).
    results: by node, what is handed out.
    """

    winograd: int = 4
    results: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    finish: Finish | None = None  # what the sum of products at hand ends in

    def __post_init__(self) -> None:
        super().__post_init__()
        for once, order in ((True, self._order.once), (False, self._order.step)):
            self._fixed = once
            for id in order:
                self._select(id)
        self._finish()

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
            self._attempt(lambda: self._group(id), self.groups.members(id))
        elif node.op in RULES and self.groups.reading.fits(id):
            self._attempt(lambda: RULES[node.op](self, node), [id])
        else:
            self.fall_back(node)

    def _attempt(self, select: Callable[[], None], ids: Sequence[int]) -> None:
        """Kernels for some operations; where their layouts do not go together, NumPy for each."""
        before = self.mark()
        try:
            select()
        except Unsupported:
            self.undo(before)
            self.finish = None
            for id in ids:
                self.fall_back(self.graph[id])

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
    return set(ints(axes if isinstance(axes, tuple) else (axes,)))


__all__ = ["RULES", "Action", "Fallback", "Selection", "rule"]
