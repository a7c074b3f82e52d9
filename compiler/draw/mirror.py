"""A picture as DOT: layers from left to right, their gradients beneath them from right to left.

The text says the structure (a rank for each column, edges back written forwards and drawn from the
wrong end) and the places too, so that Graphviz only draws: `layout=nop2`. With `dot -Kdot` it
would arrange the same graph by itself, but cannot hold the order of a rank in clusters, nor wrap rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .blocks import block_rows, blocks_size, cell, table
from .coordinates import TIP, Place, Point, Wire
from .layout import Layout
from .look import (
    BACKGROUND,
    BACKWARD,
    CLUSTER,
    CLUSTER_FILL,
    FONT,
    FORWARD,
    INK,
    JOIN,
    MUTED,
    PARAMETER,
    SHAPES,
    Colour,
    Direction,
    Size,
    Theme,
)
from .metrics import line_height, text_width
from .picture import CARDS, Arrow, Box, Column, Picture
from .places import Path
from .sizes import bar_height, texts
from .strip import node

_GAP = "&#160;"


def mirror(
    rows: Sequence[Picture], layout: Layout, size: Size, theme: Theme, direction: Direction = "LR"
) -> str:
    """The DOT text of a picture in rows or, from top to bottom, in columns."""
    return _Writer(rows, layout, size, theme, direction).text()


@dataclass(frozen=True, slots=True)
class _Writer:
    rows: Sequence[Picture]
    layout: Layout
    size: Size
    theme: Theme
    direction: Direction

    def text(self) -> str:
        lines = [f"digraph {_quoted(self.rows[0].name)} {{", *self._defaults()]
        for number, picture in enumerate(self.rows):
            lines += self._clusters(number, picture)
            for i, column in enumerate(picture.columns):
                lines += self._column(number, i, column)
            for arrow in picture.arrows:
                lines += self._arrow(number, arrow)
        return "\n".join([*lines, "}"]) + "\n"

    def _c(self, colour: Colour) -> str:
        return colour.of(self.theme)

    def _at(self, point: Point) -> str:
        """A point as Graphviz counts, from the lower left corner."""
        return f"{_number(point[0])},{_number(self.layout.height - point[1])}"

    # The whole

    def _defaults(self) -> list[str]:
        s = self.size
        return [
            f"  graph [layout=nop2 rankdir={self.direction} ranksep={s.ranks} nodesep={s.nodes} pad=0 "
            f'bgcolor="{self._c(BACKGROUND)}" fontname="{FONT}" '
            f'bb="0,0,{_number(self.layout.width)},{_number(self.layout.height)}"];',
            f'  node [fontname="{FONT}" fontsize={s.node} fontcolor="{self._c(INK)}" penwidth={s.line} '
            f"margin=0 fixedsize=true shape=box];",
            f'  edge [fontname="{FONT}" fontsize={s.edge} fontcolor="{self._c(MUTED)}" '
            f'penwidth={_number(s.line * 1.2)} arrowsize=0.85 color="{self._c(FORWARD)}"];',
            self._titled(),
            *self._corners(),
        ]

    def _corners(self) -> list[str]:
        """Two unseen points that keep the margin; Graphviz would cut the page at the outermost outlines."""
        ends = {"corner1": (0.0, 0.0), "corner2": (self.layout.width, self.layout.height)}
        look = 'shape=point style=invis width=0.01 height=0.01 label=""'
        return [f'  {name} [{look} pos="{self._at(end)}"];' for name, end in ends.items()]

    def _titled(self) -> str:
        """The title as a node, for that of a graph has no place of its own here."""
        place = self.layout.title
        size = f"width={_number(place.width / 72)} height={_number(place.height / 72)}"
        return f'  title [shape=none label=<{self._title()}> {size} pos="{self._at((place.x, place.y))}"];'

    def _title(self) -> str:
        first, *rest = self.layout.heading
        muted = f'<FONT COLOR="{self._c(MUTED)}" POINT-SIZE="{self.size.facts}">'
        name = f'<FONT POINT-SIZE="{self.size.title}"><B>net {escape(self.rows[0].name)}</B></FONT>'
        lines = [f"{name}{_GAP * 2}{muted}{escape(first)}</FONT>" if first else name]
        lines += [f"{muted}{escape(line)}</FONT>" for line in rest]
        return "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines)

    def _clusters(self, number: int, picture: Picture) -> list[str]:
        """Subgraphs inside each other, as the columns stand in them."""
        lines: list[str] = []
        opened: tuple[Path, ...] = ()
        for i, column in enumerate(picture.columns):
            common = sum(1 for a, b in zip(opened, column.path, strict=False) if a == b)
            lines += ["  }"] * (len(opened) - common)
            lines += [self._cluster(number, picture, path) for path in column.path[common:]]
            opened = column.path
            if opened:
                lines.append(f"  {node('f', number, i)};")
        return lines + ["  }"] * len(opened)

    def _cluster(self, number: int, picture: Picture, path: Path) -> str:
        text, points = dict(picture.clusters)[path], self.size.muted
        frame = self.layout.frames[number, path]
        box = f"{self._at((frame.left, frame.bottom))},{self._at((frame.right, frame.top))}"
        middle = (frame.left + 8 + text_width(text, points) / 2, frame.top + 4 + points * 0.6)
        label = f'<FONT COLOR="{self._c(MUTED)}" POINT-SIZE="{points}">{escape(text)}</FONT>'
        return (
            f"  subgraph {_quoted(f'cluster {number} ' + '.'.join(path))} {{ "
            f"graph [label=<{label}> labeljust=l "
            f'style="rounded,filled" color="{self._c(CLUSTER)}" fillcolor="{self._c(CLUSTER_FILL)}" '
            f'bb="{box}" lp="{self._at(middle)}"];'
        )

    # Columns

    def _column(self, number: int, i: int, column: Column) -> list[str]:
        heads = [(f"{node('a', number, i)}_{k}", box) for k, box in enumerate(column.above)]
        rest = (("f", column.forward), ("b", column.backward), ("g", column.below))
        stack = heads + [(node(kind, number, i), box) for kind, box in rest if box is not None]
        lines = [self._node(name, box) for name, box in stack]
        if len(stack) > 1:
            lines.append(f"  {{ rank=same; {'; '.join(name for name, _ in stack)}; }}")
        forward = node("f", number, i)
        for name, box in heads:
            colour = MUTED if box.role == "data" else PARAMETER
            lines.append(self._edge(name, forward, f'color="{self._c(colour)}"'))
        meet = self.rows[number].meet
        if column.joined(meet):
            style = f'dir=none style=dotted color="{self._c(JOIN)}" penwidth=2'
            lines.append(self._edge(forward, node("b", number, i), style))
        if column.below is not None:
            style = f'style=dashed color="{self._c(BACKWARD)}"'
            lines.append(self._edge(node("b", number, i), node("g", number, i), style))
            if meet and heads:
                style = f'color="{self._c(PARAMETER)}"'
                lines.append(self._edge(node("g", number, i), heads[-1][0], style))
        return lines

    def _node(self, name: str, box: Box) -> str:
        place, shape = self.layout.places[name], SHAPES[box.role]
        ink = BACKGROUND if box.role == "loss" else INK
        label = "<BR/>".join(self._line(box, *line) for line in texts(box, self.size))
        if box.role in CARDS or box.blocks:
            label = self._table(box, place)
        return (
            f'  {name} [label=<{label}> color="{self._c(shape.stroke)}" fillcolor="{self._c(shape.fill)}" '
            f'style="{shape.style}" shape={shape.shape} fontcolor="{self._c(ink)}" class="{box.role}" '
            f"width={_number(place.width / 72)} height={_number(place.height / 72)} "
            f'pos="{self._at((place.x, place.y))}"];'
        )

    def _table(self, box: Box, place: Place) -> str:
        """The label of a box with blocks, or with its title in a bar."""
        lines = texts(box, self.size)
        rows = [cell(self._line(box, *line)) for line in lines]
        width, used = place.width - self.size.line, 0.0
        if box.role in CARDS:
            rows = [cell(self._line(box, *line), width, line_height(line[1])) for line in lines]
            bar = f'<FONT COLOR="{self._c(BACKGROUND)}">{self._line(box, *lines[0])}</FONT>'
            rows[0] = cell(
                bar, width, bar_height(self.size), f' BGCOLOR="{self._c(SHAPES[box.role].stroke)}"'
            )
            used = bar_height(self.size) + sum(line_height(points) for _, points, _ in lines[1:])
            used += blocks_size(box.blocks, self.size)[1]
        rows += block_rows(box.blocks, self.size, self.theme)
        if box.role in CARDS:
            rows.append(cell("", width, max(place.height - used - self.size.line, 1)))
        return table(rows)

    def _line(self, box: Box, text: str, points: float, bold: bool) -> str:
        colour = f' COLOR="{self._c(MUTED)}"' if text in box.muted and not bold else ""
        inner = f"<B>{escape(text)}</B>" if bold else escape(text)
        return f'<FONT POINT-SIZE="{_number(points)}"{colour}>{inner}</FONT>'

    # Arrows

    def _arrow(self, number: int, arrow: Arrow) -> list[str]:
        found: list[str] = []
        for kind, lines in (("f", arrow.lines), ("b", arrow.gradient)):
            if lines is None:
                continue
            ends = node(kind, number, arrow.source), node(kind, number, arrow.target)
            wire = self.layout.wires[ends]
            straight = wire.is_straight
            style = f'dir=back style=dashed color="{self._c(BACKWARD)}" ' if kind == "b" else ""
            label = "\\n".join(lines if straight else lines[:1])
            weight = "constraint=false" if arrow.carried else f"weight={100 if straight else 1}"
            found.append(self._edge(*ends, f'{style}label="{label}" {weight}'))
        return found

    def _edge(self, tail: str, head: str, style: str) -> str:
        wire = self.layout.wires[tail, head]
        role = "join" if (tail[0], head[0]) == ("f", "b") else "backward" if tail[0] == "b" else "forward"
        label = f' lp="{self._at(wire.label)}"' if wire.label is not None else ""
        return f'  {tail} -> {head} [{style} class="{role}" pos="{self._spline(wire)}"{label}];'

    def _spline(self, wire: Wire) -> str:
        points = " ".join(map(self._at, wire.points))
        if not wire.headed:
            return points
        end, before = (
            (wire.points[0], wire.points[1]) if wire.at_start else (wire.points[-1], wire.points[-2])
        )
        return f"{'s' if wire.at_start else 'e'},{self._at(_tip(before, end))} {points}"


def _tip(before: Point, end: Point) -> Point:
    """The point of an arrow whose line ends where its head begins."""
    dx, dy = end[0] - before[0], end[1] - before[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    return end[0] + dx / length * TIP, end[1] + dy / length * TIP


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
