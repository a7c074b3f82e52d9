"""Folding a forward graph into units: a layer call, a statement or a single operation is one box each.

A unit is found by its key, which leaves out the turn of a repeat: `3 * block` gives each unit three times, and
it is drawn once. Operations that depend on no tensor (constants, sizes, masks) belong to no unit; they are
written into the formulas that use them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..diagnostics import Span
from ..ir import Graph, Node, Scope
from ..ops.op import REGISTRY
from .formula import TRANSPARENT

LEAVES = frozenset({"input", "param", "state"})
TURNS = frozenset({"repeat", "scan"})  # scopes that are statements, not layers

Path = tuple[str, ...]
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A scope as it is drawn, all its turns in one: its layer's name and how many turns there are."""

    path: Path
    layer: str
    turns: int

    @property
    def instance(self) -> str:
        return self.path[-1]


@dataclass(slots=True)
class Unit:
    """What one column shows.

    region: the innermost opened scope that it stands in. call: the scope that it is, where it is a closed layer
    call. nodes: those of the turn that is drawn; twins: the same operation in each other turn, as (twin, node).
    """

    key: Key
    region: Path
    call: Path | None
    nodes: list[int] = field(default_factory=list[int])
    twins: dict[int, int] = field(default_factory=dict[int, int])
    is_loss: bool = False


@dataclass(slots=True)
class Folded:
    """A forward graph with its units, in the order of the columns.

    canonical: for a node in any turn, the node that is drawn for it. regions: every scope, by its path.
    """

    graph: Graph
    units: list[Unit]
    unit_of: dict[int, Unit]
    canonical: dict[int, int]
    regions: dict[Path, Region]
    paths: dict[int, Path]
    constant: set[int]
    items: set[int]  # what a scan takes from its sequence in each turn
    loose: set[int]  # reshapes, and stacked turns, that are drawn as the tensor that they come from

    def origin(self, id: int) -> int:
        """The drawn node or leaf that gives this value."""
        while id in self.loose or id in self.items:
            id = self.graph.operands(id)[0]
        return self.canonical.get(id, id)

    def drawn(self) -> Iterator[tuple[Unit, int]]:
        for unit in self.units:
            for id in unit.nodes:
                yield unit, id


def fold(
    graph: Graph, depth: int | None, operations: bool = False, expand: bool = False, within: Path = ()
) -> Folded:
    """Fold a graph whose one result is what is drawn.

    depth: how many layers inside each other are looked into, 1 for the layers of the file; None opens the
    user's own layers and leaves the standard ones closed. operations: every operation is a unit. expand: each
    turn of a repeat on its own. within: count the depth from this scope.
    """
    paths, turn_of, regions = _places(graph, expand)
    constant = _constants(graph)
    roots = list(graph.results.values())
    items = _items(graph)
    own = [n for n in graph if n.op not in LEAVES and n.id not in constant and n.id not in items]
    keys: dict[int, tuple[Key, Path, Path | None]] = {}
    loss = _loss(graph, own, roots[0]) if roots and graph.of_kind("loss") else set[int]()
    closed = _Closing(graph, paths, depth, within)
    ordinals: dict[tuple[Path, object], int] = {}
    for node in reversed(own):
        users = [u for u in graph.users(node.id) if u in keys]
        path = paths[node.id]
        if node.id in loss:
            keys[node.id] = (("loss",), (), None)
            continue
        call = None if operations else closed.call(node)
        if call is not None:
            keys[node.id] = (("call", call), call[:-1], call)
        elif operations and node.op in TRANSPARENT:
            continue
        elif operations:
            # Counted from the end, in each turn anew, so that every turn gives its operations the same keys.
            turn = turn_of[node.id]
            ordinals[path, turn] = ordinals.get((path, turn), 0) + 1
            keys[node.id] = (("op", path, ordinals[path, turn]), path, None)
        else:
            joined = _joined(graph, node, users, keys, paths)
            keys[node.id] = joined if joined is not None else (("span", path, _place(node)), path, None)
    loose = {n.id for n in own if n.id not in keys} | _stacked(graph, own, keys)
    own = [n for n in own if n.id not in loose]
    return _gathered(graph, own, keys, turn_of, regions, paths, constant, items, loose)


def _items(graph: Graph) -> set[int]:
    """The nodes that cut a turn's item from the sequence of a scan."""
    found: set[int] = set()
    for node in graph:
        if node.scope and node.scope[-1].layer == "scan" and node.op in ("slice", "reshape"):
            source = graph[graph.operands(node.id)[0]]
            if source.id in found or (node.op == "slice" and len(source.scope) < len(node.scope)):
                found.add(node.id)
    return found


def _stacked(graph: Graph, own: list[Node], keys: dict[int, tuple[Key, Path, Path | None]]) -> set[int]:
    """The nodes that put the turns of a scan side by side again."""
    found: set[int] = set()
    for node in own:
        if node.op != "concat" or not node.span or keys[node.id][2] is not None:
            continue
        parts = graph.operands(node.id)
        turns = [graph.operands(p)[0] for p in parts if graph[p].op == "reshape"]
        scanned = [t for t in turns if graph[t].scope and graph[t].scope[-1].layer == "scan"]
        if len(scanned) == len(parts) > 1 and len({keys[t][0] for t in scanned}) == 1:
            found |= {node.id, *parts}
    return found


def _gathered(
    graph: Graph,
    own: list[Node],
    keys: dict[int, tuple[Key, Path, Path | None]],
    turn_of: dict[int, tuple[int, ...]],
    regions: dict[Path, Region],
    paths: dict[int, Path],
    constant: set[int],
    items: set[int],
    loose: set[int],
) -> Folded:
    turns: dict[Key, dict[tuple[int, ...], list[int]]] = {}
    about: dict[Key, tuple[Path, Path | None]] = {}
    for node in own:
        if node.id in keys:
            key, region, call = keys[node.id]
            about[key] = (region, call)
            inner = len(call) if call is not None else len(region)
            turns.setdefault(key, {}).setdefault(turn_of[node.id][:inner], []).append(node.id)
    units: list[Unit] = []
    unit_of: dict[int, Unit] = {}
    canonical: dict[int, int] = {}
    for key, groups in turns.items():
        region, call = about[key]
        chosen = _chosen(groups, call or region, regions)
        unit = Unit(key, region, call, groups[chosen], {}, key == ("loss",))
        for group in groups.values():
            same = len(group) == len(unit.nodes)
            for position, id in enumerate(group):
                unit_of[id] = unit
                canonical[id] = (
                    unit.nodes[position if same else position - len(group)] if same else unit.nodes[-1]
                )
                if same:
                    unit.twins[id] = unit.nodes[position]
        units.append(unit)
    units.sort(key=lambda u: (u.is_loss, u.nodes[-1]))
    return Folded(graph, units, unit_of, canonical, regions, paths, constant, items, loose)


def _chosen(
    groups: dict[tuple[int, ...], list[int]], path: Path, regions: dict[Path, Region]
) -> tuple[int, ...]:
    """The turn that is drawn: the first, but of a scan the second, whose state does not come from nowhere."""
    scans = any(regions[path[: i + 1]].layer == "scan" for i in range(len(path)))
    found = sorted(groups)
    return found[1] if scans and len(found) > 1 else found[0]


def _places(
    graph: Graph, expand: bool
) -> tuple[dict[int, Path], dict[int, tuple[int, ...]], dict[Path, Region]]:
    """For each node its scopes as they are drawn, and its turn in each; and the regions."""
    paths: dict[int, Path] = {}
    turn_of: dict[int, tuple[int, ...]] = {}
    current: dict[tuple[Path, str, str], tuple[str, int]] = {}
    drawn: dict[tuple[Path, str, int], str] = {}
    layers: dict[Path, tuple[str, int]] = {}
    for node in graph:
        path: Path = ()
        turns: tuple[int, ...] = ()
        for scope in node.scope:
            instance = _instance(scope, path, current, drawn, expand)
            turns += (0 if expand and scope.layer not in TURNS else scope.repeat,)
            path += (instance,)
            known = layers.get(path, ("", 1))
            layers[path] = (scope.layer, max(known[1], 1 if expand else scope.repeat))
        paths[node.id], turn_of[node.id] = path, turns
    return paths, turn_of, {p: Region(p, layer, n) for p, (layer, n) in layers.items()}


def _instance(
    scope: Scope,
    parent: Path,
    current: dict[tuple[Path, str, str], tuple[str, int]],
    drawn: dict[tuple[Path, str, int], str],
    expand: bool,
) -> str:
    """The instance under which a scope is drawn: the first of its repeats."""
    if not scope.repeat:
        return scope.instance
    if expand:
        return f"{scope.instance}·{scope.repeat}" if scope.layer in TURNS else scope.instance
    if scope.layer in TURNS:
        return scope.instance
    number = int((re.search(r"\d+$", scope.instance) or ["0"])[0])
    stem = re.sub(r"\d+$", "", scope.instance)
    # Turns of one repeat are numbered on: block2 is turn 2 of the repeat whose first is block1.
    return f"{stem}{number - scope.repeat + 1}" if number else scope.instance


def _constants(graph: Graph) -> set[int]:
    """Nodes that no tensor of the network goes into."""
    found: set[int] = set()
    for node in graph:
        if node.op in LEAVES or REGISTRY[node.op].kind == "random":
            continue
        if all(o in found for o in graph.operands(node.id)):
            found.add(node.id)
    return found


def _loss(graph: Graph, own: list[Node], root: int) -> set[int]:
    """The nodes of the loss statement: down from the loss as far as no layer with parameters and no name is met."""
    owners = {n.scope[: i + 1] for n in graph if n.op == "param" for i in range(len(n.scope))}
    span = graph[root].span
    found = {root}
    for node in reversed(own):
        if node.id in found or not graph.users(node.id) or not all(u in found for u in graph.users(node.id)):
            continue
        if any(node.scope[: i + 1] in owners for i in range(len(node.scope))):
            continue
        stated = (
            node.scope[0].instance.startswith("loss.")
            if node.scope
            else _contains(span, node.span) or _gathers(node)
        )
        if stated:
            found.add(node.id)
    return found


def _gathers(node: Node) -> bool:
    """Whether a node puts `params` together."""
    return node.op in ("concat", "reshape") and not node.name


@dataclass(slots=True)
class _Closing:
    graph: Graph
    paths: dict[int, Path]
    depth: int | None
    within: Path

    def call(self, node: Node) -> Path | None:
        """The outermost scope of a node that stays closed, None if it stands in the open."""
        path = self.paths[node.id]
        opened = 0
        for i, scope in enumerate(node.scope):
            if path[: i + 1] == self.within[: i + 1]:
                continue
            if scope.layer in TURNS:
                continue
            opened += 1
            if self.depth is None:
                if scope.layer in _standard():
                    return path[: i + 1]
            elif opened >= self.depth:
                return path[: i + 1]
        return None


def _standard() -> frozenset[str]:
    from ..library import names

    return frozenset(names())


def _joined(
    graph: Graph,
    node: Node,
    users: list[int],
    keys: dict[int, tuple[Key, Path, Path | None]],
    paths: dict[int, Path],
) -> tuple[Key, Path, Path | None] | None:
    """The unit of the users, if this is a part of their expression and of nothing else."""
    if not users or len(users) < len(graph.users(node.id)):
        return None
    first = keys[users[0]]
    if first[0][0] != "span" or any(keys[u][0] != first[0] for u in users):
        return None
    inside = all(paths[u] == paths[node.id] and _contains(graph[u].span, node.span) for u in users)
    return first if inside else None


def _contains(outer: Span | None, inner: Span | None) -> bool:
    if outer is None or inner is None or outer.source is not inner.source:
        return False
    return outer.start <= inner.start and inner.end <= outer.end


def _place(node: Node) -> tuple[str, int, int]:
    span = node.span
    return (span.source.name, span.start, span.end) if span is not None else ("", node.id, node.id)
