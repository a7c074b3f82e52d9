"""Joining layers without parameters to those that they follow: `conv1 + relu` is one box."""

from __future__ import annotations

from dataclasses import replace

from ..ops.op import REGISTRY
from .flow import Flow
from .fold import Folded, Key, Unit
from .formula import TRANSPARENT

_ACTIVATION = frozenset({"elementwise"})
_PLAIN = frozenset({"elementwise", "window", "movement", "reduction", "random"})


def join_activations(folded: Folded, plain: bool = False) -> Folded:
    """The same with each activation in the unit before it, where nothing else reads what that gives.

    plain: so is any other layer without parameters, such as pooling and flattening.
    """
    flow = Flow(folded)
    kinds = _PLAIN if plain else _ACTIVATION
    joined: dict[int, Unit] = {}
    for i, unit in enumerate(folded.units):
        before = _followed(flow, i, kinds)
        if before is None:
            joined[i] = unit
        elif plain or not joined[before].joined:
            first = joined.pop(before)
            key = Key("joined", unit.region, None, (unit.nodes[-1],))
            twins = first.twins | unit.twins
            joined[i] = Unit(key, [*first.nodes, *unit.nodes], twins, (*first.parts, unit))
        else:
            joined[i] = unit
    units = [joined[i] for i in sorted(joined)]
    unit_of = {twin: unit for unit in units for twin in unit.twins}
    return replace(folded, units=units, unit_of=unit_of)


def _followed(flow: Flow, i: int, kinds: frozenset[str]) -> int | None:
    """The unit that a unit without parameters follows: the only one that it reads, and its only reader."""
    unit, reads = flow.units[i], flow.reads[i]
    before = flow.place.get(reads[0]) if len(reads) == 1 else None
    if before is None or before >= i or unit.is_loss or not _kinds(flow, unit) <= kinds:
        return None
    first = flow.units[before]
    alone = flow.readers(reads[0]) == [i] and len(flow.outputs(before)) == 1
    once = all(u.call is None or flow.folded.regions[u.call].turns == 1 for u in (first, unit))
    same = first.region == unit.region and not first.is_loss and first.key.kind != "grad"
    return before if alone and once and same else None


def _kinds(flow: Flow, unit: Unit) -> set[str]:
    nodes = [flow.graph[id] for id in unit.nodes if flow.graph[id].op not in TRANSPARENT]
    return {REGISTRY[node.op].kind for node in nodes} or {"movement"}
