"""When each kernel of a plan runs: groups as a whole, updates in place after readers of the old values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from ...storage import Held
from .groups import Groups
from .layout import Unsupported


class Order:
    """once, step: the operations that begin a kernel, each after what it reads; of a group its last one.

    displaced: what a plan has in a parameter's or state's memory and must not be there, because that is still
    read afterwards; late: the updates among them, which wait for the end of the step. By node, the name.
    """

    def __init__(self, groups: Groups) -> None:
        self._groups, self._reading = groups, groups.reading
        self._after: dict[int, set[int]] = defaultdict(set)  # by operation, those that wait for it
        self._keys = [
            id for id in self._reading.done if groups.of.get(id, id) == id and id not in groups.again
        ]
        for key in self._keys:
            for source, _ in groups.reads(key):
                self._after[self._of(source)].add(key)
        self.displaced = dict(self._updates())
        self.late = {id: name for id, name in self.displaced.items() if id in self._reading.updates}
        fixed = set(groups.plan.once)
        order = list(self._sorted())
        if len(order) != len(self._keys):
            raise Unsupported("kernels that wait for each other")
        self.once: Sequence[int] = [id for id in order if id in fixed]
        self.step: Sequence[int] = [id for id in order if id not in fixed]

    def _of(self, id: int) -> int:
        return self._groups.of.get(id, id)

    def _updates(self) -> Iterator[tuple[int, str]]:
        """Let updates in place wait for the readers of the old values; gives those that cannot."""
        readers: dict[int, list[tuple[int, bool]]] = defaultdict(list)
        for key in self._keys:
            for source, direct in self._groups.reads(key):
                readers[source].append((key, direct))
        leaves = {n.name: n.id for n in self._groups.plan.leaves("param", "state")}
        for id in self._reading.done:
            storage = self._groups.plan.storage[id]
            if not isinstance(storage, Held):
                continue
            writer = self._of(id)
            later = self._later(writer)
            leaf = leaves[storage.name]
            read = readers[leaf]
            # A nest may write the element that it has just read, but no result of a reduction.
            alone = not self._groups.is_end(id) and self._reading.elements(id) == self._reading.elements(leaf)
            if any(key in later or (key == writer and not (direct and alone)) for key, direct in read):
                yield id, storage.name
                continue
            for key, _ in read:
                if key != writer:
                    self._after[key].add(writer)

    def _later(self, key: int) -> set[int]:
        """What must come after an operation."""
        found: set[int] = set()
        pending = [key]
        while pending:
            for following in self._after.get(pending.pop(), ()):
                if following not in found:
                    found.add(following)
                    pending.append(following)
        return found

    def _sorted(self) -> Iterator[int]:
        """Topologically, otherwise as in the plan (Kahn 1962)."""
        place = self._reading.place
        begins = {key: place[self._groups.first(key)] for key in self._keys}
        missing = dict.fromkeys(self._keys, 0)
        for key in self._keys:
            for following in self._after.get(key, ()):
                missing[following] += 1
        ready = [(begins[key], key) for key in self._keys if not missing[key]]
        heapify(ready)
        while ready:
            _, key = heappop(ready)
            yield key
            for following in self._after.get(key, ()):
                missing[following] -= 1
                if not missing[following]:
                    heappush(ready, (begins[following], following))
