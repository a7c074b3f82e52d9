"""Where the buffers of a program's kernels lie, and which of them share memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...arena import Block, extent, place
from .nest import Buffer, Kernel, Tensor
from .select import Action, Selection


class Memory:
    """Offsets in the arena, whose buffers share memory where they are not alive together, and in the memory
    that is kept between steps.
    """

    def __init__(self, selection: Selection) -> None:
        actions = selection.once + selection.actions
        self._offsets = {
            "arena": _placed(actions, selection.results.values(), "arena"),
            "fixed": _placed(actions, (), "fixed"),
        }

    def bytes(self, where: str) -> int:
        return self._offsets[where][1]

    def offset(self, buffer: Buffer) -> int:
        return self._offsets[buffer.where][0][buffer.id]

    def conflict(self, a: Kernel, b: Kernel) -> bool:
        """Whether one writes what the other reads or writes."""
        if a.beside and a.beside == b.beside:
            return False
        pairs = ((a.writes, b.buffers), (a.reads, b.writes))
        return any(self._overlap(x, y) for xs, ys in pairs for x in xs for y in ys)

    def _overlap(self, a: Buffer, b: Buffer) -> bool:
        if a.where != b.where:
            return False
        if a.where not in self._offsets:
            return a.name == b.name
        return self.offset(a) < self.offset(b) + b.bytes and self.offset(b) < self.offset(a) + a.bytes


def _placed(
    actions: Sequence[Action], results: Collection[Tensor], where: str
) -> tuple[Mapping[int, int], int]:
    """Offsets of the buffers of one kind by their number, and the bytes of them all."""
    alive: dict[int, tuple[int, int]] = {}
    sizes: dict[int, int] = {}
    for time, action in enumerate(actions):
        for buffer in _buffers(action):
            if buffer.where == where:
                sizes[buffer.id] = buffer.bytes
                alive[buffer.id] = (alive.get(buffer.id, (time, time))[0], time)
    end = len(actions)
    for tensor in results:
        if tensor.buffer.where == where:
            alive[tensor.buffer.id] = (alive[tensor.buffer.id][0], end)
    if where == "fixed":
        alive = dict.fromkeys(alive, (0, end))
    blocks = [Block(sizes[id], birth, death) for id, (birth, death) in alive.items()]
    offsets = place(blocks)
    return dict(zip(alive, offsets, strict=True)), extent(blocks, offsets)


def _buffers(action: Action) -> Sequence[Buffer]:
    if isinstance(action, Kernel):
        return action.buffers
    return [t.buffer for t in (*action.operands, action.out)]
