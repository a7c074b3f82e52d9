"""The order of the operations, and the updates that can be computed right into their parameter."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import get_args

from .diagnostics import InternalError
from .ir import Graph, Stage
from .ops.op import REGISTRY
from .storage import Held, View, assign

LEAVES = ("input", "column", "param", "state", "constant", "size", "counter")
_STAGES: tuple[Stage, ...] = get_args(Stage)


class Schedule:
    """What some results need, and what must come before what.

    operands: of every needed node; users: the needed nodes that read it, each once.
    """

    def __init__(self, graph: Graph, n: int, results: Iterable[int], updates: Mapping[str, int]) -> None:
        self.graph = graph
        self.kept = frozenset(results)
        self.operands = _in_order(graph, self.kept)
        self.users: dict[int, list[int]] = {id: [] for id in self.operands}
        for id, operands in self.operands.items():
            for operand in dict.fromkeys(operands):
                self.users[operand].append(id)
        self.leaves = {node.name: node.id for node in graph if node.op in ("param", "state")}
        self.memory = assign(graph, self.operands, self.users, self.kept, n)
        self._before: dict[int, list[int]] = {}  # what must be done first although no operand says so
        self._after: dict[int, list[int]] = {}
        for name, id in updates.items():
            self._hold(name, id)

    def order(self) -> Iterator[int]:
        """The needed nodes, stage by stage, each stage as the graph has it, each node after what it needs."""
        rank = {stage: i for i, stage in enumerate(_STAGES)}

        def turn(id: int) -> int:
            # What writes a parameter waits for its readers: earlier, it would draw them to itself.
            writes = isinstance(self.memory.storage.get(id), Held) and self.graph[id].op not in LEAVES
            return rank["update" if writes else self.graph[id].stage]

        roots = sorted(self.operands, key=turn)
        return _depth_first(roots, lambda id: (*self.operands[id], *self._before.get(id, ())))

    def _hold(self, name: str, update: int) -> None:
        """Let the update, and what is computed for it alone, be written over the parameter's old value."""
        if name not in self.leaves:
            raise InternalError(f"plan: the update of {name} has no parameter or state")
        leaf = self.leaves[name]
        readers = self._readers(leaf)
        target: int | None = update
        while target is not None and self._may_be_held(target, leaf, readers):
            self.memory.storage[target] = Held(name)
            for reader in readers:
                if reader != target:
                    self._before.setdefault(target, []).append(reader)
                    self._after.setdefault(reader, []).append(target)
            target = None if target in readers else self._sole_source(target)

    def _readers(self, leaf: int) -> list[int]:
        """The operations that read a node's memory, through views too."""
        found: dict[int, None] = {}
        queue = deque([leaf])
        while queue:
            for user in self.users.get(queue.popleft(), ()):
                if isinstance(self.memory.storage.get(user), View):
                    queue.append(user)
                else:
                    found[user] = None
        return list(found)

    def _may_be_held(self, id: int, leaf: int, readers: Collection[int]) -> bool:
        node = self.graph[id]
        if id in self.memory.storage or node.op in LEAVES or node.type != self.graph[leaf].type:
            return False
        for operand in self.operands[id]:
            reads = self.memory.root(operand) == leaf
            if reads and not (operand == leaf and REGISTRY[node.op].kind == "elementwise"):
                return False
        return not self._reaches(id, {reader for reader in readers if reader != id})

    def _reaches(self, start: int, targets: Collection[int]) -> bool:
        """Whether one of the targets can be done only after the start."""
        seen, queue = {start}, deque([start] if targets else [])
        while queue:
            id = queue.popleft()
            for follower in (*self.users[id], *self._after.get(id, ())):
                if follower in targets:
                    return True
                if follower not in seen:
                    seen.add(follower)
                    queue.append(follower)
        return False

    def _sole_source(self, id: int) -> int | None:
        """An operand that is computed for this operation alone, if it may be written over."""
        if REGISTRY[self.graph[id].op].kind != "elementwise":
            return None
        own = (o for o in self.operands[id] if self.users[o] == [id] and o not in self.kept)
        return next(own, None)


def _in_order(graph: Graph, results: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The operands of every node that the results need, operands first."""
    operands: dict[int, tuple[int, ...]] = {}

    def needs(id: int) -> tuple[int, ...]:
        operands[id] = graph.operands(id)
        return operands[id]

    needed = set(_depth_first(results, needs))
    return {node.id: operands[node.id] for node in graph if node.id in needed}


def _depth_first(roots: Iterable[int], needs: Callable[[int], Sequence[int]]) -> Iterator[int]:
    """The roots in their order, each after what it needs."""
    done: set[int] = set()
    for root in roots:
        stack = [(root, False)]
        while stack:
            id, ready = stack.pop()
            if ready:
                yield id
            elif id not in done:
                done.add(id)
                stack.append((id, True))
                stack.extend((need, False) for need in reversed(needs(id)) if need not in done)
