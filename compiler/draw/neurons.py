"""The neurons view: a circle for each unit of a dense network, a line for each weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ..extract import ancestors
from ..ir import Graph, Node
from ..ops.op import REGISTRY
from .formula import TRANSPARENT, count_text, name_text, subscript
from .look import (
    BACKGROUND,
    BACKWARD,
    DATA_FILL,
    FONT,
    FORWARD,
    FORWARD_FILL,
    INK,
    MUTED,
    Colour,
    Direction,
    Theme,
)
from .metrics import line_height, text_width
from .values import Array

WIDTH, HEIGHT = 960.0, 540.0  # points, a slide
_HEAD, _FOOT, _SIDE = 84.0, 46.0, 64.0  # kept free for the title, the layers' names and labels
_MOST = 11  # circles in a layer; of more units the first and last few are shown
_RADIUS = 15.0
_WIDEST: dict[Direction, float] = {"LR": 62.0, "TB": 84.0}  # between two units
_LABEL, _TITLE, _FACTS = 14, 20, 14


@dataclass(frozen=True, slots=True)
class Dense:
    """A matrix product: from the named units before it to those behind it."""

    param: str
    reads: str
    gives: str
    size_in: int
    size_out: int


def dense_layers(graph: Graph) -> list[Dense]:
    """The longest chain of matrix products with parameters, from its first to its last."""
    products = [(n, p) for n in graph if (p := _weights(graph, n)) is not None]
    chain: list[tuple[Node, Node]] = []
    for node, param in reversed(products):
        if not chain or (
            param.type.shape[1] == chain[-1][1].type.shape[0] and _leads(graph, node, chain[-1])
        ):
            chain.append((node, param))
    chain.reverse()
    names = [_reads(graph, node) for node, _ in chain]
    names.append(_given(graph, chain[-1][0]) if chain else "")
    return [
        Dense(param.name, names[k], names[k + 1], *(d for d in param.type.shape if isinstance(d, int)))
        for k, (_, param) in enumerate(chain)
    ]


def neurons(
    name: str,
    layers: Sequence[Dense],
    weights: Mapping[str, Array],
    classes: Sequence[str],
    note: str,
    theme: Theme,
    direction: Direction,
) -> str:
    """The DOT text. weights: [in, out] by parameter; classes: labels of the last units, if there are any."""
    return _Writer(name, layers, weights, classes, note, theme, direction).text()


def _weights(graph: Graph, node: Node) -> Node | None:
    """The parameter of a product x W of two matrices, outside of repeats in time."""
    if node.op != "matmul" or node.type.rank != 2 or any(s.layer == "scan" for s in node.scope):
        return None
    right = graph[graph.operands(node.id)[1]]
    return right if right.op == "param" else None


def _leads(graph: Graph, node: Node, following: tuple[Node, Node]) -> bool:
    """Whether a product's units are those that the following one reads, one by one."""
    id = graph.operands(following[0].id)[0]
    between = ancestors(graph, [id]) - ancestors(graph, [node.id])
    kinds = {REGISTRY[graph[i].op].kind for i in between if graph[i].op not in TRANSPARENT}
    return node.id in ancestors(graph, [id]) and kinds <= {
        "elementwise",
        "leaf",
        "row",
        "random",
        "reduction",
    }


def _reads(graph: Graph, node: Node) -> str:
    """What the units are called that a product reads: the nearest name of their tensor, or ''."""
    id = graph.operands(node.id)[0]
    while not graph[id].name and graph.operands(id) and graph[id].op in TRANSPARENT:
        id = graph.operands(id)[0]
    return name_text(graph[id].name)


def _given(graph: Graph, node: Node) -> str:
    id = node.id
    while not graph[id].name and len(graph.users(id)) == 1:
        id = graph.users(id)[0]
    return name_text(graph[id].name)


@dataclass(frozen=True, slots=True)
class _Writer:
    name: str
    layers: Sequence[Dense]
    weights: Mapping[str, Array]
    classes: Sequence[str]
    note: str
    theme: Theme
    direction: Direction

    @property
    def _turned(self) -> bool:
        return self.direction == "TB"

    @property
    def sizes(self) -> list[int]:
        return [self.layers[0].size_in, *(layer.size_out for layer in self.layers)]

    def text(self) -> str:
        lines = [f"digraph {_quoted(self.name)} {{", *self._head()]
        for k in range(len(self.sizes)):
            lines += self._units(k)
        for k, layer in enumerate(self.layers):
            lines += self._lines(k, self.weights[layer.param])
        return "\n".join([*lines, "}"]) + "\n"

    def _c(self, colour: Colour) -> str:
        return colour.of(self.theme)

    def _head(self) -> list[str]:
        facts = (
            f"{self.note}  ·  a line is a weight, the wider the larger: blue and solid +, orange and dashed −"
        )
        count = sum(a.size for a in self.weights.values())
        muted = f'<FONT COLOR="{self._c(MUTED)}" POINT-SIZE="{_FACTS}">'
        first = f'<FONT POINT-SIZE="{_TITLE}"><B>net {escape(self.name)}</B></FONT>&#160;&#160;'
        label = (
            f'{first}{muted}{count_text(count)} weights</FONT><BR ALIGN="LEFT"/>'
            f'{muted}{escape(facts)}</FONT><BR ALIGN="LEFT"/>'
        )
        width = max(text_width(facts, _FACTS), 300)
        corners = (("corner1", 0.0, 0.0), ("corner2", WIDTH, HEIGHT))
        return [
            f'  graph [layout=nop2 bb="0,0,{WIDTH:g},{HEIGHT:g}" pad=0 outputorder=edgesfirst '
            f'bgcolor="{self._c(BACKGROUND)}" fontname="{FONT}"];',
            f'  node [fontname="{FONT}" fontsize={_LABEL} fontcolor="{self._c(INK)}" fixedsize=true];',
            "  edge [arrowhead=none];",
            f"  title [shape=none label=<{label}> width={width / 72:.2f} height=0.7 "
            f'pos="{self._at(24 + width / 2, 44)}"];',
            *(f'  {n} [shape=point style=invis width=0.01 pos="{self._at(x, y)}"];' for n, x, y in corners),
        ]

    def _at(self, x: float, y: float) -> str:
        return f"{x:.1f},{HEIGHT - y:.1f}"

    def _shown(self, k: int) -> list[int]:
        """The units of a layer that have circles; a gap stands between the first and the last ones."""
        size = self.sizes[k]
        return [*range(size)] if size <= _MOST else [*range(5), *range(size - 4, size)]

    def _place(self, k: int, unit: int) -> tuple[float, float]:
        first, last, start, end = self._field
        along = first + (last - first) * k / (len(self.sizes) - 1)
        shown = self._shown(k)
        slots = len(shown) + (self.sizes[k] > _MOST)
        slot = shown.index(unit) + (self.sizes[k] > _MOST and unit >= 5)
        step = min((end - start) / slots, _WIDEST[self.direction])
        across = (start + end) / 2 + (slot - (slots - 1) / 2) * step
        return (across, along) if self._turned else (along, across)

    @property
    def _field(self) -> tuple[float, float, float, float]:
        """Where the first and the last layer stand, and between what their units."""
        if self._turned:
            return _HEAD + _LABEL + 24, HEIGHT - _LABEL - 32, 2 * _SIDE, WIDTH - 24
        names = self.classes or [f"{self.layers[-1].gives or 'h'}{subscript(self.sizes[-1])}"]
        label = max(text_width(name, _LABEL) for name in names)
        return _SIDE + 24, WIDTH - _SIDE - label, _HEAD, HEIGHT - _FOOT

    def _radius(self, k: int) -> float:
        _, _, start, end = self._field
        return min(_RADIUS, (end - start) / (min(self.sizes[k], _MOST) or 1) * 0.4)

    def _units(self, k: int) -> list[str]:
        shown, size = self._shown(k), self.sizes[k]
        is_data = k == 0
        stroke, fill = (MUTED, DATA_FILL) if is_data else (FORWARD, FORWARD_FILL)
        diameter = 2 * self._radius(k) / 72
        found = [
            f'  u{k}_{unit} [shape=circle label="" style=filled penwidth=1.8 width={diameter:.3f} '
            f'height={diameter:.3f} color="{self._c(stroke)}" fillcolor="{self._c(fill)}" '
            f'pos="{self._at(*self._place(k, unit))}"];'
            for unit in shown
        ]
        x, y = self._place(k, 0)
        if size > _MOST:
            before, after = self._place(k, 4), self._place(k, size - 4)
            middle = (before[0] + after[0]) / 2, (before[1] + after[1]) / 2
            found.append(self._text(f"gap{k}", "⋯" if self._turned else "⋮", *middle, 20))
        name = self.layers[k].reads if k < len(self.layers) else self.layers[-1].gives
        found.append(
            self._text(
                f"name{k}",
                f"{name or f'layer {k}'} · {count_text(size)}",
                *((_SIDE, y) if self._turned else (x, HEIGHT - 22)),
            )
        )
        if k == 0 or k == len(self.sizes) - 1:
            found += [self._labelled(k, unit, name) for unit in shown]
        return found

    def _labelled(self, k: int, unit: int, name: str) -> str:
        """The label beside a unit of the first or last layer."""
        x, y = self._place(k, unit)
        text = self.classes[unit] if k and self.classes else f"{name or 'h'}{subscript(unit + 1)}"
        sign = 1 if k else -1
        if self._turned:
            return self._text(f"label{k}_{unit}", text, x, y + sign * (self._radius(k) + 4 + _LABEL / 2))
        away = self._radius(k) + 8 + text_width(text, _LABEL) / 2
        return self._text(f"label{k}_{unit}", text, x + sign * away, y)

    def _text(self, id: str, text: str, x: float, y: float, points: int = _LABEL) -> str:
        width, height = text_width(text, points) / 72 + 0.1, line_height(points) / 72
        place = f'width={width:.2f} height={height:.2f} pos="{self._at(x, y)}"'
        return f"  {id} [shape=none fontsize={points} label={_quoted(text)} {place}];"

    def _lines(self, k: int, weights: Array) -> list[str]:
        """The lines of a layer, weak ones first, so that strong ones lie on top."""
        most = float(abs(weights).max()) or 1.0
        pairs = [(float(weights[i, j]), i, j) for i in self._shown(k) for j in self._shown(k + 1)]
        found: list[str] = []
        for value, i, j in sorted(pairs, key=lambda p: abs(p[0])):
            (x1, y1), (x2, y2) = self._place(k, i), self._place(k + 1, j)
            points = [self._at(x1 + (x2 - x1) * t / 3, y1 + (y2 - y1) * t / 3) for t in range(4)]
            sign = (
                f'color="{self._c(FORWARD)}"' if value >= 0 else f'color="{self._c(BACKWARD)}" style=dashed'
            )
            width = 0.15 + 3.2 * abs(value) / most
            found.append(
                f'  u{k}_{i} -> u{k + 1}_{j} [{sign} penwidth={width:.2f} pos="{" ".join(points)}"];'
            )
        return found


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
