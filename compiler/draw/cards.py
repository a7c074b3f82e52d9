"""The cards view: one card a layer, with its settings, shapes, parameters, activations and filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ..ir import Node
from ..ops.op import REGISTRY
from .compose import Composer
from .flow import Flow
from .fold import Folded
from .formula import TRANSPARENT, count_text, shape_text
from .picture import Arrow, Art, Box, Column, Picture
from .titles import parameter_count


class Gallery(Protocol):
    """Thumbnails, where there are values to show."""

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
        self.ends = grouped(self.flow)

    def picture(self, name: str, facts: tuple[str, ...], width: int) -> Picture:
        units = self.flow.units
        shown = [i for i in range(len(units)) if self.ends[i] == i]
        shift = len(self.sources)
        columns = [Column(self._source(v)) for v in self.sources]
        columns += [self._card(i, width) for i in shown]
        place = {i: shift + k for k, i in enumerate(shown)}
        arrows: dict[tuple[int, int], Arrow] = {}
        for arrow in self._arrows():
            if arrow.target - shift >= len(units):
                continue
            source, target = (
                place[self.ends[a - shift]] if a >= shift else a for a in (arrow.source, arrow.target)
            )
            if source != target or arrow.carried:
                label = (arrow.lines[1].removeprefix("N×").replace("N", "1"),)
                arrows.setdefault((source, target), replace(
                    arrow, source=source, target=target, lines=label, gradient=None
                ))  # fmt: skip
        return Picture(name, facts, tuple(columns), tuple(arrows.values()), self._clusters())

    def _source(self, v: int) -> Box:
        art = self.gallery.activation(v)
        note = super()._data(v).muted
        return Box("sample", self.names[v], muted=note, blocks=(art,) if art else ())

    def _card(self, i: int, width: int) -> Column:
        parts = [k for k, end in enumerate(self.ends) if end == i]
        unit = self.flow.units[i]
        lines: list[str] = []
        for k in parts:
            lines += self._settings(k) or (self.writer.write(k, width).forward if k == parts[0] else ())
        params = [p for k in parts for p in self.flow.owned(k)] if not unit.is_loss else []
        if 0 < len(params) <= 3:
            lines.append(" , ".join(f"{self.names[p]} {shape_text(self.graph[p])}" for p in params))
        blocks = [a for p in params if (a := self.gallery.filters(p)) is not None]
        blocks += [a for o in self.flow.outputs(i)[-1:] if (a := self.gallery.activation(o)) is not None]
        count = parameter_count(self.flow, params)
        turns = self.folded.regions[unit.call].turns if unit.call else 1
        times = f"{turns} × " if turns > 1 else ""
        muted = (f"{times}{count_text(count // turns)} parameters",) if count else ()
        labels = [
            self.names[v]
            for k in parts
            for v in self.flow.reads[k]
            if v in self.data and v not in self.sources
        ]
        muted += (f"with {', '.join(labels)}",) if labels else ()
        title = " + ".join(self.titles[k] for k in parts)
        role = "result" if unit.is_loss else "card"
        path = tuple(unit.region[: d + 1] for d in range(len(unit.region)))
        return Column(Box(role, title, tuple(lines), muted, tuple(blocks)), path=path)

    def _settings(self, i: int) -> list[str]:
        """The hyper-parameters of a layer that is one convolution, window or matrix product of parameters."""
        main = [n for n in _operations(self.flow, i) if REGISTRY[n.op].kind in ("contraction", "window")]
        if len(main) != 1:
            return []
        node = main[0]
        weights = [self.graph[o] for o in self.graph.operands(node.id) if self.graph[o].op == "param"]
        shape = weights[0].type.shape if weights else ()
        if node.op == "conv" and len(shape) == 4:
            return [f"{shape[2]}×{shape[3]}, {shape[0]} filters{self._options(node)}"]
        if node.op == "matmul" and len(shape) == 2 and self.flow.units[i].call is not None:
            return [f"{shape[0]} → {shape[1]}"]
        if REGISTRY[node.op].kind == "window" and not weights:
            kernel = node.arguments.get("kernel")
            return ["×".join(map(str, kernel)) + self._options(node)] if isinstance(kernel, tuple) else []
        return []

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


def grouped(flow: Flow) -> list[int]:
    """For each unit the one whose card shows it: an activation joins the layer that it follows."""
    ends = list(range(len(flow.units)))
    for i in range(1, len(ends)):
        reads = flow.reads[i]
        before = flow.place.get(reads[0]) if len(reads) == 1 else None
        if before is None or before >= i or ends[before] != before:
            continue
        together = flow.units[i].region == flow.units[before].region and flow.readers(reads[0]) == [i]
        if together and _is_activation(flow, i):
            ends = [i if e == before else e for e in ends]
    return ends


def _is_activation(flow: Flow, i: int) -> bool:
    """Whether a unit is elementwise operations of one tensor, without parameters."""
    kinds = {REGISTRY[node.op].kind for node in _operations(flow, i)}
    return kinds == {"elementwise"} and not flow.units[i].is_loss


def _operations(flow: Flow, i: int) -> list[Node]:
    return [flow.graph[id] for id in flow.units[i].nodes if flow.graph[id].op not in TRANSPARENT]


def _alike(value: object) -> object:
    """One number for a tuple that holds it throughout."""
    while isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    return value
