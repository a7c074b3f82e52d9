"""Which elementwise operations and reductions share a loop nest.

Memory is slower than arithmetic, so a group is as large as it can be: what one loop has read or computed
serves all that walk over the same elements. And a value that follows from one stored tensor by little
arithmetic is not stored itself: whoever reads it computes it again.
Source: Kennedy & McKinley 1993, "Maximizing loop parallelism and improving data locality via loop fusion".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from ...ir import Dim, Node, product, size_at
from ...plan import Plan
from ...storage import ITEM_BYTES, Fixed
from .layout import before_samples
from .reading import ENDS, Reading, Space
from .window import Window

_CHEAP = {
    "add", "sub", "mul", "neg", "abs", "square", "relu", "maximum", "minimum", "cast", "where", "not", "and",
    "or", "eq", "ne", "lt", "le", "gt", "ge",
}  # fmt: skip
_CHAIN = 6  # operations that are computed again, one after the other
_SMALL = 8  # so many times smaller than the rest, an operand costs nothing to read
_MEMBERS, _INPUTS = 40, 12  # of a group: more would not fit into the registers
_TASKS = 8  # results of a reduction that are enough to divide among threads
_SERIAL = 4096  # elements that are not worth dividing
_SEARCHED = 300  # operations between two that may share a nest, before the search is given up
_FINISHED = 16  # operations that a sum of products may end in: they are written out for each register
_NEIGHBOURS = 4  # groups that read the same, which are tried


@dataclass
class _Group:
    """members: without those that are computed again. reads: from outside, and whether element by element."""

    members: list[int]
    space: Space
    reads: set[tuple[int, bool]]
    ends: list[int] = field(default_factory=list[int])


class Groups:
    """of: by node, the last of its group. again: what every group that reads it computes for itself. heads:
    by the last of a group, the sum of products that it begins with, where it may be done in one with that.
    """

    def __init__(self, plan: Plan) -> None:
        self.reading = Reading(plan)
        self.graph, self.plan = plan.graph, plan
        self._spaces = {
            id: space for id in self.reading.done if (space := self.reading.space(id)) is not None
        }
        self.again = set(self._computed_again())
        self.of: dict[int, int] = {}
        for id in reversed(self.reading.done):
            if id in self._spaces and id not in self.again:
                self.of[id] = self._only_reader(id)
        self._groups: dict[int, _Group] = {}
        self._latest = dict(self.reading.place)  # by operation or group, the place of the last that it needs
        self._alone = {id: set(self._sources([id])) for id in self.reading.done if id not in self.again}
        self._users: dict[int, list[int]] = defaultdict(list)
        for id, sources in self._alone.items():
            for source, _ in sources:
                self._users[source].append(id)
        members: dict[int, list[int]] = defaultdict(list)
        for id in self.reading.done:
            if id in self.of:
                members[self.of[id]].append(id)
        for last, ids in members.items():
            self._groups[last] = self._group(ids)
        self._share()
        self._part()
        self.heads = dict(self._headed())
        for last, head in self.heads.items():
            self.of[head] = last
            self._groups[last] = self._group(sorted([head, *self._groups[last].members]))

    def members(self, last: int) -> Sequence[int]:
        """The operations of a group, operands first."""
        own = self._groups[last].members
        found = set(own)
        pending = list(own)
        while pending:
            for operand in self.graph.operands(pending.pop()):
                source = self.reading.through(operand)
                if source in self.again and source not in found:
                    found.add(source)
                    pending.append(source)
        return sorted(found, key=self.reading.place.__getitem__)

    def first(self, key: int) -> int:
        """The first operation of a group, in the plan's order."""
        return self._groups[key].members[0] if key in self._groups else key

    def is_end(self, id: int) -> bool:
        return self.graph[id].op in ENDS

    def is_stored(self, id: int) -> bool:
        """Whether an operation's value is needed outside of its group."""
        if id in self.again:
            return False
        readers = self._readers(id)
        return (
            id in self.reading.results or not readers or any(self.of.get(r) != self.of[id] for r in readers)
        )

    def reads(self, key: int) -> set[tuple[int, bool]]:
        """What a group, or an operation without one, reads from outside; and whether element by element."""
        return self._groups[key].reads if key in self._groups else self._alone.get(key, set())

    # what is computed again

    def _computed_again(self) -> Iterator[int]:
        chains: dict[int, int] = {}
        for id, space in self._spaces.items():
            node, readers = self.graph[id], self.reading.readers(id)
            if node.op not in _CHEAP or id in self.reading.results or space[2] or len(readers) < 2:
                continue
            if any(self._spaces.get(r) != space for r in readers):
                continue
            read = set(self.reading.sources(id))
            large = {s for s, _ in read if self.reading.elements(s) * _SMALL > self.reading.elements(id)}
            if len(large) != 1 or any(s in large and not direct for s, direct in read):
                continue
            (source,) = large
            stored = self.graph[source]
            if stored.op in ("param", "state") or self.reading.elements(source) != self.reading.elements(id):
                continue
            if ITEM_BYTES[stored.type.dtype] > ITEM_BYTES[node.type.dtype]:
                continue
            chain = chains.get(source, 0) + 1
            if chain <= _CHAIN:
                chains[id] = chain
                yield id

    def _readers(self, id: int) -> set[int]:
        """The operations that read a value, whoever computes something from it again included."""
        found: set[int] = set()
        for reader in self.reading.readers(id):
            found |= self._readers(reader) if reader in self.again else {reader}
        return found

    def _sources(self, ids: Sequence[int]) -> Iterator[tuple[int, bool]]:
        """What operations read; in place of what is computed again, what it is computed from."""
        for id in ids:
            for source, direct in self.reading.sources(id):
                if source in self.again:
                    yield from self._sources([source])
                else:
                    yield source, direct and id in self._spaces

    # what shares a nest

    def _only_reader(self, id: int) -> int:
        """The group that alone reads a value, over the same elements; otherwise the operation itself."""
        if self.is_end(id):
            return id
        groups = {self.of.get(r, -1) for r in self._readers(id)}
        last = next(iter(groups)) if len(groups) == 1 else -1
        return last if last >= 0 and self._spaces[last] == self._spaces[id] else id

    def _group(self, ids: Sequence[int]) -> _Group:
        own = set(ids)
        reads = {(s, direct) for s, direct in self._sources(ids) if s not in own}
        ends = [id for id in ids if self.is_end(id)]
        return _Group(list(ids), self._spaces[ids[-1]], reads, ends)

    def _share(self) -> None:
        """Let groups be one that walk over the same elements and have something to read in common."""
        neighbours: dict[tuple[int, Space], list[int]] = defaultdict(list)
        for key in list(self._groups):
            if key not in self._groups:  # it has become part of an earlier one
                continue
            last, space = key, self._groups[key].space
            shared = [
                s for s, direct in sorted(self._groups[key].reads) if direct and self._is_whole(s, space)
            ]
            others = [self.of[s] for s in shared if s in self.of]
            for source in shared:
                others += reversed(neighbours[source, space][-_NEIGHBOURS:])
            for other in dict.fromkeys(others):
                other = self.of[other]
                if other != last and self._may_share(other, last):
                    last = self._unite(other, last)
            for source in (*shared, key):
                neighbours[source, space].append(key)

    def _part(self) -> None:
        """Take from groups with reductions what a sum of products may end in, if it is stored anyway."""
        for last, group in list(self._groups.items()):
            if not group.ends:
                continue
            for source in self._products(last):
                ids = self._stored_of(source, group)
                rest = [id for id in group.members if id not in ids]
                between = {s for s, _ in self._sources(rest)} & ids
                if self._readers(source) <= ids and all(map(self.is_stored, between)):
                    del self._groups[last]
                    for part in (sorted(ids, key=self.reading.place.__getitem__), rest):
                        self.of |= dict.fromkeys(part, part[-1])
                        self._groups[part[-1]] = self._group(part)
                    break

    def _stored_of(self, source: int, group: _Group) -> set[int]:
        """What a group makes of a value and stores, with what it needs for that of its own."""
        follows, found = {source}, set[int]()
        for id in group.members:
            read = {s for s, _ in self._sources([id])}
            if not self.is_end(id) and read & follows:
                follows.add(id)
                if self.is_stored(id):
                    found.add(id)
        for id in reversed(group.members):
            if id in found:
                found |= {s for s, _ in self._sources([id])} & set(group.members)
        return found

    def _headed(self) -> Iterator[tuple[int, int]]:
        """The groups that a sum of products may end in."""
        for last, group in self._groups.items():
            source = None if group.ends else next(self._products(last), None)
            if source is not None:
                yield last, source

    def _products(self, last: int) -> Iterator[int]:
        """The sums of products that a group alone reads, element by element; the latest first."""
        group = self._groups[last]
        if len(self.members(last)) > _FINISHED:
            return
        for source, direct in sorted(group.reads, reverse=True):
            node = self.graph[source]
            products = self._may_end(node) and self.reading.fits(source)
            fixed = isinstance(self.plan.storage.get(source), Fixed)
            alone = {self.of.get(r) for r in self._readers(source)} == {last}
            whole = direct and self._is_whole(source, group.space) and fixed == group.space[2]
            whole = whole and before_samples(node.type) == group.space[1]
            if products and alone and whole and source not in self.reading.results:
                yield source

    def _may_end(self, node: Node) -> bool:
        """Whether an operation is a sum of products that may end in others.

        Gradients of small kernels may not: by minimal filtering they took as much longer as was saved, and
        layers of one shape would no longer share one kernel, which takes long to compile.
        """
        if node.op == "conv_input_gradient":
            _, by = self.graph.operands(node.id)
            return not Window.of(node).is_small(self.graph[by].type.shape[2:])
        return node.op in ("matmul", "einsum", "conv")

    def _is_whole(self, source: int, space: Space) -> bool:
        return size_at(space[0], self.plan.n) == self.reading.elements(source)

    def _unite(self, a: int, b: int) -> int:
        ids = sorted(
            self._groups.pop(a).members + self._groups.pop(b).members, key=self.reading.place.__getitem__
        )
        last = ids[-1]
        self.of |= dict.fromkeys(ids, last)
        self._groups[last] = self._group(ids)
        self._raise(last, max(self._latest[a], self._latest[b]))
        return last

    def _raise(self, key: int, latest: int) -> None:
        """Take down that a group needs what is so late in the plan, and whoever needs that group."""
        self._latest[key] = latest
        pending = [key]
        while pending:
            group = pending.pop()
            for id in self._groups[group].members if group in self._groups else [group]:
                for user in {self.of.get(u, u) for u in self._users[id]}:
                    if self._latest[user] < latest:
                        self._latest[user] = latest
                        pending.append(user)

    def _may_share(self, a: int, b: int) -> bool:
        first, second = self._groups[a], self._groups[b]
        if first.space != second.space or len(first.members) + len(second.members) > _MEMBERS:
            return False
        if len({s for s, _ in first.reads | second.reads}) > _INPUTS:
            return False
        if len({self._walk(end) for end in (*first.ends, *second.ends)}) > 1:
            return False
        for one, other in ((first, second), (second, first)):
            if any(s in other.members and (not direct or s in other.ends) for s, direct in one.reads):
                return False
        if size_at(first.space[0], self.plan.n) > _SERIAL and self._is_wide(first) != self._is_wide(second):
            return False
        return not self._depends(a, b) and not self._depends(b, a)

    def _is_wide(self, group: _Group) -> bool:
        """Whether threads can share the work."""
        return all(self.reading.elements(end) >= _TASKS for end in group.ends)

    def _walk(self, end: int) -> tuple[tuple[bool, Dim], ...]:
        """How a reduction walks: the sizes of the runs of axes that it is along, and of those between."""
        node = self.graph[end]
        shape = self.graph[self.graph.operands(end)[0]].type.shape
        gone = node.attr("axis")
        gone = gone if isinstance(gone, tuple) else (gone,)
        axes = [(axis in gone, size) for axis, size in enumerate(shape) if size != 1]
        return tuple((gone, product([s for _, s in run])) for gone, run in groupby(axes, key=itemgetter(0)))

    def _depends(self, key: int, on: int) -> bool:
        """Whether a group needs another's values by way of a third; also where that is hard to tell."""
        earliest = self.reading.place[self._groups[on].members[0]]
        pending = [self.of.get(s, s) for s, _ in self.reads(key)]
        seen = {key, on}
        while pending:
            group = pending.pop()
            if group in seen or self._latest.get(group, -1) < earliest:
                continue
            seen.add(group)
            if len(seen) > _SEARCHED:
                return True
            for source, _ in self.reads(group):
                found = self.of.get(source, source)
                if found == on:
                    return True
                pending.append(found)
        return False
