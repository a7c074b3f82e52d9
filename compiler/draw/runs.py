"""Folding what repeats without a repeat: the same few layers, written out again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..ir import Graph
from .fold import Folded, Unit
from .places import Path, Region

_LONGEST = 6  # units that may make up what repeats
_FEWEST = 3  # times that it must


def fold_runs(folded: Folded) -> Folded:
    """The same with each run of like units folded into its first turn, in a cluster of its own."""
    signs = [_sign(folded.graph, unit) for unit in folded.units]
    units: list[Unit] = []
    regions = dict(folded.regions)
    i = 0
    while i < len(signs):
        length, times = _run(signs, i)
        if times < _FEWEST:
            units.append(folded.units[i])
            i += 1
            continue
        path: Path = (*folded.units[i].region, f"run {i}")
        regions[path] = Region(path, "run", times)
        for k in range(length):
            turns = folded.units[i + k : i + length * times : length]
            units.append(_merged(turns, path))
        i += length * times
    unit_of = {twin: unit for unit in units for twin in unit.twins}
    canonical = {twin: drawn for unit in units for twin, drawn in unit.twins.items()}
    return replace(folded, units=units, unit_of=unit_of, canonical=canonical, regions=regions)


def _sign(graph: Graph, unit: Unit) -> object:
    """What two units have in common that do the same: operations, types and attributes."""
    if unit.is_loss or any(graph[id].name and not graph[id].scope for id in unit.nodes):
        return unit.nodes[0]  # what the file names stands by itself
    operations = tuple((graph[id].op, graph[id].type, graph[id].attrs) for id in unit.nodes)
    inputs = tuple(tuple(graph[o].type for o in graph.operands(id)) for id in unit.nodes)
    return unit.region, operations, inputs


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
