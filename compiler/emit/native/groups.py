"""Which elementwise operations share a loop nest.

As the pass `fuse` has it, but a reshape between two operations does not part them: the elements keep their
order. And what a plan computes right into a parameter is checked once more, since an operation that shares a
kernel is done where the kernel is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...ir import Dim, Graph, Node, product
from ...ops.op import REGISTRY
from ...plan import Plan
from ...storage import Fixed, Held
from .scalar import UNARY

_ENDS = ("sum", "max", "min", "prod", "any", "all")
_BINARY = {
    "add", "sub", "mul", "div", "pow", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "and", "or",
    "where", "not", "cast",
}  # fmt: skip


class Groups:
    """of: by node, the last of its group. displaced: what a plan has in a parameter's memory and must
    not be there, because the parameter is still read; late: the updates among them, which wait for the end of
    the step, with the parameter's or state's name.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.graph = plan, plan.graph
        self.of: dict[int, int] = {}
        done = [*plan.once, *plan.order]
        self._place = {id: i for i, id in enumerate(done)}
        needed = set(done)
        self._users: dict[int, list[int]] = {}
        for id in done:
            for o in self.graph.operands(id):
                self._users.setdefault(o, []).append(id)
        updates = {id for result, id in self.graph.results.items() if result.kind == "update"}
        self._results = {*plan.returns.values(), *updates}
        for id in reversed(done):
            node = self.graph[id]
            space = self._space(node)
            if space is None:
                continue
            readers = self._readers(id)
            last = next(iter(readers)) if len(readers) == 1 else -1
            joins = last >= 0 and node.op not in _ENDS and self._space(self.graph[last]) == space
            joins = joins and self._is_fixed(id) == self._is_fixed(last) and id in needed
            self.of[id] = last if joins else id
        self._members: dict[int, list[int]] = {}
        for id in done:
            if id in self.of:
                self._members.setdefault(self.of[id], []).append(id)
        self.displaced = dict(self._hazards())
        self.late = {id: name for id, name in self.displaced.items() if id in updates}

    def last(self, id: int) -> int:
        return self.of[id]

    def members(self, last: int) -> Sequence[int]:
        """The operations of a group, operands first."""
        return self._members[last]

    def is_end(self, id: int) -> bool:
        return self.graph[id].op in _ENDS

    def is_stored(self, id: int) -> bool:
        """Whether an operation's value is needed outside of its group."""
        return id in self._results or self.of[id] == id or any(g != self.of[id] for g in self._readers(id))

    def through(self, id: int) -> int:
        """The value that an operand is, seen through reshapes."""
        while self.graph[id].op in ("reshape", "stop_gradient"):
            (id,) = self.graph.operands(id)
        return id

    def _is_fixed(self, id: int) -> bool:
        return isinstance(self.plan.storage.get(id), Fixed)

    def _space(self, node: Node) -> Dim | None:
        """How many elements a loop over the operation has, None where it is not such a loop."""
        graph = self.graph
        if node.op in _ENDS:
            return product(graph[graph.operands(node.id)[0]].type.shape)
        return node.type.elements if _is_elementwise(graph, node) else None

    def _readers(self, id: int) -> set[int]:
        """The groups that read a value, -1 for what has none."""
        found: set[int] = set()
        for user in self._users.get(id, ()):
            node = self.graph[user]
            if node.op in ("reshape", "stop_gradient"):
                found |= self._readers(user)
                if user in self._results:
                    found.add(-1)
            elif REGISTRY[node.op].view:
                found.add(-1)
            else:
                found.add(self.of.get(user, -1))
        return found

    def _time(self, id: int) -> int:
        """When an operation is done."""
        return self._place[self.of.get(id, id)]

    def _hazards(self) -> Iterator[tuple[int, str]]:
        """Updates in place whose parameter would still be read afterwards."""
        leaves = {n.name: n.id for n in self.plan.leaves("param", "state")}
        for id in self.plan.order:
            storage = self.plan.storage[id]
            if not isinstance(storage, Held) or self.graph[id].op in ("param", "state"):
                continue
            if REGISTRY[self.graph[id].op].view:
                continue
            if self._read_late(leaves[storage.name], id):
                yield id, storage.name

    def _read_late(self, leaf: int, writer: int) -> bool:
        pending = [(leaf, True)]
        while pending:
            seen, direct = pending.pop()
            for user in self._users.get(seen, ()):
                if REGISTRY[self.graph[user].op].view:
                    same = self.graph[user].op in ("reshape", "stop_gradient")
                    pending.append((user, direct and same))
                elif self._time(user) > self._time(writer) or (
                    self._time(user) == self._time(writer) and not direct
                ):
                    return True
        return False


def _is_elementwise(graph: Graph, node: Node) -> bool:
    if REGISTRY[node.op].kind != "elementwise":
        return False
    if node.op not in _BINARY and node.op not in UNARY:
        return False
    integers = any(not graph[o].type.is_float for o in graph.operands(node.id))
    return not (integers and node.op in ("pow", "div"))
