"""From a folded graph to a picture: which boxes stand where, and what is written in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from ..ir import Graph, size_at
from ..ops.op import REGISTRY
from .flow import Flow
from .fold import Folded, Path, Unit
from .formula import TRANSPARENT, TooLong, count_text, formula, name_text, shape_text
from .gradient import Alone, alone
from .lines import broken
from .names import NAMED, arguments, named, previous, titled
from .picture import Arrow, Box, Column, Picture

NARROW, WIDE = 30, 48  # signs in a line of a box
_PLAIN = 12  # operations of a box with many parameters, whose gradient may yet be a line
LARGEST = 150  # operations: a larger unit has no formula that would fit
_WEIGHT = {"contraction": 0, "window": 0, "row": 1}  # what names a statement of several operations


def compose(
    name: str, folded: Folded, facts: tuple[str, ...], widths: tuple[int, ...] = (NARROW,)
) -> list[Picture]:
    """The mirror of a folded graph, with boxes of each of these widths."""
    composer = _Composer(folded)
    found: list[Picture] = []
    for width in widths:
        composer.write(width)
        notes = (*facts, *composer.notes())
        found.append(Picture(name, notes, composer.columns(), composer.arrows(), composer.clusters()))
    return found


@dataclass(slots=True)
class _Texts:
    """What is written in a unit's boxes."""

    forward: tuple[str, ...]
    operands: tuple[str, ...]  # the gradients of what came in
    parameters: dict[int, tuple[str, ...]]


class _Composer:
    def __init__(self, folded: Folded) -> None:
        self.folded = folded
        self.flow = Flow(folded)
        self.graph: Graph = folded.graph
        self.names = named(self.flow)
        self.jacobian = False
        self.data = [n.id for n in self.graph if n.op == "input" and self.flow.readers(n.id)]
        first = [v for v in (self.flow.reads[0] if self.flow.units else []) if v in self.data]
        self.sources = [v for v in self.data if v in first[:1] or len(self.flow.readers(v)) > 1]
        self.titles = titled([self._title(i) for i in range(len(self.flow.units))])
        self.parts: dict[int, Alone | None] = {}

    def write(self, width: int) -> None:
        """Write the texts for boxes of this width."""
        self.width = width
        self.texts = [self._texts(i) for i in range(len(self.flow.units))]

    # The columns

    def columns(self) -> tuple[Column, ...]:
        found = [Column(self._data(v)) for v in self.sources]
        for i, unit in enumerate(self.flow.units):
            found.append(self._column(i, unit))
        if self.graph.of_kind("loss"):
            path = found[-1].path
            found.append(
                Column(
                    Box("loss", "L"),
                    backward=Box("seed", "1") if self.flow.differentiable else None,
                    path=path,
                )
            )
        return tuple(found)

    def _column(self, i: int, unit: Unit) -> Column:
        texts = self.texts[i]
        forward = Box("forward", self.titles[i], texts.forward)
        above = [self._data(v) for v in self.flow.reads[i] if v in self.data and v not in self.sources]
        params = [v for v in self.flow.reads[i] if self.graph[v].op == "param"]
        if unit.is_loss:
            params = [p for p in params if self.flow.owner(p) == i and not self.graph[p].scope]
        if params:
            above.append(self._parameters(i, unit, params))
        backward = Box("backward", f"{self.titles[i]} ∇", texts.operands) if self._differentiable(i) else None
        below = self._gradients(i, unit, params) if params and backward is not None else None
        return Column(forward, tuple(above), backward, below, self._clusters_of(unit))

    def _data(self, v: int) -> Box:
        node = self.graph[v]
        classes = node.attr("classes")
        if isinstance(classes, int) and classes:
            note = f"{classes} classes"
        else:
            note = "data"
        return Box("data", self.names[v], muted=(note,))

    def _parameters(self, i: int, unit: Unit, params: list[int]) -> Box:
        if len(params) <= NAMED:
            shapes = " , ".join(shape_text(self.graph[p]) for p in params)
            text = " , ".join(self.names[p] for p in params)
            if len(shapes) <= self.width:
                shared = ("shared",) if any(self.flow.owner(p) != i for p in params) else ()
                return Box("parameter", "", (text,), (shapes, *shared))
        return Box("parameter", "", (f"{len(params)} tensors",), (self._counted(unit, params),))

    def _counted(self, unit: Unit, params: list[int]) -> str:
        count = self._count(params)
        turns = self._turns(unit)
        return f"{turns} × {count_text(count)} numbers" if turns > 1 else f"{count_text(count)} numbers"

    def _count(self, params: list[int]) -> int:
        return sum(size_at(self.graph[p].type.elements, 1) for p in params)

    def _turns(self, unit: Unit) -> int:
        return self.folded.regions[unit.call].turns if unit.call else 1

    def _gradients(self, i: int, unit: Unit, params: list[int]) -> Box:
        lines = [line for p in params for line in self.texts[i].parameters.get(p, ())]
        if lines and len(lines) <= 3:
            return Box("gradient", "", tuple(lines))
        if len(params) <= NAMED:
            return Box("gradient", "", (" , ".join(f"∂{self.names[p]}" for p in params),))
        return Box("gradient", "", (f"{len(params)} gradients",), (self._counted(unit, params),))

    # The arrows

    def arrows(self) -> tuple[Arrow, ...]:
        shift = len(self.sources)
        found: list[Arrow] = []
        for i, reads in enumerate(self.flow.reads):
            grouped: dict[int, list[int]] = {}
            for v in reads:
                place = self.flow.place.get(v)
                if place is not None:
                    grouped.setdefault(place + shift, []).append(v)
                elif v in self.sources:
                    grouped.setdefault(self.sources.index(v), []).append(v)
            for source, values in grouped.items():
                found.append(self._arrow(source, i + shift, values))
        if self.graph.of_kind("loss"):
            last = len(self.flow.units) - 1 + shift
            found.append(
                Arrow(last, last + 1, ("L", "scalar"), ("∂L", "scalar") if self.flow.differentiable else None)
            )
        return tuple(found)

    def _arrow(self, source: int, target: int, values: list[int]) -> Arrow:
        names = arguments(self.names, values)
        shapes = tuple(dict.fromkeys(shape_text(self.graph[v]) for v in values))
        back = [v for v in values if v in self.flow.differentiable]
        backs = ", ".join(f"∂{self.names[v]}" for v in back)
        back_shapes = tuple(dict.fromkeys(shape_text(self.graph[v]) for v in back))
        carried = source >= target
        return Arrow(
            source,
            target,
            (names, *shapes[:1]),
            (backs, *back_shapes[:1]) if back else None,
            is_data=source < len(self.sources),
            carried=carried,
        )

    # The texts

    def _differentiable(self, i: int) -> bool:
        return any(o in self.flow.differentiable for o in self.flow.outputs(i))

    def _texts(self, i: int) -> _Texts:
        unit = self.flow.units[i]
        outputs = self.flow.outputs(i)
        forward = self._forward(i, unit, outputs)
        if not self._differentiable(i):
            return _Texts(forward, (), {})
        boundary = self._boundary(i)
        wanted = [b for b in boundary if self.folded.origin(b) in self.flow.differentiable]
        if not any(self.graph[self.folded.origin(w)].op != "param" for w in wanted):
            first = next((v for v in self.flow.reads[i] if self.graph[v].op not in ("param", "state")), None)
            operands: tuple[str, ...] = (f"∂{self.names[first]} not needed",) if first is not None else ()
        else:
            operands = ()
        part = self._alone(i, unit, outputs, boundary, wanted)
        params: dict[int, tuple[str, ...]] = {}
        for w in wanted:
            origin = self.folded.origin(w)
            name = boundary[w]
            several = len(self.flow.readers(origin)) > 1
            sign = "+=" if several else "="
            lines = self._gradient(part, w, name, sign, self._spoken(i)) if part is not None else None
            if self.graph[origin].op == "param":
                params[origin] = lines or ()
            elif lines is not None:
                operands = (*operands, *lines)
            else:
                self.jacobian = True
                out = ", ".join(f"∂{self.names[o]}" for o in outputs)
                operands = (*operands, f"∂{name} {sign} Jᵀ {out}")
        if any(not lines for lines in params.values()):
            params = {}
        return _Texts(forward, operands[:2], params)

    def _spoken(self, i: int) -> bool:
        """Whether a formula may use names from inside the box: where there are few, they tell something."""
        return sum(self.graph[v].op == "param" for v in self.flow.reads[i]) <= NAMED

    def _boundary(self, i: int) -> dict[int, str]:
        """What a unit reads, as nodes of the graph, with their names; a carried tensor is the turn's before."""
        found: dict[int, str] = {}
        for b in self.flow.boundary(i):
            origin = self.folded.origin(b)
            carried = self.flow.place.get(origin, -1) >= i
            name = self.names[origin]
            found[b] = previous(name) if carried else f"{name}ₜ" if b in self.folded.items else name
        return found

    def _alone(
        self, i: int, unit: Unit, outputs: list[int], boundary: dict[int, str], wanted: list[int]
    ) -> Alone | None:
        if len(unit.nodes) > (LARGEST if self._spoken(i) else _PLAIN):
            return None
        if i not in self.parts:
            names = {o: self.names[o] for o in outputs}
            inside = self.flow.inside(i)
            self.parts[i] = alone(self.graph, inside, boundary, wanted, names, unit.is_loss)
        return self.parts[i]

    def _gradient(
        self, part: Alone, operand: int, name: str, sign: str, spoken: bool
    ) -> tuple[str, ...] | None:
        id = part.gradients.get(operand)
        if id is None:
            return None
        inner = {n.id: name_text(n.name) for n in part.graph if n.name and n.id != id} if spoken else {}
        for names in (part.names, inner | part.names):
            try:
                text = part.names.get(id) or formula(part.graph, id, names)
            except TooLong:
                continue
            lines = broken(f"∂{name} {sign} {text}", self.width)
            if lines is not None:
                return lines
        return None

    def _forward(self, i: int, unit: Unit, outputs: list[int]) -> tuple[str, ...]:
        """The formula as long as it fits: in full, with the layer's own names, with its calls, as one call."""
        boundary = self._boundary(i)
        if not outputs:
            return ()
        out = outputs[-1]
        result = "L" if unit.is_loss else self.names[out]
        inner = {
            id: name_text(self.graph[id].name)
            for id in unit.nodes
            if self.graph[id].name and id not in outputs and self._spoken(i)
        }
        calls = self._calls(i, unit, boundary)
        attempts: list[tuple[dict[int, str], Callable[[int], str | None]]] = [
            (boundary, lambda id: None),
            (inner | boundary, lambda id: None),
            (boundary, calls.get),
            (inner | boundary, calls.get),
        ]
        if self.graph[out].op in TRANSPARENT and len(unit.nodes) == 1:
            return (
                f"{result} = {self._function(out) or self.graph[out].op}({next(iter(boundary.values()), '')})",
            )
        for names, called in attempts:
            if len(unit.nodes) > LARGEST:
                break
            try:
                text = formula(self.graph, out, names, called)
            except TooLong:
                continue
            lines = broken(f"{result} = {text}", self.width)
            if lines is not None:
                return lines
        values = [
            n for b, n in boundary.items() if self.graph[self.folded.origin(b)].op not in ("param", "state")
        ]
        text = f"{result} = {self._layer(unit) or 'f'}({', '.join(dict.fromkeys(values))})"
        return broken(text, self.width) or (text[: self.width - 1] + "…",)

    def _calls(self, i: int, unit: Unit, boundary: dict[int, str]) -> dict[int, str]:
        """For the last node of each layer call inside a unit, the call as text."""
        depth = len(unit.call) if unit.call is not None else len(unit.region)
        if unit.is_loss:
            depth = 0
        inside = self.flow.inside(i)
        groups: dict[Path, list[int]] = {}
        for id in sorted(inside):
            path = self.folded.paths[id]
            if len(path) > depth and id not in self.folded.constant:
                groups.setdefault(path[: depth + 1], []).append(id)
        found: dict[int, str] = {}
        for path, ids in groups.items():
            read = list(dict.fromkeys(o for id in ids for o in self.graph.operands(id) if o not in ids))
            read = [o for o in read if o not in self.folded.constant]
            params = [o for o in read if self.graph[o].op == "param"]
            try:
                texts = [
                    formula(self.graph, o, boundary, found.get) if o not in boundary else boundary[o]
                    for o in read
                ]
            except TooLong:
                continue
            inner = "params" if len(params) > 2 and len(params) == len(read) else ", ".join(texts)
            found[ids[-1]] = f"{self.folded.regions[path].layer}({inner})"
        return found

    # The titles

    def _title(self, i: int) -> tuple[str, str]:
        unit = self.flow.units[i]
        if unit.is_loss:
            return "loss", "loss"
        if unit.call is not None:
            region = self.folded.regions[unit.call]
            full = unit.call[-1]
            short = full.rsplit(".", 1)[-1]
            if (
                any(self.flow.user_name(o).endswith(full) for o in self.flow.outputs(i))
                and short != region.layer
            ):
                short = region.layer  # the binding's name is on the arrow already
            if region.turns > 1:
                short = full = f"{region.layer} ×{region.turns}"
            return short, full
        operations = [id for id in unit.nodes if self.graph[id].op not in TRANSPARENT]
        last = unit.nodes[-1]
        called = self._function(last)
        if len(operations) > 1:
            given = name_text(self.flow.user_name(last))
            main = min(operations, key=lambda id: (_WEIGHT.get(REGISTRY[self.graph[id].op].kind, 9), -id))
            return (given or called or self.graph[main].op,) * 2
        return (called or self.graph[(operations or [last])[-1]].op.replace("_", " "),) * 2

    def _function(self, id: int) -> str:
        """The name of the function whose call a node comes from, as the file has it."""
        span = self.graph[id].span
        found = re.match(r"[^\W\d]\w*(?=\s*(\(|$))", span.text) if span is not None else None
        return found[0] if found else ""

    def _layer(self, unit: Unit) -> str:
        return self.folded.regions[unit.call].layer if unit.call is not None else ""

    # The clusters

    def _clusters_of(self, unit: Unit) -> tuple[Path, ...]:
        return tuple(unit.region[: d + 1] for d in range(len(unit.region)))

    def clusters(self) -> tuple[tuple[Path, str], ...]:
        shown = {p for u in self.flow.units for p in self._clusters_of(u)}
        return tuple((p, self._cluster_label(p)) for p in sorted(shown))

    def _cluster_label(self, path: Path) -> str:
        region = self.folded.regions[path]
        turns = f" ×{region.turns}" if region.turns > 1 else ""
        name = region.layer if region.turns > 1 else region.instance
        inside = [
            n.id for n in self.graph if n.op == "param" and self.folded.paths[n.id][: len(path)] == path
        ]
        turns_above = prod(self.folded.regions[path[: d + 1]].turns for d in range(len(path)))
        count = self._count(inside)
        if region.layer == "scan":
            return f"scan: {region.turns} turns"
        if region.turns > 1 and len(inside) > 1:
            return f"{name}{turns} · {region.turns} × {count_text(count // turns_above)} parameters"
        return f"{name}{turns} · {count_text(count // turns_above)} parameters" if count else f"{name}{turns}"

    def notes(self) -> tuple[str, ...]:
        """What a reader must know besides."""
        return ("J: the Jacobian of the box",) if self.jacobian else ()
