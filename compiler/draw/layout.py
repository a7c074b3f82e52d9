"""Where everything of a picture stands, in points from the upper left corner.

Each column is as wide as its widest box, each kind of box stands on one height throughout, and arrows past
columns run in lanes between the two rows: forward ones below the operations, their gradients as far above the
backward row. So a node and its gradient are in one column exactly, and nothing can overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .blocks import block_size
from .look import Size
from .metrics import line_height, text_width
from .picture import CARDS, Arrow, Box, Column, Picture, Role

Point = tuple[float, float]
MARGIN = 16.0
_PADDING = 9.0  # between a box's outline and its text
_FRAME = 10.0  # between a cluster's outline and what is in it
_OWN: frozenset[Role] = CARDS | frozenset[Role]({"loss", "seed"})  # whose boxes are as high as their texts
_TIP = 8.5  # the length of an arrow's head
_BAR = 4.0  # above and below the title in a bar


@dataclass(frozen=True, slots=True)
class Place:
    """A box's centre and size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Wire:
    """A line of cubic curves; at_start: its head is at the first point. label: its middle, if it has one."""

    points: tuple[Point, ...]
    at_start: bool = False
    headed: bool = True
    label: Point | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A cluster's rectangle."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Layout:
    """places by node name, wires by the names of their ends, frames by row and path."""

    places: dict[str, Place]
    wires: dict[tuple[str, str], Wire]
    frames: dict[tuple[int, tuple[str, ...]], Frame]
    title: Place
    width: float
    height: float


def node(kind: str, row: int, column: int) -> str:
    """The name of a node: f1_4 is the operation in column 4 of row 1."""
    return f"{kind}{row}_{column}"


def layout(rows: Sequence[Picture], size: Size) -> Layout:
    """Lay out the rows of a picture, one under the other."""
    places: dict[str, Place] = {}
    wires: dict[tuple[str, str], Wire] = {}
    frames: dict[tuple[int, tuple[str, ...]], Frame] = {}
    title_width, title_height = title_size(rows[0], size)
    top, right = MARGIN + title_height + 16, MARGIN + title_width
    for number, picture in enumerate(rows):
        row = _Row(picture, size, number, top)
        row.lay(places, wires, frames)
        top, right = row.bottom + 30, max(right, row.right)
    title = Place(MARGIN + title_width / 2, MARGIN + title_height / 2, title_width + 20, title_height + 10)
    return Layout(places, wires, frames, title, right + MARGIN, top - 30 + MARGIN)


def boxes(column: Column) -> list[Box]:
    return [*column.above, *(b for b in (column.forward, column.backward, column.below) if b is not None)]


def title_lines(picture: Picture, size: Size) -> tuple[str, ...]:
    """The facts beside the name or, where the picture is narrow, in lines below it."""
    width = max(sum(max(box_size(b, size)[0] for b in boxes(c)) + 60 for c in picture.columns), 500)
    lines = [""]
    room = width - text_width(f"net {picture.name}", size.title, bold=True) - 20
    for fact in picture.facts:
        longer = f"{lines[-1]}  ·  {fact}" if lines[-1] else fact
        if text_width(longer, size.facts) > room and (lines[-1] or len(lines) == 1):
            lines.append(fact)
            room = width
        else:
            lines[-1] = longer
    return tuple(lines)


def title_size(picture: Picture, size: Size) -> tuple[float, float]:
    lines = title_lines(picture, size)
    first = text_width(f"net {picture.name}", size.title, bold=True) + 14 + text_width(lines[0], size.facts)
    rest = [text_width(line, size.facts) for line in lines[1:]]
    return max(first, *rest, 0) if rest else first, line_height(size.title) + len(rest) * line_height(
        size.facts
    )


def texts(box: Box, size: Size) -> list[tuple[str, float, bool]]:
    """The lines of a box: text, points, bold."""
    found = [(box.title, float(size.node), True)] if box.title else []
    found += [(line, float(size.formula if box.title else size.node - 1), False) for line in box.lines]
    return found + [(line, float(size.muted), False) for line in box.muted]


def box_size(box: Box, size: Size) -> tuple[float, float]:
    """The width and the least height that hold a box's texts."""
    if box.role in ("loss", "seed"):
        return size.height * 72, size.height * 72
    lines = texts(box, size)
    blocks = [block_size(b, size) for b in box.blocks]
    width = max([text_width(*line) for line in lines] + [w for w, _ in blocks], default=0.0) + 2 * _PADDING
    height = sum(line_height(points) for _, points, _ in lines) + sum(h for _, h in blocks) + 10
    if box.role in CARDS:
        height += bar_height(size) - line_height(size.node)
    elif box.role == "data":
        width, height = width * 1.25, height * 1.1  # the corners of the text stay inside the ellipse
    least = 0.0 if box.role == "link" else size.width * 72
    return max(width, least), max(height, size.height * 72)


def bar_height(size: Size) -> float:
    """The height of the bar with a card's title."""
    return line_height(size.node) + 2 * _BAR


def label_width(lines: Sequence[str], size: Size) -> float:
    return max((text_width(line, size.edge) for line in lines), default=0.0)


class _Row:
    """One row being laid out."""

    def __init__(self, picture: Picture, size: Size, number: int, top: float) -> None:
        self.picture, self.size, self.number = picture, size, number
        self.columns = picture.columns
        self.lane_of = lanes(picture)
        depth = max(len(c.path) for c in self.columns)
        heads = max(len(c.above) for c in self.columns)
        self.gap = size.nodes * 72 * (2.0 if any(a.carried for a in picture.arrows) else 1.6)
        self.frame_top = top
        self.heights = self._heights()
        mirrored = any(c.backward is not None for c in self.columns)
        lanes_height = (max(self.lane_of.values(), default=-1) + 1) * self.lane_step
        y = top + depth * (_FRAME + line_height(size.muted))
        bands = ["a"] * heads
        below = ["g"] if any(c.below is not None for c in self.columns) else []
        backward = ["b"] if mirrored else []
        order = ["f", *bands, *below, *backward] if picture.meet else [*bands, "f", *backward, *below]
        # Lanes run between the rows or, where parameters stand there, outside of both.
        after = {"f": lanes_height, "b": 0.0} if not picture.meet else {"f": 0.0, "b": lanes_height}
        before = {"f": 0.0, "b": lanes_height} if not picture.meet else {"f": lanes_height, "b": 0.0}
        if lanes_height and mirrored:
            before["f" if picture.meet else "b"] += line_height(size.edge)
        middles: dict[str, list[float]] = {"a": [], "f": [], "b": [], "g": []}
        for k, kind in enumerate(order):
            y += (self.gap if k else 0.0) + before.get(kind, 0.0)
            middles[kind].append(y + self.heights[kind] / 2)
            y += self.heights[kind] + after.get(kind, 0.0)
        self.head_y = middles["a"]
        self.forward_y = middles["f"][0]
        self.backward_y = next(iter(middles["b"]), self.forward_y)
        self.below_y = next(iter(middles["g"]), self.backward_y)
        self.bottom = y + depth * _FRAME
        self.right = MARGIN

    def _heights(self) -> dict[str, float]:
        """One height for all boxes of a kind."""
        kinds: dict[str, list[Box]] = {"a": [], "f": [], "b": [], "g": []}
        for column in self.columns:
            kinds["a"] += column.above
            for kind, box in (("f", column.forward), ("b", column.backward), ("g", column.below)):
                kinds[kind] += [box] if box is not None else []
        return {
            kind: max((box_size(b, self.size)[1] for b in found), default=0.0)
            for kind, found in kinds.items()
        }

    @property
    def lane_step(self) -> float:
        return line_height(self.size.edge) + 4

    def lay(
        self,
        places: dict[str, Place],
        wires: dict[tuple[str, str], Wire],
        frames: dict[tuple[int, tuple[str, ...]], Frame],
    ) -> None:
        spans = self._across(places)
        self._frames(spans, frames)
        self._joins(places, wires)
        for arrow in self.picture.arrows:
            self._arrow(arrow, places, wires)

    def _name(self, kind: str, column: int) -> str:
        return node(kind, self.number, column)

    # Columns

    def _across(self, places: dict[str, Place]) -> list[tuple[float, float]]:
        """Place the columns from left to right; gives what each takes."""
        spans: list[tuple[float, float]] = []
        opened = _FRAME * len(self.columns[0].path)
        left = MARGIN + opened
        for i, column in enumerate(self.columns):
            width = max(box_size(b, self.size)[0] for b in boxes(column))
            if i:
                left += self._gap(i)
            self._column(i, column, left + width / 2, places)
            spans.append((left, left + width))
            left += width
            left += self._short(i, spans)
        self.right = left + _FRAME * len(self.columns[-1].path)
        return spans

    def _short(self, i: int, spans: list[tuple[float, float]]) -> float:
        """How much wider the clusters that end here must be to hold their labels."""
        after = self.columns[i + 1].path if i + 1 < len(self.columns) else ()
        labels = dict(self.picture.clusters)
        missing = [0.0]
        for path in self.columns[i].path:
            if path not in after:
                first = next(k for k, c in enumerate(self.columns) if path in c.path)
                label = text_width(labels[path], self.size.muted) + 8
                missing.append(label - (spans[-1][1] - spans[first][0]))
        return max(missing)

    def _gap(self, i: int) -> float:
        """The room between a column and the one before: for labels, heads and the outlines of clusters."""
        left, right = self.columns[i - 1].path, self.columns[i].path
        common = _common(left, right)
        outlines = (len(left) - common + len(right) - common) * _FRAME
        passing = [a for a in self.picture.arrows if a.source < i <= a.target and not a.carried]
        near = [a for a in passing if self._straight(a)]
        labels = [label_width(lines, self.size) for a in near for lines in (a.lines, a.gradient or ())]
        return max([36.0, *(w + 20 for w in labels)]) + outlines

    def _straight(self, arrow: Arrow) -> bool:
        return id(arrow) not in self.lane_of and not arrow.carried

    def _column(self, i: int, column: Column, x: float, places: dict[str, Place]) -> None:
        def put(name: str, box: Box, y: float) -> None:
            width, height = box_size(box, self.size)
            places[name] = Place(x, y, width, height if box.role in _OWN else self.heights[name[0]])

        missing = len(self.head_y) - len(column.above)  # they stand at the gradient, or at the operation
        for k, box in enumerate(column.above):
            put(f"{self._name('a', i)}_{k}", box, self.head_y[missing + k])
        put(self._name("f", i), column.forward, self.forward_y)
        if column.backward is not None:
            put(self._name("b", i), column.backward, self.backward_y)
        if column.below is not None:
            put(self._name("g", i), column.below, self.below_y)

    def _frames(
        self, spans: list[tuple[float, float]], frames: dict[tuple[int, tuple[str, ...]], Frame]
    ) -> None:
        for path in dict.fromkeys(p for c in self.columns for p in c.path):
            inside = [i for i, c in enumerate(self.columns) if path in c.path]
            level = self.columns[inside[0]].path.index(path)
            own = max(len(self.columns[i].path) for i in inside) - level
            outer = level * (_FRAME + line_height(self.size.muted))
            frames[self.number, path] = Frame(
                spans[inside[0]][0] - own * _FRAME,
                self.frame_top + outer,
                spans[inside[-1]][1] + self._short(inside[-1], spans[: inside[-1] + 1]) + own * _FRAME,
                self.bottom - level * _FRAME,
            )

    # Lines

    def _joins(self, places: dict[str, Place], wires: dict[tuple[str, str], Wire]) -> None:
        """The lines within each column."""
        for i, column in enumerate(self.columns):
            heads = [f"{self._name('a', i)}_{k}" for k in range(len(column.above))]
            forward, backward, below = (self._name(kind, i) for kind in "fbg")
            for head in heads:
                wires[head, forward] = _vertical(places[head], places[forward])
            if column.joined(self.picture.meet):
                line = _line(_below(places[forward]), _above(places[backward]))
                wires[forward, backward] = Wire(line, headed=False)
            if column.below is not None:
                wires[backward, below] = _vertical(places[backward], places[below])
                if self.picture.meet and heads:
                    wires[below, heads[-1]] = _vertical(places[below], places[heads[-1]])

    def _arrow(self, arrow: Arrow, places: dict[str, Place], wires: dict[tuple[str, str], Wire]) -> None:
        for kind, lines in (("f", arrow.lines), ("b", arrow.gradient)):
            if lines is None:
                continue
            ends = self._name(kind, arrow.source), self._name(kind, arrow.target)
            source, target = places[ends[0]], places[ends[1]]
            back = kind == "b"
            if arrow.carried:
                wires[ends] = self._loop(source, target, back, lines)
            elif self._straight(arrow):
                wires[ends] = self._across_gap(arrow, source, target, back, lines)
            else:
                wires[ends] = self._in_lane(arrow, source, target, back)

    def _across_gap(
        self, arrow: Arrow, source: Place, target: Place, back: bool, lines: Sequence[str]
    ) -> Wire:
        a = source.right + (_TIP if back else 0)
        b = target.left - (0 if back else _TIP)
        left, right = self.columns[arrow.target - 1].path, self.columns[arrow.target].path
        common = _common(left, right)
        free_left = source.right + (len(left) - common) * _FRAME
        free_right = target.left - (len(right) - common) * _FRAME
        middle = (free_left + free_right) / 2
        above = len(lines) * line_height(self.size.edge) / 2 + 4
        return Wire(_line((a, source.y), (b, target.y)), at_start=back, label=(middle, source.y - above))

    def _in_lane(self, arrow: Arrow, source: Place, target: Place, back: bool) -> Wire:
        """Out of the side that faces the other row, along the lane, and back; or out of the other side."""
        number = self.lane_of[id(arrow)]
        upwards = back != self.picture.meet
        away = -1 if upwards else 1
        inset = 14 + 7 * (number % 3)
        edge = source.top if upwards else source.bottom
        y = edge + away * (16 + (number + 0.5) * self.lane_step)
        x1 = max(source.right - inset, source.x + 4)
        x2 = min(target.left + inset, target.x - 4)
        y1 = _outline(source, upwards) + (away * _TIP if back else 0)
        y2 = _outline(target, upwards) + (0 if back else away * _TIP)
        bend = min(26.0, (x2 - x1) / 2)
        points = (
            (x1, y1), (x1, (y1 + y) / 2), (x1 + bend / 3, y), (x1 + bend, y),
            *_line((x1 + bend, y), (x2 - bend, y))[1:],
            (x2 - bend / 3, y), (x2, (y2 + y) / 2), (x2, y2),
        )  # fmt: skip
        return Wire(points, at_start=back, label=((x1 + x2) / 2, y - line_height(self.size.edge) / 2 - 1))

    def _loop(self, source: Place, target: Place, back: bool, lines: Sequence[str]) -> Wire:
        """A carried tensor, from the end of one turn to the start of the next, outside of both rows."""
        away = 1 if back else -1
        edge = source.bottom if back else source.top
        y = edge + away * self.gap * 0.55
        x1, x2 = source.right - 16, target.left + 16
        y1 = edge + (away * _TIP if back else 0)
        y2 = edge + (0 if back else away * _TIP)
        points = ((x1, y1), (x1, y), (x1, y), (x1 - 10, y), *_line((x1 - 10, y), (x2 + 10, y))[1:],
                  (x2, y), (x2, y), (x2, y2))  # fmt: skip
        label = (x1 + 8 + label_width(lines[:1], self.size) / 2, y)
        return Wire(points, at_start=back, label=label)


def lanes(picture: Picture) -> dict[int, int]:
    """The lane of each arrow that passes a column, by its id; lane 0 is the nearest to the boxes.

    Arrows that do not overlap share one, and short ones stay near.
    """
    sources = sum(c.forward.role == "data" for c in picture.columns)
    taken: list[list[tuple[int, int]]] = []
    found: dict[int, int] = {}
    long = [a for a in picture.arrows if a.target - max(a.source, sources - 1) > 1]
    for arrow in sorted(long, key=lambda a: (a.target - a.source, a.source)):
        free = (
            n for n, ways in enumerate(taken) if all(t <= arrow.source or arrow.target <= s for s, t in ways)
        )
        number = next(free, len(taken))
        if number == len(taken):
            taken.append([])
        taken[number].append((arrow.source, arrow.target))
        found[id(arrow)] = number
    return found


def _common(a: Sequence[object], b: Sequence[object]) -> int:
    return next((i for i, (p, q) in enumerate(zip(a, b, strict=False)) if p != q), min(len(a), len(b)))


def _line(a: Point, b: Point) -> tuple[Point, ...]:
    """A straight line as a cubic curve."""
    return (
        a,
        ((2 * a[0] + b[0]) / 3, (2 * a[1] + b[1]) / 3),
        ((a[0] + 2 * b[0]) / 3, (a[1] + 2 * b[1]) / 3),
        b,
    )


def _vertical(start: Place, end: Place) -> Wire:
    """The arrow between two boxes of a column."""
    if start.y < end.y:
        return Wire(_line(_below(start), _above(end, _TIP)))
    return Wire(_line(_above(start), (end.x, end.bottom + _TIP)))


def _below(place: Place) -> Point:
    return place.x, place.bottom


def _above(place: Place, room: float = 0) -> Point:
    return place.x, place.top - room


def _outline(place: Place, top: bool) -> float:
    return place.top if top else place.bottom


__all__ = ["Frame", "Layout", "Place", "Wire", "layout", "node"]
