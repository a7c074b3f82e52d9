"""Python names for the values of a plan, taken from the user's names."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable

from ..ir import Stage
from ..plan import Plan
from ..storage import Fixed, Held, Slot, View

_TEMPORARY: dict[Stage, str] = {"data": "a", "forward": "t", "backward": "g", "update": "u"}
_SEEN_AS = {"transpose": "T", "reshape": "shaped", "broadcast": "wide", "slice": "part", "flip": "flipped"}


def identifier(name: str) -> str:
    """The nearest Python name: `logits.dense1.W` is logits_dense1_W, and `∂z` is d_z."""
    text = unicodedata.normalize("NFKC", name.replace("∂", "d_"))
    text = "".join(c if f"_{c}".isidentifier() else "_" for c in text)
    text = text if text[:1].isidentifier() else f"_{text}"
    return f"{text}_" if keyword.iskeyword(text) else text


class Names:
    """Names that are used once each; a second wish for the same name gets a number."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._used = set(reserved)
        self._numbers: dict[str, int] = {}

    def take(self, wish: str) -> str:
        name, number = identifier(wish), 1
        while name in self._used:
            number += 1
            name = f"{identifier(wish)}_{number}"
        self._used.add(name)
        return name

    def temporary(self, letter: str) -> str:
        """The letter with the next number that is free."""
        while True:
            self._numbers[letter] = self._numbers.get(letter, 0) + 1
            if (name := f"{letter}{self._numbers[letter]}") not in self._used:
                self._used.add(name)
                return name


def name_values(plan: Plan, reserved: Iterable[str]) -> dict[int, str]:
    """A name for every value that is more than a number in the text; what shares a name shares its memory.

    What the user named keeps that name. A value without one that is overwritten in place takes the name of
    what takes its place, since that is what becomes of it.
    """
    graph, names = plan.graph, Names(reserved)
    leaves = plan.leaves("input", "column", "param", "state")
    known = {leaf.id: names.take(leaf.name) for leaf in leaves}
    held = {leaf.name: known[leaf.id] for leaf in leaves if leaf.op in ("param", "state")}
    results = {
        id: f"∂{r.name}" if r.kind == "gradient" else r.name or r.kind for r, id in plan.returns.items()
    }
    done = (*plan.once, *plan.order)
    for id in done:
        if isinstance(storage := plan.storage[id], Held):
            known[id] = held[storage.name]
        elif wish := graph[id].name or results.get(id, ""):
            known[id] = names.take(wish)
    heirs = {id: heir for id, heir in inherited(plan).items() if graph[id].stage == graph[heir].stage}
    for id, heir in reversed(heirs.items()):
        if id not in known and heir in known:
            known[id] = known[heir]
    unnamed = {heir: id for id, heir in heirs.items() if id not in known}
    for id in done:
        if id not in known:
            node, storage = graph[id], plan.storage[id]
            if id in unnamed:
                known[id] = known[unnamed[id]]
            elif node.op == "stop_gradient" and isinstance(storage, View):
                known[id] = known[storage.base]
            elif isinstance(storage, View):
                known[id] = names.take(f"{known[storage.base]}_{_SEEN_AS[node.op]}")
            else:
                known[id] = names.temporary("c" if isinstance(storage, Fixed) else _TEMPORARY[node.stage])
    return known


def inherited(plan: Plan) -> dict[int, int]:
    """The values whose memory another result of the same shape takes over, in place, and that result."""
    heirs: dict[int, int] = {}
    for id in plan.order:
        storage = plan.storage[id]
        if isinstance(storage, Slot):
            for operand in plan.graph.operands(id):
                if plan.storage[operand] == storage and operand not in heirs:
                    heirs[operand] = id
    return heirs
