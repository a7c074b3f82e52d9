"""From a folded graph to a picture: which boxes stand where, and which arrows join them."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir import Graph
from .flow import Flow
from .fold import Folded, Unit
from .formula import count_text, shape_text
from .names import NAMED, arguments, named
from .picture import Arrow, Box, Column, Picture
from .places import Path
from .texts import Texts, Writer
from .titles import cluster_label, parameter_count, titles

WIDTHS = (30, 48, 20)  # signs in a line of a box, best first


def compose(name: str, folded: Folded, facts: tuple[str, ...], widths: Sequence[int]) -> list[Picture]:
    """The mirror of a folded graph, with boxes of each of these widths."""
    composer = Composer(folded)
    return [composer.picture(name, facts, width) for width in widths]


class Composer:
    def __init__(self, folded: Folded) -> None:
        self.folded = folded
        self.flow = Flow(folded)
        self.graph: Graph = folded.graph
        self.names = named(self.flow)
        self.titles = titles(self.flow)
        self.writer = Writer(self.flow, self.names)
        self.data = [n.id for n in self.graph if n.op == "input" and self.flow.readers(n.id)]
        first = [v for v in self.flow.reads[0] if v in self.data]
        several = [v for v in self.data if len(self.flow.readers(v)) > 1]
        self.sources = [v for v in self.data if v in first[:1] or v in several or v in folded.given]

    def picture(self, name: str, facts: tuple[str, ...], width: int) -> Picture:
        widths = sorted(w for w in WIDTHS if w >= width)
        texts = [self.writer.write(i, widths) for i in range(len(self.flow.units))]
        if any(t.jacobian for t in texts):
            facts = (*facts, "J: the Jacobian of the box")
        return Picture(name, facts, self._columns(texts), self._arrows(), self._clusters())

    # Columns

    def _columns(self, texts: list[Texts]) -> tuple[Column, ...]:
        found: list[Column] = []
        for v in self.sources:
            back = Box("link", f"∂{self.names[v]}") if v in self.flow.differentiable else None
            found.append(Column(self._data(v), backward=back))
        found += [self._column(i, unit, texts[i]) for i, unit in enumerate(self.flow.units)]
        return (*found, self._end())

    def _end(self) -> Column:
        """The loss, or what the layer gives."""
        backward = bool(self.flow.differentiable)
        if self.graph.of_kind("loss"):
            return Column(Box("loss", "L"), backward=Box("seed", "1") if backward else None)
        names = arguments(self.names, self._results())
        grads = ", ".join(f"∂{self.names[r]}" for r in self._results())
        return Column(Box("link", names), backward=Box("link", grads) if backward else None)

    def _results(self) -> list[int]:
        return list(dict.fromkeys(self.folded.origin(r) for r in self.graph.results.values()))

    def _column(self, i: int, unit: Unit, texts: Texts) -> Column:
        above = [self._data(v) for v in self.flow.reads[i] if v in self.data and v not in self.sources]
        params = [v for v in self.flow.reads[i] if self.graph[v].op == "param"]
        if unit.is_loss:  # a penalty on all of them does not own them
            params = [p for p in params if self.flow.owner(p) == i and not self.graph[p].scope]
        backward = Box("backward", f"{self.titles[i]} ∇", texts.backward) if self.flow.trained(i) else None
        below = self._gradients(unit, params, texts) if params and backward is not None else None
        if params:
            above.append(self._parameters(i, unit, params))
        forward = Box("forward", self.titles[i], texts.forward)
        return Column(forward, tuple(above), backward, below, self._around(unit))

    def _data(self, v: int) -> Box:
        classes = self.graph[v].attr("classes")
        note = f"{classes} classes" if isinstance(classes, int) and classes else "data"
        return Box("data", self.names[v], muted=(note,))

    def _parameters(self, i: int, unit: Unit, params: list[int]) -> Box:
        if len(params) > NAMED:
            return Box("parameter", "", (f"{len(params)} tensors",), (self._counted(unit, params),))
        text = " , ".join(self.names[p] for p in params)
        shapes = " , ".join(shape_text(self.graph[p]) for p in params)
        shared = ("shared",) if any(self.flow.owner(p) != i for p in params) else ()
        return Box("parameter", "", (text,), (shapes, *shared))

    def _gradients(self, unit: Unit, params: list[int], texts: Texts) -> Box:
        lines = tuple(line for p in params for line in texts.parameters.get(p, ()))
        if lines and len(params) <= NAMED:
            return Box("gradient", "", lines)
        if len(params) <= NAMED:
            return Box("gradient", "", (" , ".join(f"∂{self.names[p]}" for p in params),))
        return Box("gradient", "", (f"{len(params)} gradients",), (self._counted(unit, params),))

    def _counted(self, unit: Unit, params: list[int]) -> str:
        count = count_text(parameter_count(self.flow, params))
        turns = self.folded.regions[unit.call].turns if unit.call else 1
        return f"{turns} × {count} numbers" if turns > 1 else f"{count} numbers"

    # Arrows

    def _arrows(self) -> tuple[Arrow, ...]:
        shift = len(self.sources)
        found: list[Arrow] = []
        for i, reads in enumerate(self.flow.reads):
            grouped: dict[int, list[int]] = {}
            for v in reads:
                if v in self.flow.place:
                    grouped.setdefault(self.flow.place[v] + shift, []).append(v)
                elif v in self.sources:
                    grouped.setdefault(self.sources.index(v), []).append(v)
            found += [self._arrow(source, i + shift, values) for source, values in grouped.items()]
        end = len(self.flow.units) + shift
        if self.graph.of_kind("loss"):
            back = ("∂L", "scalar") if self.flow.differentiable else None
            return (*found, Arrow(end - 1, end, ("L", "scalar"), back))
        for result in self._results():
            found.append(self._arrow(self.flow.place[result] + shift, end, [result]))
        return tuple(found)

    def _arrow(self, source: int, target: int, values: list[int]) -> Arrow:
        lines = (arguments(self.names, values), shape_text(self.graph[values[0]]))
        back = [v for v in values if v in self.flow.differentiable]
        gradient = (", ".join(f"∂{self.names[v]}" for v in back), lines[1]) if back else None
        return Arrow(source, target, lines, gradient, carried=source >= target)

    # Clusters

    def _clusters(self) -> tuple[tuple[Path, str], ...]:
        shown = {path for unit in self.flow.units for path in self._around(unit)}
        return tuple((path, cluster_label(self.flow, path)) for path in sorted(shown))

    def _around(self, unit: Unit) -> tuple[Path, ...]:
        """The clusters of a unit, but for those that the whole picture stands in."""
        outer = len(self.folded.within)
        return tuple(unit.region[: d + 1] for d in range(outer, len(unit.region)))
