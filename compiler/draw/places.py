"""Where each operation stands: its scopes as they are drawn, all turns of a repeat as one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..ir import Graph, Scope

TURNS = frozenset({"repeat", "scan"})  # scopes that are statements, not layers

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A scope as it is drawn: its layer's name, and how many turns stand for it."""

    path: Path
    layer: str
    turns: int


@dataclass(slots=True)
class Places:
    """For each node its path and its turn in each scope of it; and the regions by path."""

    paths: dict[int, Path] = field(default_factory=dict[int, Path])
    turns: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])
    regions: dict[Path, Region] = field(default_factory=dict[Path, Region])


def places(graph: Graph, expand: bool) -> Places:
    """The places of all nodes. expand: each turn is a region by itself."""
    found = Places()
    for node in graph:
        path: Path = ()
        turns: tuple[int, ...] = ()
        for scope in node.scope:
            path += (_instance(scope, expand),)
            turns += (0 if expand else scope.repeat,)
            known = found.regions.get(path)
            most = max(known.turns if known else 1, 1 if expand else scope.repeat)
            found.regions[path] = Region(path, scope.layer, most)
        found.paths[node.id], found.turns[node.id] = path, turns
    return found


def _instance(scope: Scope, expand: bool) -> str:
    """The name under which a scope is drawn: in a repeat that of its first turn."""
    if not scope.repeat:
        return scope.instance
    if scope.layer in TURNS:
        return f"{scope.instance}.{scope.repeat}" if expand else scope.instance
    numbered = re.fullmatch(r"(.*?)(\d+)", scope.instance)
    if expand or numbered is None:
        return scope.instance
    # Layers are numbered on through a repeat: block5 is turn 2 of the repeat whose first is block4.
    return f"{numbered[1]}{int(numbered[2]) - scope.repeat + 1}"
