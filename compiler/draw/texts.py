"""What is written in the boxes: each unit's formula, and those of its gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..ir import Graph
from .flow import Flow
from .formula import TRANSPARENT, TooLong, formula, name_text
from .gradient import Alone, alone
from .lines import broken
from .names import NAMED, function_name, previous
from .places import Path

_PLAIN = 12  # operations of a box with many parameters, whose gradient may yet be a line
_BACKWARD = 4  # lines that a box of gradients holds
_LARGEST = 150  # operations: a larger unit has no formula that would fit

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """The lines of a unit's boxes. parameters: by the parameter's node; empty where they do not fit.

    jacobian: whether a gradient is written with J. lost: how many formulas had no room.
    """

    forward: Lines
    backward: Lines
    parameters: dict[int, Lines]
    jacobian: bool
    lost: int


class Writer:
    """Writes units in lines of any width; what is derived for one width is kept for the next."""

    def __init__(self, flow: Flow, names: dict[int, str]) -> None:
        self.flow, self.names = flow, names
        self.graph: Graph = flow.graph
        self._alone: dict[int, Alone | None] = {}
        self._known: dict[tuple[int, int], Texts] = {}

    def write(self, i: int, widths: Sequence[int]) -> Texts:
        """The texts of one unit, in the first of these widths that holds most of its formulas."""
        found: list[Texts] = []
        for width in widths:
            if (i, width) not in self._known:
                self._known[i, width] = self._written(i, width)
            found.append(self._known[i, width])
            if not found[-1].lost:
                break
        return min(found, key=lambda texts: texts.lost)

    def _written(self, i: int, width: int) -> Texts:
        forward, shortened = self._forward(i, width)
        if not self.flow.trained(i):
            return Texts(forward, (), {}, jacobian=False, lost=shortened)
        boundary = self._boundary(i)
        wanted = [b for b in boundary if self._origin(b) in self.flow.differentiable]
        jacobian, lost = False, int(shortened)
        backward: Lines = ()
        passed: list[int] = []
        parameters: dict[int, Lines] = {}
        for w in wanted:
            lines = self._gradient(i, w, boundary[w], width)
            if self.graph[self._origin(w)].op == "param":
                parameters[self._origin(w)] = lines or ()
                lost += lines is None
                continue
            passed.append(w)
            jacobian |= lines is None
            lost += lines is None
            backward += lines if lines is not None else (self._by_jacobian(i, [w], boundary),)
        if len(backward) > _BACKWARD:
            jacobian, lost = True, lost + len(passed)
            backward = (self._by_jacobian(i, passed, boundary),)
        if not backward:
            backward = self._not_needed(i)
        if sum(map(len, parameters.values())) > _BACKWARD:
            lost += len(parameters)
            parameters = {}
        if not all(parameters.values()):
            parameters = {}
        return Texts(forward, backward, parameters, jacobian, lost)

    def _origin(self, id: int) -> int:
        return self.flow.folded.origin(id)

    def _boundary(self, i: int) -> dict[int, str]:
        """The names of what a unit reads, by the nodes of the graph; what is carried is the last turn's."""
        found: dict[int, str] = {}
        for b in self.flow.boundary(i):
            origin = self._origin(b)
            name = self.names[origin]
            carried = self.flow.place.get(origin, -1) >= i
            found[b] = previous(name) if carried else f"{name}ₜ" if b in self.flow.folded.items else name
        return found

    def _spoken(self, i: int) -> bool:
        """Whether a formula may use names from inside the box: where there are few, they tell something."""
        return sum(self.graph[v].op == "param" for v in self.flow.reads[i]) <= NAMED

    # Forward

    def _forward(self, i: int, width: int) -> tuple[Lines, bool]:
        """The formula as far as it fits: in full, with the layer's own names, with its calls, as one call.

        And whether it is a call for want of room.
        """
        unit, boundary = self.flow.units[i], self._boundary(i)
        outputs = self.flow.outputs(i)
        if not outputs:
            return (), False
        out = outputs[-1]
        result = "L" if unit.is_loss else self.names[out]
        if len(unit.nodes) == 1 and self.graph[out].op in TRANSPARENT:
            called = function_name(self.graph[out]) or self.graph[out].op
            return (f"{result} = {called}({', '.join(boundary.values())})",), False
        inner = self._inner(i, out)
        calls = self._calls(i, boundary)
        attempts: list[tuple[dict[int, str], Callable[[int], str | None]]] = [
            (boundary, lambda id: None),
            (inner | boundary, lambda id: None),
            (boundary, calls.get),
            (inner | boundary, calls.get),
        ]
        short = len(unit.nodes) <= _LARGEST and unit.key.kind != "grad"
        for names, called in attempts if short else ():
            lines = self._lines(result, "=", self.graph, out, names, width, called)
            if lines is not None:
                return lines, False
        tensors = [n for b, n in boundary.items() if self.graph[self._origin(b)].op not in ("param", "state")]
        layer = self.flow.folded.regions[unit.call].layer if unit.call is not None else unit.key.kind
        text = f"{result} = {layer}({', '.join(dict.fromkeys(tensors))})"
        return broken(text, width) or (text[: width - 1] + "…",), True

    def _inner(self, i: int, out: int) -> dict[int, str]:
        """The layer's own names for what is computed on the way, but for mere reshapes."""
        unit = self.flow.units[i]
        if not self._spoken(i):
            return {}
        named = [id for id in unit.nodes if self.graph[id].name and self.graph[id].op not in TRANSPARENT]
        below = self._through(self.graph, out)
        return {id: name_text(self.graph[id].name) for id in named if id not in below}

    def _through(self, graph: Graph, id: int) -> set[int]:
        """A node, and what it is a reshape of."""
        found = {id}
        while graph[id].op in TRANSPARENT:
            id = graph.operands(id)[0]
            found.add(id)
        return found

    def _calls(self, i: int, boundary: dict[int, str]) -> dict[int, str]:
        """For the last node of each layer call inside a unit, the call as text."""
        unit = self.flow.units[i]
        depth = 0 if unit.is_loss else len(unit.call or unit.region)
        groups: dict[Path, list[int]] = {}
        for id in sorted(self.flow.inside(i) - self.flow.folded.constant):
            path = self.flow.folded.paths[id]
            if len(path) > depth:
                groups.setdefault(path[: depth + 1], []).append(id)
        found: dict[int, str] = {}
        for path, ids in groups.items():
            read = dict.fromkeys(o for id in ids for o in self.graph.operands(id) if o not in ids)
            operands = [o for o in read if o not in self.flow.folded.constant]
            try:
                texts = [boundary.get(o) or formula(self.graph, o, boundary, found.get) for o in operands]
            except TooLong:
                continue
            found[ids[-1]] = f"{self.flow.folded.regions[path].layer}({', '.join(texts)})"
        return found

    def _lines(
        self,
        result: str,
        sign: str,
        graph: Graph,
        id: int,
        names: dict[int, str],
        width: int,
        called: Callable[[int], str | None] = lambda id: None,
    ) -> Lines | None:
        try:
            text = formula(graph, id, names, called)
        except TooLong:
            return None
        return broken(f"{result} {sign} {text}", width)

    # Backward

    def _part(self, i: int) -> Alone | None:
        """The unit differentiated alone."""
        if i not in self._alone:
            unit = self.flow.units[i]
            boundary = self._boundary(i)
            wanted = [b for b in boundary if self._origin(b) in self.flow.differentiable]
            outputs = {o: self.names[o] for o in self.flow.outputs(i)}
            small = len(unit.nodes) <= (_LARGEST if unit.is_loss or self._spoken(i) else _PLAIN)
            self._alone[i] = (
                alone(self.graph, self.flow.inside(i), boundary, wanted, outputs, unit.is_loss)
                if small
                else None
            )
        return self._alone[i]

    def _gradient(self, i: int, operand: int, name: str, width: int) -> Lines | None:
        part = self._part(i)
        id = part.gradients.get(operand) if part is not None else None
        if part is None or id is None:
            return None
        sign = self._sign(operand)
        if id in part.names:
            return broken(f"∂{name} {sign} {part.names[id]}", width)
        below = self._through(part.graph, id)
        inner = {
            n.id: name_text(n.name)
            for n in part.graph
            if n.name and n.name[0] != "∂" and n.op not in TRANSPARENT and n.id not in below
        }
        for names in (part.names, inner | part.names if self._spoken(i) else part.names):
            lines = self._lines(f"∂{name}", sign, part.graph, id, names, width)
            if lines is not None:
                return lines
        return None

    def _sign(self, operand: int) -> str:
        """A tensor that several boxes read gets a term from each."""
        return "+=" if len(self.flow.readers(self._origin(operand))) > 1 else "="

    def _by_jacobian(self, i: int, operands: Sequence[int], names: Mapping[int, str]) -> str:
        out = ", ".join(f"∂{self.names[o]}" for o in self.flow.outputs(i))
        sign = "+=" if any(self._sign(o) == "+=" for o in operands) else "="
        return f"{', '.join(f'∂{names[o]}' for o in operands)} {sign} Jᵀ {out}"

    def _not_needed(self, i: int) -> Lines:
        tensors = [v for v in self.flow.reads[i] if self.graph[v].op not in ("param", "state")]
        return (f"∂{self.names[tensors[0]]} not needed",) if tensors else ()
