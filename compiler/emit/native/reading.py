"""Who reads whose value in a plan, seen through what only looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from ...ir import Dim, product
from ...ops.op import REGISTRY
from ...plan import Plan
from ...storage import Fixed, Literal
from .layout import before_samples, fits
from .scalar import UNARY

ENDS = ("sum", "max", "min", "prod", "any", "all")  # reductions that a loop may end in
_BINARY = {
    "add", "sub", "mul", "div", "pow", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "and", "or",
    "where", "not", "cast",
}  # fmt: skip
_SAME_ORDER = ("reshape", "stop_gradient")
Space = tuple[Dim, Dim, bool]  # the elements, those before the batch axis, whether it is computed once


class Reading:
    """done: the operations of a plan in its order, those of once first; place: by node, where in it."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.graph = plan, plan.graph
        self.done = [id for id in (*plan.once, *plan.order) if not self.is_view(id)]
        self.place = {id: i for i, id in enumerate(self.done)}
        self._users: dict[int, list[int]] = {}
        for id in (*plan.once, *plan.order):
            for o in self.graph.operands(id):
                self._users.setdefault(o, []).append(id)
        self.updates = {id for result, id in self.graph.results.items() if result.kind == "update"}
        self.results = {*plan.returns.values(), *self.updates}

    def is_view(self, id: int) -> bool:
        """Whether an operation only looks at its operand."""
        return REGISTRY[self.graph[id].op].view and bool(self.graph.operands(id))

    def is_literal(self, id: int) -> bool:
        return isinstance(self.plan.storage.get(id), Literal)

    def through(self, id: int) -> int:
        """The value that an operand is, seen through reshapes: the elements keep their order."""
        while self.graph[id].op in _SAME_ORDER:
            (id,) = self.graph.operands(id)
        return id

    def sources(self, id: int) -> Iterator[tuple[int, bool]]:
        """What an operation reads, views followed, and whether elements keep their order on the way."""
        for operand in self.graph.operands(id):
            source = self.through(operand)
            direct = not self.is_view(source)
            while self.is_view(source):
                source = self.graph.operands(source)[0]
            if not self.is_literal(source):
                yield source, direct

    def readers(self, id: int) -> set[int]:
        """What reads a value, or a reshape of it; -1 stands for views, and for a reshape that is a result."""
        found: set[int] = set()
        for user in self._users.get(id, ()):
            if self.graph[user].op in _SAME_ORDER:
                found |= self.readers(user)
                if user in self.results:
                    found.add(-1)
            else:
                found.add(-1 if self.is_view(user) else user)
        return found

    def fits(self, id: int) -> bool:
        """Whether an operation's result and operands have layouts that kernels work with."""
        return all(fits(self.graph[i].type) for i in (id, *self.graph.operands(id)))

    def elements(self, id: int) -> int:
        return prod(self.plan.shape(id))

    def space(self, id: int) -> Space | None:
        """What a loop over an operation's elements walks over, None where it is not such a loop."""
        node = self.graph[id]
        if not self.fits(id):
            return None
        if node.op in ENDS:
            type = self.graph[self.graph.operands(id)[0]].type
        elif self._is_elementwise(id):
            type = node.type
        else:
            return None
        return product(type.shape), before_samples(type), isinstance(self.plan.storage.get(id), Fixed)

    def _is_elementwise(self, id: int) -> bool:
        node = self.graph[id]
        if REGISTRY[node.op].kind != "elementwise" or node.op not in _BINARY | set(UNARY):
            return False
        integers = any(not self.graph[o].type.is_float for o in self.graph.operands(id))
        return not (integers and node.op in ("pow", "div"))
