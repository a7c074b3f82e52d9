"""What flows between the units of a folded graph."""

from __future__ import annotations

from functools import cached_property

from ..extract import ancestors
from ..ir import Graph, Node
from ..ops.op import REGISTRY
from .fold import Folded, Unit
from .formula import TRANSPARENT
from .part import LEAVES


class Flow:
    """Reads and outputs of each unit, which is known by its position."""

    def __init__(self, folded: Folded) -> None:
        self.folded = folded
        self.graph: Graph = folded.graph
        self.units: list[Unit] = folded.units
        order = {id(unit): i for i, unit in enumerate(folded.units)}
        self.place: dict[int, int] = {node: order[id(unit)] for node, unit in folded.unit_of.items()}

    @cached_property
    def reads(self) -> list[list[int]]:
        """For each unit the drawn nodes and leaves that it reads, in the order in which it reads them."""
        return [
            list(dict.fromkeys(self.folded.origin(o) for o in self.boundary(i)))
            for i in range(len(self.units))
        ]

    def boundary(self, i: int) -> list[int]:
        """The nodes outside a unit that its drawn turn reads, as they are in the graph."""
        inside = self.inside(i)
        found: dict[int, None] = {}
        for id in sorted(inside):
            for o in self.graph.operands(id):
                if o not in inside:
                    found[o] = None
        return list(found)

    def inside(self, i: int) -> set[int]:
        """The nodes of a unit's drawn turn, with the constants and reshapes that belong to no unit."""
        found = set(self.units[i].nodes)
        stack = [o for id in found for o in self.graph.operands(id)]
        while stack:
            o = stack.pop()
            if o in found or self.graph[o].op in LEAVES:
                continue
            if (o in self.folded.loose and self.graph[o].op in TRANSPARENT) or o in self.folded.constant:
                found.add(o)
                stack += self.graph.operands(o)
        return found

    def outputs(self, i: int) -> list[int]:
        """The drawn nodes of a unit that others read or that are results."""
        return self._outputs[i]

    @cached_property
    def _outputs(self) -> list[list[int]]:
        wanted = {v for reads in self.reads for v in reads}
        wanted |= {self.folded.canonical.get(r, r) for r in self.graph.results.values()}
        return [[id for id in unit.nodes if id in wanted] for unit in self.units]

    def readers(self, value: int) -> list[int]:
        """The units that read a drawn node or a leaf."""
        return [i for i, reads in enumerate(self.reads) if value in reads]

    def owner(self, param: int) -> int | None:
        """The unit above which a parameter is drawn: its first reader."""
        return self._owners.get(param)

    @cached_property
    def _owners(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for i, reads in enumerate(self.reads):
            for v in reads:
                if self.graph[v].op == "param":
                    found.setdefault(v, i)
        return found

    def owned(self, i: int) -> list[int]:
        return [p for p, owner in self._owners.items() if owner == i]

    def trained(self, i: int) -> bool:
        """Whether a gradient comes to a unit."""
        return any(o in self.differentiable for o in self.outputs(i))

    def user_name(self, id: int) -> str:
        """The name that the file gives to a drawn node, in whichever turn it does."""
        unit = self.units[self.place[id]]
        twins = [t for t, drawn in unit.twins.items() if drawn == id]
        given = [self.graph[t].name for t in twins if self.graph[t].name]
        return min(given, key=lambda n: n.count("."), default=self.graph[id].name)

    @cached_property
    def differentiable(self) -> set[int]:
        """The drawn nodes whose gradient is needed: on a way from a parameter to the result."""
        found: set[int] = set()
        below = ancestors(self.graph, self.graph.results.values())
        for node in self.graph:
            starts = node.op == "param" or node.id in self.folded.given
            if node.id in below and node.type.is_float and (starts or self._passes(node, found)):
                found.add(node.id)
        return {self.folded.canonical.get(id, id) for id in found}

    def _passes(self, node: Node, found: set[int]) -> bool:
        return REGISTRY[node.op].vjp is not None and any(o in found for o in self.graph.operands(node.id))
