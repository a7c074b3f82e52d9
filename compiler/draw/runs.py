"""Folding what repeats without a repeat: the same few layers, written out again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ir import Graph
from .fold import Folded, Unit
from .places import Path, Region

RUN, UNLIKE = "run", "run of unlike sizes"  # the layers that such regions stand for
_LONGEST = 6  # units that may make up what repeats
_FEWEST = 3  # times that it must


def fold_runs(folded: Folded, alike: bool = True) -> Folded:
    """The same with each run of like units folded into its first turn, in a cluster of its own.

    alike: the sizes must be the same too, and nothing in it be named by the file; otherwise the cluster shows
    the sizes of the first turn, and says so.
    """
    trained = _trained(folded.graph)
    signs = [_sign(folded.graph, unit, trained, alike) for unit in folded.units]
    owners = [any(folded.graph[o].op == "param" for o in _operands(folded.graph, u)) for u in folded.units]
    units: list[Unit] = []
    regions = dict(folded.regions)
    i = 0
    while i < len(signs):
        length, times = _run(signs, i)
        late = any(owners[i : i + length]) and not owners[i]  # a turn begins with its parameters
        if times < _FEWEST or late:
            units.append(folded.units[i])
            i += 1
            continue
        path: Path = (*folded.units[i].region, f"run {i}")
        regions[path] = Region(path, RUN if alike else UNLIKE, times)
        for k in range(length):
            turns = folded.units[i + k : i + length * times : length]
            units.append(_merged(turns, path))
        i += length * times
    unit_of = {twin: unit for unit in units for twin in unit.twins}
    canonical = {twin: drawn for unit in units for twin, drawn in unit.twins.items()}
    return replace(folded, units=units, unit_of=unit_of, canonical=canonical, regions=regions)


def _sign(graph: Graph, unit: Unit, trained: set[int], alike: bool) -> object:
    """What two units that do the same have in common: operations, attributes, whether gradients go on."""
    named = alike and any(graph[id].name and not graph[id].scope for id in unit.nodes)
    if unit.is_loss or named:
        return unit.nodes[0]
    goes_on = any(o in trained and graph[o].op != "param" for o in _operands(graph, unit))
    if not alike:
        return unit.region, tuple(graph[id].op for id in unit.nodes), goes_on
    operations = tuple((graph[id].op, graph[id].type, graph[id].attrs) for id in unit.nodes)
    inputs = tuple(tuple(graph[o].type for o in graph.operands(id)) for id in unit.nodes)
    return unit.region, operations, inputs, goes_on


def _operands(graph: Graph, unit: Unit) -> set[int]:
    return {o for id in unit.nodes for o in graph.operands(id)}.difference(unit.nodes)


def _trained(graph: Graph) -> set[int]:
    """The nodes that some parameter goes into."""
    found: set[int] = set()
    for node in graph:
        if node.op == "param" or any(o in found for o in graph.operands(node.id)):
            found.add(node.id)
    return found


def _run(signs: Sequence[object], start: int) -> tuple[int, int]:
    """The shortest unit of repetition from here that covers most, and how often it comes."""
    best = (1, 1)
    for length in range(1, _LONGEST + 1):
        times = 1
        first = signs[start : start + length]
        while signs[start + length * times : start + length * (times + 1)] == first:
            times += 1
        if times >= _FEWEST and length * times > best[0] * best[1]:
            best = (length, times)
    return best


def _merged(turns: Sequence[Unit], region: Path) -> Unit:
    first = turns[0]
    twins: dict[int, int] = {}
    for turn in turns:
        same = dict(zip(turn.nodes, first.nodes, strict=True))
        twins |= {twin: same[drawn] for twin, drawn in turn.twins.items()}
    return Unit(replace(first.key, region=region), first.nodes, twins)
