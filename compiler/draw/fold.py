"""Folding a forward graph into units: a layer call, a statement or a single operation is one box each.

A unit is found by its key, which leaves out the turn of a repeat: `3 * block` gives each unit three times,
and it is drawn once. Operations that depend on no tensor (constants, sizes, masks) belong to no unit; they
are written into the formulas that use them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from ..diagnostics import Span
from ..ir import Graph, Node
from ..library import names
from ..ops.op import REGISTRY
from .formula import TRANSPARENT
from .part import LEAVES, Part
from .places import TURNS, Path, Places, Region, places


@dataclass(frozen=True, slots=True)
class Key:
    """What tells a unit from others. call: the closed layer call that it is; region: where it stands."""

    kind: str
    region: Path
    call: Path | None = None
    detail: tuple[str | int, ...] = ()


@dataclass(slots=True)
class Unit:
    """What one column shows.

    nodes: those of the turn that is drawn. twins: for a node of any turn, the drawn one. joined: the units
    that make it up, where it is several.
    """

    key: Key
    nodes: list[int]
    twins: dict[int, int] = field(default_factory=dict[int, int])
    joined: tuple[Unit, ...] = ()

    @property
    def parts(self) -> tuple[Unit, ...]:
        return self.joined or (self,)

    @property
    def region(self) -> Path:
        return self.key.region

    @property
    def call(self) -> Path | None:
        return self.key.call

    @property
    def is_loss(self) -> bool:
        return self.key.kind == "loss"


@dataclass(slots=True)
class Folded:
    """A forward graph with its units, in the order of the columns.

    canonical: for a node in any turn, the node that is drawn for it. constant: nodes that no tensor goes
    into. items: what a scan takes from its sequence in each turn. loose: reshapes, and turns that are put
    together again, which are drawn as the tensor that they come from. part: what of a larger graph this is.
    """

    graph: Graph
    units: list[Unit]
    unit_of: dict[int, Unit]
    canonical: dict[int, int]
    regions: dict[Path, Region]
    paths: dict[int, Path]
    constant: set[int]
    items: set[int]
    loose: set[int]
    part: Part

    @property
    def given(self) -> frozenset[int]:
        """Inputs whose gradient is wanted."""
        return self.part.given

    @property
    def within(self) -> Path:
        """The scope that the whole stands in."""
        return self.part.path

    def origin(self, id: int) -> int:
        """The drawn node or leaf that gives this value."""
        while id in self.loose or id in self.items:
            id = self.graph.operands(id)[0]
        return self.canonical.get(id, id)


def fold(part: Part, depth: int | None = None, operations: bool = False, expand: bool = False) -> Folded:
    """Fold a forward graph, or a part of one.

    depth: how many layers inside each other are seen, 1 for those that the file calls; None for all of the
    user's own. Standard layers stay closed, but for the part itself, from which the depth is counted.
    operations: every operation is a unit. expand: each turn of a repeat by itself.
    """
    graph = part.graph
    where = places(graph, expand)
    constant, items = _constants(graph), _items(graph)
    outside = constant | items
    own = [n for n in graph if n.op not in LEAVES and n.id not in outside]
    loss = _loss(graph, own)
    keys: dict[int, Key] = {}
    counts: dict[tuple[Path, tuple[int, ...]], int] = {}
    for node in reversed(own):
        path = where.paths[node.id]
        call = None if operations else _closed(node, path, depth, part.path)
        if node.id in loss:
            keys[node.id] = Key("loss", ())
        elif node.of >= 0:  # of a grad(e, t) in the file, whose operations stand in the scopes of those of e
            keys[node.id] = Key("grad", ())
        elif call is not None:
            keys[node.id] = Key("call", call[:-1], call)
        elif not operations:
            keys[node.id] = _statement(graph, node, keys, where)
        elif node.op not in TRANSPARENT:
            # Counted in each turn anew, so that every turn gives its operations the same keys.
            turn = (path, where.turns[node.id])
            counts[turn] = counts.get(turn, 0) + 1
            keys[node.id] = Key("op", path, None, (counts[turn],))
    loose = {n.id for n in own if n.id not in keys} | _stacked(graph, own, keys)
    units = _units([n.id for n in own if n.id not in loose], keys, where)
    unit_of = {twin: unit for unit in units for twin in unit.twins}
    canonical = {twin: drawn for unit in units for twin, drawn in unit.twins.items()}
    return Folded(graph, units, unit_of, canonical, where.regions, where.paths, constant, items, loose, part)


def _units(own: list[int], keys: dict[int, Key], where: Places) -> list[Unit]:
    """The units in the order of their last nodes, which is that of the data."""
    groups: dict[Key, dict[tuple[int, ...], list[int]]] = {}
    for id in own:
        key = keys[id]
        path = key.call or key.region
        groups.setdefault(key, {}).setdefault(where.turns[id][: len(path)], []).append(id)
    units: list[Unit] = []
    for key, turns in groups.items():
        unit = Unit(key, turns[_shown(sorted(turns), key.call or key.region, where)])
        for nodes in turns.values():
            # A turn with other operations, such as a first that starts from nothing, ends in the same value.
            same = len(nodes) == len(unit.nodes)
            drawn = unit.nodes if same else [unit.nodes[-1]] * len(nodes)
            unit.twins |= dict(zip(nodes, drawn, strict=True))
        units.append(unit)
    return sorted(units, key=lambda unit: (unit.is_loss, unit.nodes[-1]))


def _shown(turns: list[tuple[int, ...]], path: Path, where: Places) -> tuple[int, ...]:
    """The turn that is drawn: the first, but of a scan the second, whose state comes from somewhere."""
    scans = any(where.regions[path[: i + 1]].layer == "scan" for i in range(len(path)))
    return turns[1] if scans and len(turns) > 1 else turns[0]


def _constants(graph: Graph) -> set[int]:
    """Nodes that no tensor of the network goes into."""
    found: set[int] = set()
    for node in graph:
        leaf = node.op in LEAVES or REGISTRY[node.op].kind == "random"
        if not leaf and all(o in found for o in graph.operands(node.id)):
            found.add(node.id)
    return found


def _items(graph: Graph) -> set[int]:
    found: set[int] = set()
    for node in graph:
        if node.scope and node.scope[-1].layer == "scan" and node.op in ("slice", "reshape"):
            source = graph[graph.operands(node.id)[0]]
            if source.id in found or (node.op == "slice" and len(source.scope) < len(node.scope)):
                found.add(node.id)
    return found


def _stacked(graph: Graph, own: list[Node], keys: dict[int, Key]) -> set[int]:
    """The nodes that put the turns of a scan side by side."""
    found: set[int] = set()
    for node in own:
        if node.op != "concat" or (node.id in keys and keys[node.id].call is not None):
            continue
        parts = graph.operands(node.id)
        turns = [graph.operands(p)[0] for p in parts if graph[p].op == "reshape"]
        scanned = [t for t in turns if graph[t].scope and graph[t].scope[-1].layer == "scan"]
        if len(scanned) == len(parts) > 1 and len({keys.get(t) for t in scanned}) == 1:
            found |= {node.id, *parts}
    return found


def _loss(graph: Graph, own: list[Node]) -> set[int]:
    """The nodes of the loss statement: upwards as far as there is no name and no layer with parameters."""
    found = set(graph.of_kind("loss").values())
    spans = [graph[id].span for id in found]
    owners = {n.scope[: i + 1] for n in graph if n.op == "param" for i in range(len(n.scope))}
    for node in reversed(own):
        users = graph.users(node.id)
        owned = any(node.scope[: i + 1] in owners for i in range(len(node.scope)))
        if not found or not users or not all(u in found for u in users) or owned or node.of >= 0:
            continue
        gathers = node.op in ("concat", "reshape") and not node.name  # `params`
        stated = gathers or any(_contains(span, node.span) for span in spans)
        if node.scope[0].instance.startswith("loss.") if node.scope else stated:
            found.add(node.id)
    return found


def _closed(node: Node, path: Path, depth: int | None, within: Path) -> Path | None:
    """The outermost scope of a node that stays closed, None where it stands in the open."""
    opened = 0
    for i, scope in enumerate(node.scope):
        if path[: i + 1] == within[: i + 1] or scope.layer in TURNS:
            continue
        opened += 1
        if scope.layer in _standard() or (depth is not None and opened >= depth):
            return path[: i + 1]
    return None


@cache
def _standard() -> frozenset[str]:
    return frozenset(names())


def _statement(graph: Graph, node: Node, keys: dict[int, Key], where: Places) -> Key:
    """The unit of its only users, if this is a part of their expression; a new one otherwise."""
    users = graph.users(node.id)
    known = {keys.get(u) for u in users}
    span, path = node.span, where.paths[node.id]
    key = known.pop() if len(known) == 1 else None
    inside = all(where.paths[u] == path and _contains(graph[u].span, span) for u in users)
    if key is not None and key.kind == "statement" and inside:
        return key
    detail = (span.source.name, span.start, span.end) if span is not None else (node.id,)
    return Key("statement", path, None, detail)


def _contains(outer: Span | None, inner: Span | None) -> bool:
    if outer is None or inner is None or outer.source is not inner.source:
        return False
    return outer.start <= inner.start and inner.end <= outer.end
