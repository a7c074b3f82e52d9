"""The cards view: one card a layer, with its settings, shapes, parameters, activations and filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ..ir import Node
from ..ops.op import REGISTRY
from .compose import Composer
from .fold import Folded, Unit
from .formula import count_text, shape_text
from .picture import Art, Box, Column, Picture
from .titles import parameter_count


class Gallery(Protocol):
    """Thumbnails by node of the whole graph, where there are values to show."""

    def activation(self, id: int) -> Art | None:
        """Of a node's value."""
        ...

    def filters(self, id: int) -> Art | None:
        """Of a parameter that is made of images."""
        ...


def cards(
    name: str, folded: Folded, facts: tuple[str, ...], widths: Sequence[int], gallery: Gallery
) -> list[Picture]:
    """The picture with cards of each of these widths."""
    composer = _Cards(folded, gallery)
    facts = (*facts, "shapes leave out the batch")
    return [composer.picture(name, facts, width) for width in widths]


class _Cards(Composer):
    def __init__(self, folded: Folded, gallery: Gallery) -> None:
        super().__init__(folded)
        self.gallery = gallery

    def picture(self, name: str, facts: tuple[str, ...], width: int) -> Picture:
        columns = [Column(self._source(v)) for v in self.sources]
        columns += [self._card(i, width) for i in range(len(self.flow.units))]
        arrows = [
            replace(arrow, lines=(arrow.lines[1].removeprefix("N×").replace("N", "1"),), gradient=None)
            for arrow in self._arrows()
            if arrow.target < len(columns)
        ]
        return Picture(name, facts, tuple(columns), tuple(arrows), self._clusters())

    def _source(self, v: int) -> Box:
        art = self._activation(v)
        note = super()._data(v).muted
        return Box("sample", self.names[v], muted=note, blocks=(art,) if art else ())

    def _activation(self, id: int) -> Art | None:
        return self.gallery.activation(self.folded.part.sources[id])

    def _card(self, i: int, width: int) -> Column:
        unit = self.flow.units[i]
        lines = [line for part in unit.parts for line in self._settings(part)]
        lines = lines or [*self.writer.write(i, [width]).forward]
        params = [] if unit.is_loss else self.flow.owned(i)
        if 0 < len(params) <= 3:
            lines.append(" , ".join(f"{self.names[p]} {shape_text(self.graph[p])}" for p in params))
        filters = (self.gallery.filters(self.folded.part.sources[p]) for p in params)
        blocks = [art for art in filters if art is not None]
        blocks += [a for o in self.flow.outputs(i)[-1:] if (a := self._activation(o)) is not None]
        count = parameter_count(self.flow, params)
        turns = self.folded.regions[unit.call].turns if unit.call else 1
        times = f"{turns} × " if turns > 1 else ""
        muted = (f"{times}{count_text(count)} parameters",) if count else ()
        labels = [self.names[v] for v in self.flow.reads[i] if v in self.data and v not in self.sources]
        muted += (f"with {', '.join(labels)}",) if labels else ()
        role = "result" if unit.is_loss else "card"
        box = Box(role, self.titles[i], tuple(lines), muted, tuple(blocks))
        return Column(box, path=self._around(unit))

    def _settings(self, unit: Unit) -> list[str]:
        """The hyper-parameters of a layer that is one convolution, window or matrix product of parameters."""
        main = [self.graph[id] for id in unit.nodes if self._kind(id) in ("contraction", "window")]
        if len(main) != 1:
            return []
        node = main[0]
        weights = [self.graph[o] for o in self.graph.operands(node.id) if self.graph[o].op == "param"]
        shape = weights[0].type.shape if weights else ()
        if node.op == "conv" and len(shape) == 4:
            return [f"{shape[2]}×{shape[3]}, {shape[0]} filters{self._options(node)}"]
        if node.op == "matmul" and len(shape) == 2 and unit.call is not None:
            return [f"{shape[0]} → {shape[1]}"]
        if REGISTRY[node.op].kind == "window" and not weights:
            kernel = node.arguments.get("kernel")
            return ["×".join(map(str, kernel)) + self._options(node)] if isinstance(kernel, tuple) else []
        return []

    def _kind(self, id: int) -> str:
        return REGISTRY[self.graph[id].op].kind

    def _options(self, node: Node) -> str:
        """What is not as usual about a window: its stride, padding and so on."""
        kernel = node.arguments.get("kernel")
        usual = {"stride": {1, kernel}, "dilation": {1}, "groups": {1}, "pad": {0}}
        found = ""
        for name, values in usual.items():
            value = _alike(node.arguments.get(name, 0))
            if value not in {*values, *map(_alike, values), 0}:
                found += f", {name} {value}"
        return found


def _alike(value: object) -> object:
    """One number for a tuple that holds it throughout."""
    while isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    return value
